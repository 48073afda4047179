"""What a request line asks for: which cluster, which path, which query. The same line is read once.

`/clusters/NAME/PATH` is PATH of the cluster NAME, on any port of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

from volary.embedded.api.call import Path, split_path

CLUSTERS = "/clusters/"
LONGEST_PATH = 8 << 10  # what is known of paths is remembered, here and in the API; a query may be as long as a head
LONGEST_KEPT = 2 << 10  # longer lines are read anew each time, or they would fill the memory
HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One request line, without its method; known by identity. `cluster` "": whichever the port belongs to."""

    cluster: str
    raw: str  # path and query as they came, without the prefix of the cluster
    path: str  # decoded
    query: Mapping[str, str]  # of a name given twice, the first value
    parts: Path | None  # None: not the path of a resource
    watch: bool

    @property
    def proxied(self) -> bool:
        """Does a body pass through instead of being read?"""
        return self.parts is not None and self.parts.subresource == "proxy"


class BadTarget(ValueError):
    """A request line that asks for nothing."""


class TooLong(BadTarget):
    """A path that is longer than any that is served."""


def read_target(line: bytes) -> Target:
    """Return what the target of a request line says. Raises: BadTarget."""
    return kept_target(line) if len(line) <= LONGEST_KEPT else new_target(line)


def new_target(line: bytes) -> Target:
    """Return what the target of a request line says, read anew. Raises: BadTarget."""
    text = line.decode("latin-1")
    if not text.startswith("/"):
        text = of_absolute(text)
    cluster, raw = of_cluster(text)
    escaped, _, query = raw.partition("?")
    if len(escaped) > LONGEST_PATH:
        raise TooLong(escaped[:100])
    path = decoded(escaped)
    first: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        first.setdefault(key, value)
    watch = first.get("watch", "").lower() in ("true", "1")
    return Target(cluster, raw, path, first, split_path(path), watch)


kept_target = lru_cache(maxsize=8192)(new_target)


def of_absolute(text: str) -> str:
    """Return what follows the host, as proxies send whole addresses. Raises: BadTarget."""
    scheme, mark, rest = text.partition("://")
    if not mark or scheme.lower() not in ("http", "https"):
        raise BadTarget(text)
    _, slash, path = rest.partition("/")
    return slash + path or "/"


def of_cluster(text: str) -> tuple[str, str]:
    """Return the cluster's name and what is asked of it. Raises: BadTarget."""
    if not text.startswith(CLUSTERS):
        return "", text
    path, mark, query = text.partition("?")
    name, _, rest = path[len(CLUSTERS) :].partition("/")
    return decoded(name), f"/{rest}{mark}{query}"


def decoded(escaped: str) -> str:
    """Return a path without its escapes. Raises: BadTarget for an escape that is none."""
    if "%" not in escaped:
        return escaped if escaped.isascii() else escaped.encode("latin-1").decode("utf-8", "replace")
    for after in escaped.split("%")[1:]:
        if len(after) < 2 or not HEX.issuperset(after[:2]):
            raise BadTarget(escaped)
    if escaped.isascii():
        return unquote(escaped)
    return unquote_to_bytes(escaped.encode("latin-1")).decode("utf-8", "replace")
