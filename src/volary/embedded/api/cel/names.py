"""Names of fields as rules in CEL write them: what is no identifier there, or a reserved word, is escaped.

Source: Kubernetes, apiserver/pkg/cel/escaping.go.
"""

from __future__ import annotations

import re
from functools import lru_cache

RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
NAME = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*\Z")
ESCAPED = re.compile(r"__|[-./]")
ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}


@lru_cache(maxsize=4096)
def escape(name: str) -> str | None:
    """Return the name as rules write it, or None where no rule can name the field."""
    if name in RESERVED:
        return f"__{name}__"
    if not NAME.match(name):
        return None
    return ESCAPED.sub(lambda found: ESCAPES[found[0]], name)
