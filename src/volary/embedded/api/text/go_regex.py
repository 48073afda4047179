"""Go's regular expressions in Python's: the few that are written in another way, and its words for mistakes.

Source: Go, regexp/syntax.
"""

from __future__ import annotations

import re
from functools import lru_cache

POSIX = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "lower": "a-z",
    "space": r"\s",
    "upper": "A-Z",
    "word": r"\w",
}


@lru_cache(maxsize=4096)
def pattern(text: str) -> re.Pattern[str]:
    """Return a Go regular expression compiled; `$` is the very end of the text there. Raises: re.error."""
    translated, in_class, index = "", False, 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            pair = text[index : index + 2]
            translated += r"\Z" if pair == r"\z" else pair
            index += 2
            continue
        if in_class and (found := re.match(r"\[:(\w+):\]", text[index:])):
            translated += POSIX.get(found[1], "")
            index += len(found[0])
            continue
        in_class = (in_class or char == "[") and not (in_class and char == "]")
        translated += r"\Z" if char == "$" and not in_class else char
        index += 1
    return re.compile(translated)


def mistake(text: str, error: re.error) -> str:
    """Return what Go says of an expression that is none."""
    at = error.pos or 0
    words = {
        "unterminated character set": f"missing closing ]: `{text[at:]}`",
        "missing ), unterminated subpattern": f"missing closing ): `{text}`",
        "unbalanced parenthesis": f"unexpected ): `{text}`",
        "nothing to repeat": f"missing argument to repetition operator: `{text[at : at + 1]}`",
        "multiple repeat": f"invalid nested repetition operator: `{text[at - 1 : at + 1]}`",
        "bad escape (end of pattern)": "trailing backslash at end of expression: ``",
    }
    return "error parsing regexp: " + words.get(error.msg, error.msg)
