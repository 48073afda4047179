"""The rights that `volary install` gives are those that are used: not one less, not one more."""

from __future__ import annotations

import pytest

from tests.unit.install.rights import Right, of_a_canary_with_everything, of_the_story
from volary.install import OWN_RULES, RECORD, RULES, Rule

# Asked for by API servers with the admission plugin OwnerReferencesPermissionEnforcement; seen in no log.
ADMISSION = {("flagger.app", "canaries/finalizers", "update"), ("volary.dev", "fleetrollouts/finalizers", "update")}
# Read where a canary tracks configuration, which that of the story does not.
TRACKED: set[Right] = {("", "configmaps", "get"), ("", "secrets", "get")}


@pytest.fixture(scope="module")
def used() -> dict[str, set[Right]]:
    return of_the_story()


def given(*rules: Rule) -> set[Right]:
    return {(group, resource, verb) for group, resources, verbs in rules for resource in resources for verb in verbs}


OWN = {name: given(*rules) for name, rules in OWN_RULES.items()}


def test_the_fleet_gets_in_the_hub_what_it_uses(used: dict[str, set[Right]]) -> None:
    granted = given(*RULES["fleet"]) | OWN["leader-election"] | OWN["kubeconfigs"]
    assert used["fleet"] | given(RECORD) == granted - ADMISSION


def test_the_fleet_gets_in_a_member_what_it_uses(used: dict[str, set[Right]]) -> None:
    assert used["member"] | TRACKED == given(*RULES["member"])


def test_the_canary_gets_what_it_uses(used: dict[str, set[Right]]) -> None:
    granted = given(*RULES["canary"], *RULES["proxy"]) | OWN["leader-election"]
    assert used["canary"] | of_a_canary_with_everything() == granted - ADMISSION


def test_only_sync_may_do_everything() -> None:
    assert [name for name, rules in RULES.items() if any("*" in rule for rule in rules)] == ["sync"]
