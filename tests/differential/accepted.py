"""Where the embedded API differs from the real one, and is allowed to: step -> reason. The list may only shrink.

A step that no longer differs fails the test until its entry goes.
"""

from __future__ import annotations

from collections.abc import Mapping

HONEST = "The server says what it is, and offers no exec, attach, port-forward or proxy of pods and nodes."
GO_TEXT = "The message shows a Go value, or has a Go library's words."
GO_DIFF = "The message ends in a diff of the two objects as Go prints them."
MAP_ORDER = "The real server lists these errors in the random order of a Go map."
COST = "Nobody estimates here what a rule may cost: a definition is refused only for what its rules say."

ACCEPTED: Mapping[str, str] = {
    "apply-config-maps: not YAML": GO_TEXT,
    "cel-compiling: function of another library": "The checker finds the same mistake, and says more of it.",
    "cel-compiling: too dear": COST,
    "custom: many errors": MAP_ORDER,
    "definitions-refused: spec: not a number": GO_TEXT,
    'definitions-values: {"i": 2.0}': "A whole number that is sent with a point comes back with it.",
    "lists: bad token": "The message shows a byte that is no text, escaped as Go does.",
    "paths: api": "The embedded server has no address outside this machine to name.",
    "paths: core": HONEST,
    "paths: core, all in one": HONEST,
    "paths: version": HONEST,
    "pods: command may not": GO_DIFF,
    "pods: node may not": GO_DIFF,
    "sets: table of daemon sets": "An annotation is in the table's object that the real one shows elsewhere only.",
}
