"""`volary why` and what people say to a rollout: the right patch at the right object, or a sentence why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.cli.asking import Volary
from tests.unit.cli.embedded import Servers
from tests.unit.cli.objects import BAD, NEW, create, named
from volary.fleet.names import AS_IS, BY, REASON, RETRY, TAKE_PIN
from volary.kube.objects import NewObject, annotations_of, dig
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS, NAMESPACES

RUN = "podinfo-9f1c2ab"


class Objects:
    """The rollout and its run as they are in the hub, put back after each test."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.client = servers.client("hub")

    def rollout(self) -> NewObject:
        return self.get(FLEET_ROLLOUTS, "podinfo")

    def run(self) -> NewObject:
        return self.get(FLEET_ROLLOUT_RUNS, RUN)

    def get(self, resource: Any, name: str) -> NewObject:
        found = self.servers.do(self.client.get(resource, name, "apps"))
        assert found is not None
        return found

    def patch(self, resource: Any, name: str, body: NewObject, subresource: str = "") -> None:
        self.servers.do(self.client.patch(resource, name, body, "apps", subresource=subresource))

    def put_back(self) -> None:
        none: dict[str, None] = dict.fromkeys((AS_IS, TAKE_PIN, RETRY, BY, REASON))
        self.patch(FLEET_ROLLOUT_RUNS, RUN, {"metadata": {"annotations": none}, "spec": {"state": "Run"}})
        self.patch(FLEET_ROLLOUTS, "podinfo", {"metadata": {"annotations": none}, "spec": {"suspend": False}})
        self.patch(FLEET_ROLLOUT_RUNS, RUN, {"status": {"phase": "Holding"}}, "status")


@pytest.fixture
def hub(servers: Servers) -> Iterator[Objects]:
    objects = Objects(servers)
    yield objects
    objects.put_back()


def test_why_is_one_sentence_on_one_line(volary: Volary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    text = volary.good("why", "podinfo", "-n", "apps")
    assert text.count("\n") == 1
    assert text.startswith("9f1c2ab is on 0/2 clusters")
    assert "ClusterDegradedBefore" in text
    assert "`volary resume podinfo --as-is east`" in text


def test_why_finds_the_only_one_of_a_name_in_another_namespace(volary: Volary) -> None:
    assert volary.good("why", "podinfo") == volary.good("why", "podinfo", "-n", "apps")


def test_a_namespace_that_was_said_is_taken_at_its_word(volary: Volary) -> None:
    sentence = volary("why", "podinfo", "-n", "test").one_sentence()
    assert sentence == 'no FleetRollout "podinfo" in namespace test; there are: apps/podinfo'


def test_a_wrong_name_lists_what_there_is(volary: Volary) -> None:
    for verb in ("why", "pause", "resume", "abort", "rollback", "retry"):
        sentence = volary(verb, "podinf").one_sentence()
        assert sentence == 'no FleetRollout "podinf" in namespace default; there are: apps/podinfo'


def test_of_two_with_one_name_the_namespace_must_be_said(volary: Volary, hub: Objects) -> None:
    namespace = {"metadata": named("shop")}
    spec = hub.rollout()["spec"]
    hub.servers.do(create(hub.client, NAMESPACES, namespace))
    hub.servers.do(create(hub.client, FLEET_ROLLOUTS, {"metadata": named("podinfo", "shop"), "spec": spec}))
    try:
        assert "there are: apps/podinfo, shop/podinfo" in volary("abort", "podinfo").one_sentence()
        assert "has not been looked at yet" in volary.good("why", "podinfo", "-n", "shop")
    finally:
        hub.servers.do(hub.client.delete(FLEET_ROLLOUTS, "podinfo", "shop"))


@pytest.mark.parametrize(
    ("verb", "state", "says"),
    [
        ("pause", "Pause", "9f1c2ab is paused; canaries in flight go on"),
        ("abort", "Abort", "pins stay"),
        ("rollback", "Rollback", "9f1c2ab is taken back everywhere it went, and marked bad"),
    ],
)
def test_a_word_changes_the_state_and_says_who_and_why(
    verb: str, state: str, says: str, volary: Volary, hub: Objects
) -> None:
    assert says in volary.good(verb, "podinfo", "--reason", "prices are wrong")
    run = hub.run()
    assert run["spec"]["state"] == state
    assert annotations_of(run)[BY] == "ada"
    assert annotations_of(run)[REASON] == "prices are wrong"


def test_resume_takes_a_pause_back(volary: Volary, hub: Objects) -> None:
    volary.good("pause", "podinfo")
    assert volary.good("resume", "podinfo") == "9f1c2ab goes on\n"
    assert hub.run()["spec"]["state"] == "Run"


def test_resume_lifts_a_suspension(volary: Volary, hub: Objects) -> None:
    hub.patch(FLEET_ROLLOUTS, "podinfo", {"spec": {"suspend": True}})
    assert "the next commit starts a run" in volary.good("resume", "podinfo")
    assert not dig(hub.rollout(), "spec", "suspend")


def test_resume_of_a_run_that_holds_names_what_would_help(volary: Volary) -> None:
    sentence = volary("resume", "podinfo").one_sentence()
    assert "is not paused; it waits: ClusterDegradedBefore" in sentence
    assert "volary resume podinfo --as-is east" in sentence


SPELLINGS = [
    ("--as-is", "east"),
    ("--as-is=east",),
    ("--cluster", "east", "--as-is"),
    ("--as-is", "--cluster", "east"),
    ("--as-is",),
]


@pytest.mark.parametrize("words", SPELLINGS, ids=" ".join)
def test_as_is_in_every_spelling(words: tuple[str, ...], volary: Volary, hub: Objects) -> None:
    assert "no way back for it" in volary.good("resume", "podinfo", *words)
    assert annotations_of(hub.run())[AS_IS] == "east"


def test_the_command_that_a_hold_prints_works_as_it_is(volary: Volary, hub: Objects) -> None:
    command = str(dig(hub.run(), "status", "hold", "unblock"))
    volary.good(*command.removeprefix("volary ").split())
    assert annotations_of(hub.run())[AS_IS] == "east"


def test_as_is_is_refused_where_it_means_nothing(volary: Volary) -> None:
    assert (
        "west has been dispatched already, it is Progressing"
        in volary("resume", "podinfo", "--as-is", "west").one_sentence()
    )
    assert (
        "moon takes no part in this run; clusters: west, east"
        in volary("resume", "podinfo", "--as-is", "moon").one_sentence()
    )


def test_take_pin_goes_to_the_run_that_has_the_member(volary: Volary, hub: Objects) -> None:
    assert "west: our pin overwrites the other one" in volary.good("resume", "podinfo", "--take-pin", "west")
    assert annotations_of(hub.run())[TAKE_PIN] == "west"


def test_take_pin_without_a_run_goes_to_the_rollout(volary: Volary, hub: Objects) -> None:
    hub.patch(FLEET_ROLLOUT_RUNS, RUN, {"status": {"phase": "Succeeded"}}, "status")
    volary.good("resume", "podinfo", "--take-pin", "--cluster", "east")
    assert annotations_of(hub.rollout())[TAKE_PIN] == "east"


def test_take_pin_of_nobody_in_particular_asks_for_a_name(volary: Volary) -> None:
    sentence = volary("resume", "podinfo", "--take-pin").one_sentence()
    assert "no cluster of podinfo waits with DeliveryDrift; name the one to take the pin with --cluster" in sentence
    assert "members: west, east" in volary("resume", "podinfo", "--take-pin", "moon").one_sentence()


@pytest.mark.parametrize("commit", [(), ("--commit", BAD), ("--commit", "88aa")], ids=["none", "whole", "short"])
def test_retry_names_the_whole_commit(commit: tuple[str, ...], volary: Volary, hub: Objects) -> None:
    assert volary.good("retry", "podinfo", *commit) == "88aa01c is tried again\n"
    assert annotations_of(hub.rollout())[RETRY] == BAD


def test_retry_of_digits_that_nobody_knows_lists_the_commits(volary: Volary) -> None:
    sentence = volary("retry", "podinfo", "--commit", "abc").one_sentence()
    assert "podinfo knows no commit abc; it knows: 3b07c11, 88aa01c, 9f1c2ab" in sentence


def test_nothing_can_be_said_to_a_run_that_has_ended(volary: Volary, hub: Objects) -> None:
    hub.patch(FLEET_ROLLOUT_RUNS, RUN, {"status": {"phase": "Succeeded"}}, "status")
    for verb in ("pause", "abort"):
        assert f"nothing to {verb}; the last one, of 9f1c2ab, ended Succeeded" in volary(verb, "podinfo").one_sentence()
    assert "neither paused nor suspended" in volary("resume", "podinfo").one_sentence()
    hub.patch(FLEET_ROLLOUT_RUNS, RUN, {"status": {"phase": "RolledBack"}}, "status")
    assert "has been taken back already" in volary("rollback", "podinfo").one_sentence()
    assert annotations_of(hub.rollout()).get(RETRY) is None
    assert NEW.startswith("9f1c2ab")
