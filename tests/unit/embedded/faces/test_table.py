"""Tables: what is in them, and the words and ages of their cells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.embedded.faces.test_discovery import THING
from tests.unit.embedded.faces.test_registry import kind
from volary.embedded.api.custom.printer_columns import cell, values
from volary.embedded.api.serving.columns import ROWS
from volary.embedded.api.serving.table import known_columns, render
from volary.embedded.api.text.durations import human

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BORN = "2026-01-01T23:58:30Z"


def test_a_kind_with_columns_of_its_own_has_as_many_cells() -> None:
    empty: dict[str, Any] = {"metadata": {"name": "x", "creationTimestamp": BORN}}
    more = {"networking.k8s.io/ipaddresses": 1}  # the real server, too, has an age there that no column names
    for resource, row in ROWS.items():
        assert len(row(empty, NOW)) == len(known_columns()[resource]) + more.get(resource, 0), resource


META = {"name": "x", "creationTimestamp": BORN}


@pytest.mark.parametrize(
    ("resource", "obj", "cells"),
    [
        (
            "/resourcequotas",
            {"status": {"hard": {"pods": "3", "limits.cpu": "2"}, "used": {"pods": "1"}}},
            ["x", "pods: 1/3", "limits.cpu: 0/2", "90s"],
        ),
        (
            "certificates.k8s.io/certificatesigningrequests",
            {
                "spec": {"signerName": "a/b", "username": "admin", "expirationSeconds": 7200},
                "status": {"conditions": [{"type": "Approved"}], "certificate": "QQ=="},
            },
            ["x", "90s", "a/b", "admin", "120m", "Approved,Issued"],
        ),
        (
            "apps/controllerrevisions",
            {
                "metadata": {
                    **META,
                    "ownerReferences": [
                        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "controller": True}
                    ],
                },
                "revision": 2,
            },
            ["x", "daemonset.apps/d", 2, "90s"],
        ),
        (
            "storage.k8s.io/storageclasses",
            {
                "metadata": {**META, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                "provisioner": "p",
            },
            ["x (default)", "p", "Delete", "Immediate", False, "90s"],
        ),
        (
            "networking.k8s.io/ingressclasses",
            {"spec": {"controller": "c", "parameters": {"apiGroup": "g.io", "kind": "K", "name": "n"}}},
            ["x", "c", "K.g.io/n", "90s"],
        ),
        (
            "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations",
            {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 5}}},
            ["x", "Limited", 5, "<none>", "<none>", "<none>", "90s"],
        ),
        (
            "admissionregistration.k8s.io/validatingadmissionpolicybindings",
            {"spec": {"policyName": "p", "paramRef": {"name": "n"}}},
            ["x", "p", "*/n", "90s"],
        ),
        (
            "admissionregistration.k8s.io/mutatingadmissionpolicybindings",
            {"spec": {"policyName": "p", "paramRef": {"selector": {"matchLabels": {"a": "b"}}}}},
            [
                "x",
                "p",
                "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}",
                "90s",
            ],
        ),
    ],
)
def test_what_administrators_look_at_has_columns_of_its_own(
    resource: str, obj: dict[str, Any], cells: list[Any]
) -> None:
    assert ROWS[resource]({"metadata": META, **obj}, NOW) == cells


def test_a_row_carries_what_was_asked_for() -> None:
    obj = {"metadata": {"name": "a", "creationTimestamp": BORN}, "data": {"k": "v"}}
    tables = [
        render(kind("/configmaps"), [obj], {"resourceVersion": "7"}, NOW, it) for it in ("Metadata", "Object", "None")
    ]
    assert [it["rows"][0]["cells"] for it in tables] == [["a", 1, "90s"]] * 3
    objects = [it["rows"][0]["object"] for it in tables]
    assert objects[0]["kind"] == "PartialObjectMetadata"
    assert (objects[1]["kind"], objects[1]["data"]) == ("ConfigMap", {"k": "v"})
    assert objects[2] is None
    assert tables[0]["metadata"] == {"resourceVersion": "7"}


def test_no_rows_are_null_only_where_the_server_has_no_columns() -> None:
    assert render(kind("/pods"), [], {}, NOW)["rows"] == []
    assert render(kind("/limitranges"), [], {}, NOW)["rows"] is None
    assert render(THING, [], {}, NOW, printer=[])["rows"] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (600, "10m"), (10_799, "179m"), (10_800, "3h"),
        (11_100, "3h5m"), (8 * 3600, "8h"), (172_800, "2d"), (180_000, "2d2h"), (8 * 86400, "8d"),
        (800 * 86400, "2y70d"), (9 * 365 * 86400, "9y"), (-1, "0s"), (-5, "<invalid>"),
    ],
)  # fmt: skip
def test_ages_are_rounded_as_people_read_them(seconds: int, text: str) -> None:
    assert human(seconds) == text


def container(name: str = "c", **members: Any) -> dict[str, Any]:
    return {"name": name, "restartCount": 0, **members}


WAITING = container(state={"waiting": {"reason": "CrashLoopBackOff"}}, restartCount=3)
DONE = container(state={"terminated": {"exitCode": 0, "reason": "Completed"}})
FAILED = container(state={"terminated": {"exitCode": 3}})
RUNNING = container(ready=True, state={"running": {}})
INIT = container("i", state={"running": {}})
GOING = {"deletionTimestamp": BORN}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("status", "metadata", "expected"),
    [
        ({"phase": "Pending"}, {}, ["0/1", "Pending", "0"]),
        ({"phase": "Running", "containerStatuses": [RUNNING]}, {}, ["1/1", "Running", "0"]),
        ({"phase": "Running", "containerStatuses": [WAITING]}, {}, ["0/1", "CrashLoopBackOff", "3"]),
        ({"phase": "Succeeded", "containerStatuses": [DONE]}, {}, ["0/1", "Completed", "0"]),
        ({"phase": "Running", "containerStatuses": [DONE, RUNNING], **READY}, {}, ["1/1", "Running", "0"]),
        ({"phase": "Running", "containerStatuses": [RUNNING, DONE]}, {}, ["1/1", "NotReady", "0"]),
        ({"phase": "Failed", "containerStatuses": [FAILED]}, {}, ["0/1", "ExitCode:3", "0"]),
        ({"phase": "Failed", "reason": "Evicted"}, {}, ["0/1", "Evicted", "0"]),
        ({"phase": "Running", "containerStatuses": [RUNNING]}, GOING, ["1/1", "Terminating", "0"]),
        ({"phase": "Pending", "initContainerStatuses": [INIT]}, {}, ["0/1", "Init:0/1", "0"]),
        ({"phase": "Pending", "initContainerStatuses": [{**WAITING, "name": "i"}]}, {},
         ["0/1", "Init:CrashLoopBackOff", "3"]),
    ],
)  # fmt: skip
def test_a_pod_s_state_is_one_word(status: dict[str, Any], metadata: dict[str, Any], expected: list[str]) -> None:
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}]}
    pod = {"metadata": {"name": "p", **metadata}, "spec": spec, "status": status}
    assert ROWS["/pods"](pod, NOW)[1:4] == expected


def test_restarts_say_when_the_last_one_was() -> None:
    ended = {"terminated": {"exitCode": 1, "finishedAt": BORN}}
    status = {"containerStatuses": [container(restartCount=2, lastState=ended, state={"running": {}}, ready=True)]}
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}, "status": status}
    assert ROWS["/pods"](pod, NOW)[3] == "2 (90s ago)"


OBJECT = {
    "metadata": {"name": "a", "creationTimestamp": BORN, "labels": {"a.b/c": "x"}},
    "spec": {"list": [{"name": "one", "on": True}, {"name": "two"}], "size": 3, "ratio": 2.5, "map": {"k": 1}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Synced", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.size", [3]),
        ("{.spec.size}", [3]),
        (".spec.list[0].name", ["one"]),
        (".spec.list[-1].name", ["two"]),
        (".spec.list[5].name", []),
        (".spec.list[*].name", ["one", "two"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Synced')].status", ["False"]),
        ('.status.conditions[?(@.type!="Ready")].type', ["Synced"]),
        (".spec.list[?(@.on==true)].name", ["one"]),
        (".metadata.labels['a.b/c']", ["x"]),
        (r".metadata.labels.a\.b/c", ["x"]),
        (".nope.deeper", []),
        (".spec.[", []),
    ],
)
def test_paths_of_printer_columns(path: str, found: list[Any]) -> None:
    assert values(path, OBJECT) == found


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        (".spec.size", "integer", 3),
        (".spec.ratio", "integer", 2),
        (".spec.ratio", "number", 2.5),
        (".spec.size", "string", "3"),
        (".spec.map", "string", '{"k":1}'),
        (".spec.list[0].on", "boolean", True),
        (".spec.size", "boolean", None),
        (".spec.nope", "string", None),
        (".metadata.creationTimestamp", "date", "90s"),
        (".metadata.name", "integer", None),
    ],
)
def test_a_cell_has_the_type_of_its_column(path: str, kind: str, expected: Any) -> None:
    assert cell({"name": "X", "type": kind, "jsonPath": path}, OBJECT, NOW) == expected
