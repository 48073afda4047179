"""The law: which phase may follow which. Checked on every explored move, and drawn into the docs."""

from __future__ import annotations

from collections.abc import Mapping

from volary.canary.spec import Phase

AT_REST = frozenset({Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED, Phase.WAITING})
RUNNING = frozenset({Phase.PROGRESSING, Phase.PROMOTING, Phase.FINALISING})

ALLOWED: Mapping[Phase, frozenset[Phase]] = {
    Phase.NEW: frozenset({Phase.INITIALIZING}),
    Phase.INITIALIZING: frozenset({Phase.INITIALIZED}),
    Phase.INITIALIZED: frozenset({Phase.PROGRESSING}),
    Phase.SUCCEEDED: frozenset({Phase.PROGRESSING}),
    Phase.FAILED: frozenset({Phase.PROGRESSING}),
    Phase.PROGRESSING: frozenset({Phase.PROMOTING, Phase.FAILED, Phase.INITIALIZED}),
    Phase.PROMOTING: frozenset({Phase.PROGRESSING, Phase.FINALISING, Phase.FAILED, Phase.INITIALIZED}),
    Phase.FINALISING: frozenset({Phase.SUCCEEDED}),
    # Phases that only Flagger writes; a run taken over in one of them goes on in ours.
    Phase.WAITING: frozenset({Phase.PROGRESSING}),
    Phase.WAITING_PROMOTION: frozenset({Phase.PROGRESSING}),
    Phase.TERMINATING: frozenset({Phase.INITIALIZING}),
    Phase.TERMINATED: frozenset({Phase.INITIALIZING}),
}
