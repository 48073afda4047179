"""The demo on a screen: a live view where the output is a terminal, plain lines where it is not."""

from __future__ import annotations

import asyncio
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel as Frame
from rich.table import Table
from rich.text import Text

from volary.demo.board import Board, Panel, Side, text_of
from volary.demo.story import Observation

FRAMES_PER_SECOND = 8
NARROW = 72  # columns; below this the bars go and the figures stay
BAR = 20  # columns of a bar at full width
COLORS = {"west": "cyan", "east": "magenta", "hub": "green"}


class View(Protocol):
    """Shows observations as they come."""

    def take(self, seen: Observation) -> None: ...

    async def run(self) -> None:
        """Keep the screen fresh until cancelled."""
        ...


class PlainView:
    """One line for each thing that people should see, with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def take(self, seen: Observation) -> None:
        if seen.type in ("event", "act", "hold"):
            self.console.print(log_line(seen), soft_wrap=True, highlight=False)

    async def run(self) -> None:
        await asyncio.Event().wait()


class LiveView:
    """The board above, the log lines below; redrawn a few times a second."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.board = Board()

    def take(self, seen: Observation) -> None:
        self.board.take(seen)

    async def run(self) -> None:
        with Live(
            self._draw(), console=self.console, auto_refresh=False, screen=False, vertical_overflow="crop"
        ) as live:
            try:
                while True:
                    await asyncio.sleep(1 / FRAMES_PER_SECOND)
                    live.update(self._draw(), refresh=True)
            finally:
                live.update(self._draw(), refresh=True)

    def _draw(self) -> RenderableType:
        return draw(self.board, self.console.width, self.console.height)


def view_for(console: Console) -> View:
    """Return the live view for a terminal that can show it, else plain lines."""
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView(console)


def draw(board: Board, width: int, height: int) -> RenderableType:
    """Return one picture of the board that fits into `width` x `height` characters."""
    head = Text(board.act or "Starting", style="bold", overflow="ellipsis", no_wrap=True)
    run = Text(board.run or "no run yet", style="green", overflow="ellipsis", no_wrap=True)
    if board.hold:
        run.append(f"  holding, {board.hold}", style="yellow")
    table = members(board, width)
    fixed = 2 + 1 + 2 + 3 * len(board.panels) + 2
    room = max(3, height - fixed - 2)
    lines = [log_line(seen, fit=True) for seen in list(board.lines)[-room:]]
    return Group(head, run, table, Frame(Group(*lines), title="events", title_align="left", border_style="dim"))


def members(board: Board, width: int) -> Table:
    """Return the table of members: a line for each side of each."""
    wide = width >= NARROW
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("cluster", no_wrap=True)
    table.add_column("phase", no_wrap=True, min_width=12)
    table.add_column("side", no_wrap=True)
    table.add_column("weight", justify="right", no_wrap=True)
    if wide:
        table.add_column("", no_wrap=True, width=BAR)
    table.add_column("req/s", justify="right", no_wrap=True, min_width=5)
    table.add_column("errors", justify="right", no_wrap=True, min_width=7)
    for name, panel in board.panels.items():
        rows(table, name, panel, wide)
    return table


def rows(table: Table, name: str, panel: Panel, wide: bool) -> None:
    """Add the two lines of one member."""
    sides = (("primary", 100 - panel.weight, panel.primary), ("canary", panel.weight, panel.canary))
    for number, (side, weight, traffic) in enumerate(sides):
        first = number == 0
        cells: list[RenderableType] = [
            Text(name if first else "", style=COLORS.get(name, "")),
            Text(panel.phase or "-" if first else ""),
            side,
            f"{weight} %",
        ]
        if wide:
            cells.append(Text(bar(weight), style="yellow" if side == "canary" else "blue"))
        table.add_row(*cells, f"{traffic.per_second:.0f}", errors(traffic))


def bar(percent: int) -> str:
    """Return a bar of `percent` (0-100) of `BAR` columns."""
    full = round(BAR * percent / 100)
    return "█" * full + "░" * (BAR - full)


def errors(side: Side) -> Text:
    percent = side.failed_percent
    return Text(f"{percent:.1f} %", style="red" if percent >= 1 else "")


def log_line(seen: Observation, fit: bool = False) -> Text:
    """Return one line: seconds, cluster, text. `fit` cuts it to one row of the screen."""
    cluster, text, style = text_of(seen)
    line = Text(no_wrap=fit, overflow="ellipsis" if fit else "fold")
    if style == "title":
        line.append(f"{seen.t:6.1f}  {text}", style="bold")
        return line
    line.append(f"{seen.t:6.1f}  ", style="dim")
    line.append(f"{cluster:<5} ", style=COLORS.get(cluster, ""))
    line.append(text, style="yellow" if style == "warning" else "")
    return line
