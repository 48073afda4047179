"""The `pod-template-hash` of a ReplicaSet: a stable name for one pod template.

Kubernetes hashes a dump of its own Go structures, which changes with its versions and cannot be rebuilt elsewhere.
This one hashes the template's canonical JSON and spells it in the same alphabet (no vowels, no digits that look like
letters), so names look alike and stay the same across restarts; the value itself is ours.
"""

from __future__ import annotations

import hashlib
import json

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import labels_of, meta

LABEL = "pod-template-hash"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
LENGTH = 10


def template_hash(template: Object, collisions: int = 0) -> str:
    """Return ten letters for a template; another ten for each `collisions`."""
    text = json.dumps([plain(template), collisions], sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    letters = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)


def plain(template: Object) -> NewObject:
    """Return a template without its hash label and without what only creation adds."""
    metadata = {
        key: value
        for key, value in meta(template).items()
        if key not in ("labels", "creationTimestamp") and value not in (None, {})
    }
    labels = {key: value for key, value in labels_of(template).items() if key != LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def same_template(one: Object, other: Object) -> bool:
    """Are two pod templates equal but for their hash?"""
    return plain(one) == plain(other)
