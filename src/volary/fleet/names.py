"""The names by which this part is known in API servers. They are an interface: people and tools match on them."""

from __future__ import annotations

MANAGER = "volary-fleet"  # field manager, component of Events, User-Agent
FINALIZER = "volary.dev/pins"

# On a member's GitRepository.
PINNED_BY = "volary.dev/pinned-by"
PREVIOUS = "volary.dev/previous"

# What people ask for, each taken once and removed.
TAKE_PIN = "volary.dev/take-pin"
AS_IS = "volary.dev/as-is"
RETRY = "volary.dev/retry"
RELEASE_PINS = "volary.dev/release-pins"
BY = "volary.dev/by"
REASON = "volary.dev/reason"

# On a run, written by us.
NUMBER = "volary.dev/number"  # label: 1 for the first run of a FleetRollout; the order of creation, to the letter
DECIDED_AT = "volary.dev/decided-at"  # annotation: the retry that this run answers

SHORT = 7  # digits of a commit that people read


def short(commit: str) -> str:
    return commit[:SHORT]
