"""The judge finds each way in which an act can differ from the story, and nothing in one that went as it should."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from volary.demo.judge import Ending, eleven_lines, judge, shares
from volary.demo.story import Observation


def event(cluster: str, message: str, kind: str = "Normal") -> Observation:
    return Observation(0, cluster, "event", {"message": message, "kind": kind, "about": "Canary/podinfo"})


def weight(cluster: str, canary: int) -> Observation:
    return Observation(0, cluster, "weight", {"primary": 100 - canary, "canary": canary})


def traffic(cluster: str, primary: int, canary: int, lost: int = 0) -> Observation:
    return Observation(0, cluster, "traffic", {"primary": primary, "canary": canary, "lost": lost})


def act_2(seen: Iterable[Observation]) -> Ending:
    """Return act 2 as it should end, but for what was seen."""
    return Ending(
        number=2,
        in_time=True,
        seen=list(seen),
        run_phase="Progressing",
        phases={"west": "Succeeded", "east": "Initialized"},
        proven={"west": 2, "east": 1},
        bad=frozenset(),
        git_ahead="RunActive",
        templates_equal=True,
        why="",
    )


GOOD = [event("west", line) for line in eleven_lines()]


def test_a_good_release_passes() -> None:
    assert judge(act_2(GOOD)) == []


def test_the_lines_are_eleven() -> None:
    assert len(eleven_lines()) == 11


def test_a_missing_line_is_named() -> None:
    assert judge(act_2(GOOD[:-1])) == ["act 2: west: 10 lines were seen, not 11"]


def test_a_wrong_line_is_named_with_what_it_should_be() -> None:
    swapped = [GOOD[0], GOOD[2], GOOD[1], *GOOD[3:]]
    (sentence,) = judge(act_2(swapped))
    assert "line 2 was" in sentence
    assert eleven_lines()[1] in sentence


def test_a_line_of_type_normal_between_them_is_found_and_a_warning_is_not() -> None:
    assert judge(act_2([*GOOD[:4], event("west", "Something else"), *GOOD[4:]]))
    assert judge(act_2([*GOOD[:4], event("west", "Halt", "Warning"), *GOOD[4:]])) == []


def test_a_write_in_the_untouched_cluster_is_found() -> None:
    write = Observation(0, "east", "write", {"verb": "patch", "resource": "gitrepositories", "name": "apps/podinfo"})
    assert judge(act_2([*GOOD, write])) == ["act 2: east got 1 writes, the first: patch gitrepositories apps/podinfo"]


def test_a_lost_request_is_found() -> None:
    assert judge(act_2([*GOOD, traffic("west", 10, 0, lost=2)])) == ["act 2: 2 requests were lost"]


def test_an_act_that_took_too_long_is_found() -> None:
    assert judge(replace(act_2(GOOD), in_time=False)) == ["act 2: it did not end in time"]


def test_shares_leave_out_the_report_in_which_the_weight_changed() -> None:
    seen = [weight("west", 10), traffic("west", 50, 0), traffic("west", 45, 5), traffic("west", 44, 6)]
    assert shares(seen, "west") == [(10, 89, 11)]


def test_a_share_beyond_four_sigma_is_found() -> None:
    seen = [*GOOD, weight("west", 10), traffic("west", 50, 0), traffic("west", 700, 300)]
    assert judge(act_2(seen)) == ["act 2: west: at 10 % the canary answered 300 of 1000"]


def test_a_bad_release_must_be_remembered_and_explained() -> None:
    ending = replace(act_2([]), number=4, run_phase="RolledBack", proven={"west": 2, "east": 2}, why="no idea")
    text = "\n".join(judge(ending))
    assert "the canary in west did not fail" in text
    assert "remembered as bad are [], not [3]" in text
    assert "does not name the limit" in text
