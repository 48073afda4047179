"""What two servers can never have in common is made equal: ids, times, versions, addresses, ages.

Only values are replaced, so that a field that is missing, or one too many, still shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
SENT_TIME = re.compile(r"2026-01-01T")  # times that the scripts themselves send must come back
AGE = re.compile(r"(?:\d+[smhdy])+|<invalid>")
VERSION_TEXT = re.compile(r"((?:resourceVersion|resource version|version|current|in record)\W{1,5})\d+")
TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")  # signed by a key of the server's own
GENERATED = re.compile(r"\b(gen|kube-api-access)-[a-z0-9]{5}\b")
# What the testbed calls its program and its part of etcd; a control plane as it comes says the second.
TESTBED = {"/cluster-1/": "/registry/", "controlplane": "kube-apiserver"}
ADDRESS = re.compile(r"\b10\.96\.\d+\.\d+\b")
# Values that differ by nature, whatever they are; an empty one stays empty.
OPAQUE = {
    "uid": "UID",
    "resourceVersion": "VERSION",
    "continue": "CONTINUE",
    "clusterIP": "ADDRESS",
    "storageVersionHash": "HASH",
    "serverAddress": "ADDRESS",
}
KEPT_VALUES = {"", "0", "None", "3f2a", "x"}  # of OPAQUE fields: what a script sent, or what has a meaning


def normal(value: Any, key: str = "") -> Any:
    """Return an answer's body with all that differs by nature replaced."""
    if isinstance(value, Mapping):
        found = {name: normal(member, name) for name, member in value.items()}
        if found.get("kind") == "Table":
            found["rows"] = [table_row(row, found["columnDefinitions"]) for row in found["rows"] or []]
        if found.get("kind") == "SelfSubjectRulesReview":  # the server lists rules in the random order of a map
            found["status"] = {key: in_order(member) for key, member in found["status"].items()}
        return found
    if isinstance(value, list):
        members = [normal(member, key) for member in value]
        return sorted(members, key=manager) if key == "managedFields" else members
    if isinstance(value, str):
        if key in OPAQUE and value not in KEPT_VALUES:
            return OPAQUE[key]
        return text(value)
    return value


def in_order(value: Any) -> Any:
    return sorted(value, key=json.dumps) if isinstance(value, list) else value


def text(value: str) -> str:
    """Return a text with ids, times and versions in it replaced."""
    for ours, usual in TESTBED.items():
        value = value.replace(ours, usual)
    value = UID.sub("UID", value)
    value = TIME.sub(lambda found: found[0] if SENT_TIME.match(found[0]) else "TIME", value)
    value = TOKEN.sub("TOKEN", value)
    value = GENERATED.sub(r"\1-XXXXX", value)
    value = ADDRESS.sub("ADDRESS", value)
    return VERSION_TEXT.sub(r"\1VERSION", value)


def manager(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Order managers as people would; the server orders them by time, in which two may be equal."""
    return tuple(str(entry.get(name, "")) for name in ("operation", "manager", "subresource", "apiVersion"))


def table_row(row: Mapping[str, Any], columns: Any) -> dict[str, Any]:
    cells = [AGE.sub("AGE", cell) if isinstance(cell, str) and AGE.fullmatch(cell) else cell for cell in row["cells"]]
    return {**row, "cells": cells}
