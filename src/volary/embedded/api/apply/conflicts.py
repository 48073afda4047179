"""The 409 of an apply: which fields others own, in the server's words.

Source: apimachinery, util/managedfields/internal/conflict.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from volary.embedded.api.apply.field_sets import FieldSet, path_text, paths
from volary.embedded.api.apply.managers import Who
from volary.embedded.api.errors import Problem


class Conflicts(Exception):
    """Fields that other managers own, with the owners."""

    def __init__(self, found: Mapping[Who, FieldSet]) -> None:
        super().__init__("conflict")
        self.found = found

    def problem(self) -> Problem:
        """Return the 409, with a cause for each field."""
        ordered = sorted(self.found.items(), key=lambda item: item[0].identity)
        owners = [(owner_text(who), [path_text(path) for path in paths(fields)]) for who, fields in ordered]
        causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": path}
            for owner, owned in owners
            for path in owned
        ]
        if len(causes) == 1:
            message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
        else:
            lines = [
                line for owner, owned in owners for line in (f"conflicts with {owner}:", *(f"- {it}" for it in owned))
            ]
            message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
        return Problem(409, "Conflict", message, {"causes": causes})


def owner_text(who: Who) -> str:
    """Return an owner as conflicts name it."""
    text = f'"{who.manager}"'
    if who.subresource:
        text += f' with subresource "{who.subresource}"'
    return f"{text} using {who.version}" if who.operation == "Update" else text
