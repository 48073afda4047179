"""What a Cluster object says: one row for each way in which a cluster can be away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.fleet.world import T0
from volary.fleet.cluster_status import Contact, cluster_status, reach, twins
from volary.fleet.progress import ClusterStatus
from volary.kube.errors import Forbidden, KubeError, Unauthorized, Unreachable

NOW = T0
KNOWN = ClusterStatus(uid="u1", version="v1.36.3")


def unreachable(reason: str) -> KubeError:
    return Unreachable(reason, f"10.0.0.1: {reason}")


ROWS: list[tuple[str, dict[str, Any], str, str]] = [
    ("answers", {}, "True", "Connected"),
    ("refuses", {"trouble": unreachable("Refused"), "silent": 20}, "False", "Refused"),
    ("broke just now", {"trouble": unreachable("Refused"), "silent": 5}, "True", "Connected"),
    ("never answered", {"trouble": unreachable("Refused"), "silent": None}, "False", "Refused"),
    ("was reset", {"trouble": unreachable("Reset"), "silent": 20}, "False", "Refused"),
    ("times out", {"trouble": unreachable("Timeout"), "silent": 60}, "Unknown", "Timeout"),
    ("is silent", {"silent": 90}, "Unknown", "Timeout"),
    ("was silent for a while", {"silent": 80}, "True", "Connected"),
    (
        "has another certificate",
        {"trouble": unreachable("CertificateInvalid"), "silent": 20},
        "False",
        "CertificateInvalid",
    ),
    ("does not let us in", {"trouble": Unauthorized({"code": 401}), "silent": 1}, "False", "Unauthorized"),
    ("forbids one kind", {"trouble": Forbidden({"code": 403}), "silent": 1}, "True", "Connected"),
    ("forbids the first question", {"trouble": Forbidden({"code": 403}), "silent": None}, "False", "Refused"),
    ("has no Secret", {"problem": "there is no Secret a/b"}, "False", "Unauthorized"),
    ("is another's twin", {"twin": "west"}, "False", "DuplicateCluster"),
    ("was built anew", {"uid": "u2"}, "True", "Rebuilt"),
]


@pytest.mark.parametrize(("changes", "status", "reason"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_reachable(changes: dict[str, Any], status: str, reason: str) -> None:
    silent = changes.pop("silent", 0) if "silent" in changes else 0
    heard = None if silent is None else NOW - timedelta(seconds=silent)
    contact = Contact(**{"uid": "u1", "version": "v1.36.3", "heard_at": heard, **changes})
    found = reach(contact, KNOWN, NOW)
    assert (found.status, found.reason) == (status, reason)
    assert found.message or reason == "Connected"


def test_the_status_does_not_change_while_there_is_nothing_new_to_say() -> None:
    contact = Contact("u1", "v1.36.3", NOW)
    first = cluster_status(contact, ClusterStatus(), 3, NOW)
    assert (first.observed_generation, first.uid, first.version) == (3, "u1", "v1.36.3")
    later = Contact("u1", "v1.36.3", NOW + timedelta(hours=1))
    assert cluster_status(later, first, 3, NOW + timedelta(hours=1)) == first


def test_how_long_it_has_been_silent_is_no_news() -> None:
    silent = Contact("u1", "v1", NOW)
    first = cluster_status(silent, KNOWN, 1, NOW + timedelta(seconds=90))
    assert first.conditions[0].message == "it has not answered for 90 s"
    assert cluster_status(silent, first, 1, NOW + timedelta(hours=1)) == first


def test_rebuilt_is_said_until_something_else_is_to_be_said() -> None:
    rebuilt = cluster_status(Contact("u2", "v1", NOW), KNOWN, 1, NOW)
    assert rebuilt.uid == "u2"
    assert cluster_status(Contact("u2", "v1", NOW), rebuilt, 1, NOW) == rebuilt
    gone = cluster_status(Contact("u2", "v1", NOW - timedelta(minutes=5)), rebuilt, 1, NOW)
    assert cluster_status(Contact("u2", "v1", NOW), gone, 1, NOW).conditions[0].reason == "Connected"


def test_what_was_known_is_kept_while_it_is_away() -> None:
    away = cluster_status(Contact(trouble=unreachable("Refused")), KNOWN, 1, NOW)
    assert (away.uid, away.version) == ("u1", "v1.36.3")


def test_the_second_of_two_with_one_uid_is_refused() -> None:
    assert twins([("old", "u1"), ("new", "u1"), ("other", "u2"), ("unknown", "")]) == {"new": "old"}
