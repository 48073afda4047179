"""`volary demo`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command("demo", short_help="The whole story on this machine")
@click.option("--act", "acts", type=click.IntRange(1, 5), multiple=True, help="Show this act only (repeatable).")
@click.option("--interval", default="1s", show_default=True, help="Analysis interval of the canary.")
@click.option("--trace", type=click.Path(path_type=Path, dir_okay=False), help="Write JSON lines here.")
@click.option("--keep", is_flag=True, help="Stay up at the end, until Ctrl-C.")
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here.")
def demo_command(acts: tuple[int, ...], interval: str, trace: Path | None, keep: bool, folder: Path | None) -> int:
    """A hub and two embedded clusters, real traffic through real Envoys, a Git repository, five acts.

    Nothing is needed but Python and Git. The exit status is 0 only if every act ended as the story says.

    \b
    Examples:
      volary demo
      volary demo --act 4                 only the bad release; what comes before is done quietly
      volary demo --keep                  look around with kubectl, push commits of your own
      volary demo --trace trace.jsonl     everything that was observed, one JSON object a line
    """
    from volary.demo.main import start
    from volary.demo.settings import Settings

    settings = Settings(tuple(sorted(set(acts))), interval, trace, keep, folder)
    _ = settings.interval_seconds  # refuse a bad text before anything is started
    return asyncio.run(start(settings))
