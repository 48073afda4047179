"""The text of a rule, made ready for the library that evaluates it.

The library lets nobody add overloads to a function of its own, so functions that Kubernetes extends, and one that
strays from the language, get names of the same length, which leaves every position in an error as it was. A format's
`validate` gives an optional list, which no function of ours can return: the text around it makes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

TOKEN = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      | (?P<comment>//[^\n]*)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<space>\s+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
# Name of the language -> ours. `string` is also a type, and only a function where a bracket follows.
RENAMED: Mapping[str, str] = {
    "string": "strinG",
    "indexOf": "indexoF",
    "lastIndexOf": "lastIndexoF",
    "substring": "substrinG",
}
FORMAT = re.compile(r"format\s*\.\s*(?P<name>\w+)\s*\(\s*\)\s*\.\s*validate\s*\(")


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) of each token; together the texts are the whole."""
    for found in TOKEN.finditer(text):
        yield found.lastgroup or "other", found[0]


def names(text: str) -> set[str]:
    """Return the variables and functions that an expression names, without the fields that it selects."""
    found, before = set(), ""
    for kind, token in tokens(text):
        if kind == "word" and before != ".":
            found.add(token)
        if kind not in ("space", "comment"):
            before = token
    return found


def adapted(text: str) -> str:
    """Return the expression as the library is given it."""
    parts = list(tokens(text))
    renamed = []
    for index, (kind, token) in enumerate(parts):
        called = next((it for other, it in parts[index + 1 :] if other not in ("space", "comment")), "") == "("
        renamed.append(RENAMED.get(token, token) if kind == "word" and called else token)
    return _with_formats("".join(renamed))


def told(message: str) -> str:
    """Return a message of the library with the names of the language in it."""
    for name, ours in RENAMED.items():
        message = message.replace(ours, name)
    return message


def _with_formats(text: str) -> str:
    """Put `optional.ofNonZeroValue(format.check(NAME, x))` where `format.NAME().validate(x)` stands."""
    at = 0
    while found := FORMAT.search(text, at):
        end = _closing(text, found.end())
        if end is None:
            return text
        inside = _with_formats(text[found.end() : end])
        made = f'optional.ofNonZeroValue(format.check("{found["name"]}", {inside}))'
        text = text[: found.start()] + made + text[end + 1 :]
        at = found.start() + len(made)
    return text


def _closing(text: str, start: int) -> int | None:
    """Return where the bracket ends that was opened just before `start`."""
    depth, at = 1, start
    for _, part in tokens(text[start:]):
        depth += (part == "(") - (part == ")")
        if depth == 0:
            return at
        at += len(part)
    return None
