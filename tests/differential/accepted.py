"""Where the embedded API differs from the real one, and is allowed to: step -> reason. The list may only shrink.

A step that no longer differs fails the test until its entry goes.
"""

from __future__ import annotations

from collections.abc import Mapping

HONEST = "The server says what it is, and offers no exec, attach, port-forward or proxy of pods and nodes."
GO_TEXT = "The message shows a Go value or a Go library's words."
MAP_ORDER = "The real server lists these errors in the random order of a Go map."

ACCEPTED: Mapping[str, str] = {
    "paths: version": HONEST,
    "paths: api": "The embedded server has no address outside this machine to name.",
    "paths: core": HONEST,
    "paths: core, all in one": HONEST,
    "custom: many errors": MAP_ORDER,
}
