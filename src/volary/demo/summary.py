"""The short table at the end: which revision is where, what became of the requests, what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from volary.demo.judge import shares
from volary.demo.story import Observation
from volary.demo.world import MEMBERS

NARROW = 62  # columns; the wide tables need as many


@dataclass(frozen=True, slots=True)
class Result:
    """What the demo knows at its end."""

    seconds: float
    memory_bytes: int  # the most, over all processes; 0: this system does not tell
    revisions: dict[str, str]  # cluster -> what is there, for people
    observations: Sequence[Observation]
    why: str
    differences: Sequence[str]


def totals(observations: Sequence[Observation], cluster: str) -> dict[str, int]:
    """Return the requests of a cluster's load: sent, ok, failed, lost."""
    reports = [one.details for one in observations if one.type == "traffic" and one.cluster == cluster]
    counted = {name: sum(int(report[name]) for report in reports) for name in ("ok", "failed", "lost")}
    return {"sent": sum(counted.values()), **counted}


def print_summary(console: Console, result: Result) -> None:
    """Print the end of the demo."""
    console.print()
    narrow = console.width < NARROW
    for table in (where_table(result, narrow), weights_table(result, narrow)):
        if table is not None:
            console.print(table)
            console.print()
    memory = f"{result.memory_bytes / 1e6:.0f} MB" if result.memory_bytes else "not told by this system"
    console.print(Text(f"time    {result.seconds:.0f} s"))
    console.print(Text(f"memory  {memory} (all processes)"))
    console.print()
    console.print(Text("volary why podinfo", style="bold"))
    console.print(Text(result.why), soft_wrap=True)
    console.print()
    if not result.differences:
        console.print(Text("Every act ended as the story says.", style="green"))
    for sentence in result.differences:
        console.print(Text(sentence, style="red"), soft_wrap=True)


def where_table(result: Result, narrow: bool) -> Table:
    """Revision and requests of each cluster; where there is little room, without what can be told from the rest."""
    table = Table(box=None, padding=(0, 1 if narrow else 3, 0, 0))
    for column in ("CLUSTER", "REVISION"):
        table.add_column(column, no_wrap=True)
    counts = ("sent", "failed", "lost") if narrow else ("sent", "ok", "failed", "lost")
    for column in counts:
        table.add_column(column.upper(), justify="right", no_wrap=True)
    for name in MEMBERS:
        counted = totals(result.observations, name)
        revision = result.revisions.get(name, "?")
        shown = revision.partition(" (")[0] if narrow else revision
        table.add_row(name, shown, *(str(counted[key]) for key in counts))
    return table


def weights_table(result: Result, narrow: bool) -> Table | None:
    """Weights asked for against the shares that the pods answered, over all acts; None: there was no release."""
    found = {name: shares_by_weight(result.observations, name) for name in MEMBERS}
    weights = sorted({weight for sums in found.values() for weight in sums})
    if not weights:
        return None
    table = Table(box=None, padding=(0, 1 if narrow else 3, 0, 0))
    table.add_column("WEIGHT", no_wrap=True)
    for weight in weights:
        table.add_column(f"{weight} %", justify="right", no_wrap=True)
    for name in MEMBERS:
        table.add_row(name, *(share_text(*found[name].get(weight, (0, 0)), narrow) for weight in weights))
    return table


def shares_by_weight(observations: Sequence[Observation], cluster: str) -> dict[int, tuple[int, int]]:
    """Return weight -> (answers by the canary, answers in all), for weights above 0."""
    sums: dict[int, tuple[int, int]] = {}
    for weight, primary, canary in shares(observations, cluster):
        if weight:
            before = sums.get(weight, (0, 0))
            sums[weight] = (before[0] + canary, before[1] + primary + canary)
    return sums


def share_text(canary: int, total: int, narrow: bool) -> str:
    return f"{100 * canary / total:.{0 if narrow else 1}f} %" if total else "-"
