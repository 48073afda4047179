"""What the page on many clusters shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

PAGE = Path(__file__).parents[4] / "docs/reference/embedded-keeping.md"


def test_the_example_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {"clock": VirtualClock()}

    async def within() -> None:
        exec(compile(block, PAGE.name, "exec"), names)

    run_virtually(within())
    assert list(names["clusters"]) == ["east"]
    names["clusters"].close()
