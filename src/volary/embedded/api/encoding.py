"""Bytes to objects and back: JSON, YAML as Go reads it, and fields that a body names twice.

`managedFields` of stored objects are `msgspec.Raw` (bytes that are already JSON): nearly half of an object, read only
when a write needs them. Encoding takes them as they are.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from volary.embedded.api.errors import bad_request

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
encode = _encoder.encode


def decode(body: bytes) -> Any:
    """Return the value of JSON bytes. Raises: Problem."""
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise bad_request(JSON_ERROR + go_error(body, str(error))) from error
    except UnicodeDecodeError as error:
        raise bad_request(f"{JSON_ERROR}invalid character in a string: it is no UTF-8") from error
    except RecursionError as error:
        raise bad_request(JSON_ERROR + TOO_DEEP) from error


JSON_ERROR = "error decoding JSON: "
TOO_DEEP = "exceeded max depth"
AT = re.compile(r"byte (\d+)")


def go_error(body: bytes, text: str) -> str:
    """Return a JSON error in Go's words."""
    if "truncated" in text or not body:
        return "unexpected end of JSON input"
    found = AT.search(text)
    char = chr(body[int(found[1])]) if found and int(found[1]) < len(body) else ""
    return f"invalid character '{char}' looking for beginning of value" if char else text


def copy_of(value: Any) -> Any:
    """Return a deep copy of a JSON value; the fastest way there is."""
    return _decoder.decode(_encoder.encode(value))


def read(body: bytes, content_type: str) -> tuple[Any, list[str]]:
    """Return the value of a JSON or YAML body and the fields named twice in it. Raises: Problem."""
    if "yaml" in content_type and body[:1] != b"{":
        return read_yaml(body)
    value = decode(body)
    # A body without repeated keys and written compactly comes back at the same length: nothing to look for.
    if len(_encoder.encode(value)) == len(body):
        return value, []
    return value, repeated_fields(body)


def repeated_fields(body: bytes) -> list[str]:
    """Return the paths of keys that stand twice in one JSON object, in order."""
    repeats: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> _Pairs:
        return _Pairs(found)

    _walk_pairs(json.loads(body, object_pairs_hook=pairs), "", repeats)
    return repeats


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its keys as they stood."""


def _walk_pairs(value: Any, path: str, repeats: list[str]) -> None:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, child in value:
            where = f"{path}.{key}" if path else key
            if key in seen and where not in repeats:
                repeats.append(where)
            seen.add(key)
            _walk_pairs(child, where, repeats)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _walk_pairs(child, f"{path}[{index}]", repeats)


def read_yaml(body: bytes) -> tuple[Any, list[str]]:
    """Return the value of a YAML document and the keys that stand twice in one mapping. Raises: Problem."""
    from volary.embedded.api.text import go_yaml

    return go_yaml.read_yaml(body)
