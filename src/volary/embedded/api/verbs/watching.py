"""Watches: what happened since a version, then every change as it happens, as lines of JSON.

A watch with a selector sees an object that starts to match as ADDED and one that no longer does as DELETED.

Source: apiserver, endpoints/handlers/watch.go and storage/cacher.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from volary.embedded.api.call import Call
from volary.embedded.api.core import Core
from volary.embedded.api.encoding import encode
from volary.embedded.api.errors import expired, forbidden_field, invalid_object, unexpected
from volary.embedded.api.serving.negotiating import form_of
from volary.embedded.api.store import Change, Entry, frame
from volary.embedded.api.verbs.reading import (
    JSON,
    Filter,
    Object,
    filter_of,
    number,
    obj_of,
    partial,
    raw_of,
    render,
)

Deliver = Callable[[bytes], None]
INITIAL_END = "k8s.io/initial-events-end"


@dataclass(slots=True)
class Watcher:
    """One watch; implements `answers.Watch`."""

    core: Core
    call: Call
    which: Filter
    headers: Mapping[str, str]
    timeout_seconds: float
    backlog: list[bytes]  # what came before it is opened
    form: str = ""
    bookmarks: bool = False
    ended: bool = False  # the backlog is all there will be
    _deliver: Deliver | None = None
    _columns_sent: bool = field(default=False)

    @property
    def initial(self) -> list[bytes]:
        """Return the lines that come first."""
        return self.backlog

    def open(self, deliver: Deliver) -> None:
        """Deliver the backlog, then every change, from inside the write."""
        self._deliver = deliver
        waiting, self.backlog = self.backlog, []
        for line in waiting:
            deliver(line)

    def bookmark(self) -> bytes | None:
        """Return a bookmark at the current version, or None if none were asked for."""
        if not self.bookmarks or self.ended:
            return None
        return self._bookmark({})

    def close(self) -> None:
        """Stop delivering; safe to repeat."""
        listeners = self.core.store.table(self.call.type.storage).listeners
        if self.note in listeners:
            listeners.remove(self.note)
        self._deliver = None

    def listen(self) -> None:
        self.core.store.table(self.call.type.storage).listeners.append(self.note)

    def note(self, change: Change) -> None:
        line = self.line(change)
        if line is None:
            return
        if self._deliver is None:
            self.backlog.append(line)
        else:
            self._deliver(line)

    def line(self, change: Change) -> bytes | None:
        """Return the event of a change for this watch, or None if it is none."""
        if self.which.all and not self.which.namespace:
            return self._line(change.type, change.new, change)
        now = change.type != "DELETED" and self._matches(change.new)
        before = change.old is not None and self._matches(change.old)
        if change.type == "DELETED":
            return self._line("DELETED", change.new, change) if before else None
        if now and before:
            return self._line("MODIFIED", change.new, change)
        if now:
            return self._line("ADDED", change.new, change)
        if before and change.old is not None:
            return self._line("DELETED", _restamped(change.old, change.version), change)
        return None

    def _matches(self, entry: Entry) -> bool:
        return self.which.matches(obj_of(self.call.type, entry) if self.call.type.converts else entry.obj)

    def _line(self, kind: str, entry: Entry, change: Change) -> bytes:
        plain = not self.form and entry is change.new and kind == change.type
        if plain and entry.obj.get("apiVersion") == self.call.type.api_version:
            return change.frame
        return frame(kind, self.bytes_of(entry))

    def bytes_of(self, entry: Entry) -> bytes:
        if self.form == "Table":
            obj = obj_of(self.call.type, entry)
            found = render(self.core, self.call, [obj], obj["metadata"])
            if self._columns_sent:
                found["columnDefinitions"] = None
            self._columns_sent = True
            return encode(found)
        if self.form:
            return encode(partial(entry.obj))
        return raw_of(self.call.type, entry)

    def _bookmark(self, annotations: Mapping[str, str]) -> bytes:
        meta: Object = {"resourceVersion": str(self.core.store.version)}
        if annotations:
            meta["annotations"] = dict(annotations)
        type_ = self.call.type
        head: Object = {"kind": type_.kind.kind, "apiVersion": type_.api_version, "metadata": meta}
        if self.form == "Table":
            table = render(self.core, self.call, [], meta)
            partial_object = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
            table["rows"] = [{"cells": [], "object": partial_object}]
            head = table
        elif self.form:
            head |= {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        return frame("BOOKMARK", encode(head))


def _restamped(entry: Entry, version: int) -> Entry:
    """Return an old state under the version of the change that took it out of sight."""
    meta = {**entry.obj["metadata"], "resourceVersion": str(version)}
    return Entry({**entry.obj, "metadata": meta}, version)


def watch(core: Core, call: Call) -> Watcher:
    """Return a watch that listens already. Raises: Problem."""
    which = filter_of(call)
    form = form_of(call.accept)
    form = "PartialObjectMetadata" if form.startswith("Partial") else form if form == "Table" else ""
    seconds = float(number(call.query, "timeoutSeconds"))
    watcher = Watcher(core, call, which, JSON, seconds, [], form, call.flag("allowWatchBookmarks"))
    _begin(core, call, watcher)
    if not watcher.ended:
        watcher.listen()
    return watcher


def _begin(core: Core, call: Call, watcher: Watcher) -> None:
    """Fill the backlog. Raises: Problem."""
    text = call.query.get("resourceVersion") or ""
    initial = call.flag("sendInitialEvents")
    _check_initial(call)
    if text and not text.isdigit():
        detail = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise unexpected(f'resourceVersion: Invalid value: "{text}": {detail}')
    if initial or (text in ("", "0") and call.query.get("sendInitialEvents") is None):
        entries = core.store.items(call.type.storage, watcher.which.namespace or None)
        for entry in entries:
            if watcher.which.all or watcher._matches(entry):
                watcher.backlog.append(frame("ADDED", watcher.bytes_of(entry)))
        if initial and watcher.bookmarks:
            watcher.backlog.append(watcher._bookmark({INITIAL_END: "true"}))
        return
    if text in ("", "0"):
        return
    changes = core.store.since(call.type.storage, int(text))
    if changes is None:
        problem = expired(f"too old resource version: {text} ({core.store.table(call.type.storage).forgotten})")
        watcher.backlog.append(frame("ERROR", encode(problem.status())))
        watcher.ended = True
        return
    watcher.backlog.extend(line for it in changes if (line := watcher.line(it)) is not None)


def _check_initial(call: Call) -> None:
    """Refuse sendInitialEvents without what belongs to it. Raises: Problem."""
    given, match = call.query.get("sendInitialEvents"), call.query.get("resourceVersionMatch")
    errors = []
    if given is not None and match != "NotOlderThan":
        detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        errors.append(forbidden_field("resourceVersionMatch", detail))
    if given is None and match:
        detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        errors.append(forbidden_field("resourceVersionMatch", detail))
    if errors:
        raise invalid_object("meta.k8s.io", "ListOptions", "", errors)
