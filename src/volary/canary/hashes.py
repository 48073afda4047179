"""What a revision is called: a hash that says how it was made.

`v1:` and the SHA-256 of the canonical JSON of a pod template. Any other text in a status is somebody else's (Flagger
dumps Go structs, and the dump changes with its libraries): it is never compared, the templates are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

OURS = "v1:"


def canonical(value: object) -> bytes:
    """Return JSON with sorted keys and no spaces: equal values give equal bytes."""
    return msgspec.json.encode(value, order="deterministic")


def revision_of(template: Mapping[str, Any]) -> str:
    """Return the name of a pod template's revision; what a server adds to every template does not count."""
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if key != "creationTimestamp"}
    return OURS + hashlib.sha256(canonical({**template, "metadata": metadata})).hexdigest()


def is_ours(stored: str) -> bool:
    """Was this hash made by us, so that it can be compared?"""
    return stored.startswith(OURS)


def trial_of(applied: str, tracked: tuple[tuple[str, str], ...]) -> str:
    """Return one name for a revision together with the configuration that it was tried with; "" for none."""
    if not applied:
        return ""
    return OURS + hashlib.sha256(canonical([applied, [list(pair) for pair in tracked]])).hexdigest()[:32]
