"""The built-in evaluator against a real Prometheus, on that one's own samples; runs where there is a binary.

Set VOLARY_PROMETHEUS to its path (Debian: `apt-get download prometheus && dpkg -x`; no root, no service).
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from volary.embedded.metrics.memory import matches
from volary.embedded.metrics.promql import Refused, Value, evaluate, parse
from volary.embedded.metrics.promql.evaluate import Labels
from volary.embedded.metrics.promql.syntax import Matcher
from volary.embedded.metrics.promql.windows import Point

BINARY = os.environ.get("VOLARY_PROMETHEUS") or shutil.which("prometheus") or ""
pytestmark = pytest.mark.skipif(not BINARY, reason="no Prometheus here; VOLARY_PROMETHEUS may name one")
LOOKS = 60
CONFIG = """
global: {scrape_interval: 100ms, scrape_timeout: 100ms}
scrape_configs: [{job_name: t, honor_labels: true, static_configs: [{targets: ["127.0.0.1:PORT"]}]}]
"""
SHAPES = [
    "sum(rate(c{code!~'5.*'}[W])) / sum(rate(c[W])) * 100",
    "histogram_quantile(0.99, sum(rate(h_bucket[W])) by (le))",
    "histogram_quantile(0.5, rate(h_bucket[W]))",
    "rate(c[W])", "increase(c[W])", "irate(c[W])", "delta(g[W])", "rate(nothing[W])", "sum(c) by (code)",
    "avg without (code) (c)", "min(g)", "max(g)", "count(c)", "c / 7", "c % 7", "2 ^ g", "-g", "g > 3", "g >= bool 3",
    "c - c", "c / g", "sum(c) / sum(g)", "sum(nothing) or vector(0)", "c or g", "c and c{code='200'}",
    "c unless c{code='200'}", "abs(-g)", "floor(g / 3)", "ceil(g / 3)", "round(g / 3)", "sqrt(g)", "ln(g)", "log2(g)",
    "log10(g)", "exp(g)", "clamp(g, 2, 4)", "clamp_min(g, 3)", "clamp_max(g, 3)", "scalar(sum(g))", "scalar(c)",
    "vector(1)",
    "time()", "absent(nothing{a='b'})", "absent(c)", "c offset 1s", "rate(c[W] offset 500ms)", "avg_over_time(g[W])",
    "max_over_time(g[W])", "min_over_time(g[W])", "sum_over_time(g[W])", "count_over_time(g[W])", "1 / 0", "-1 / 0",
    "0 / 0", "1 > bool 2", "-2 ^ 2", "g == 0", "g != 0",
]  # fmt: skip


class Samples:
    """What Prometheus has stored, as a source for our evaluator."""

    def __init__(self, result: Sequence[dict[str, Any]]) -> None:
        self.series = {
            tuple(sorted(one["metric"].items())): [(round(at * 1000), float(value)) for at, value in one["values"]]
            for one in result
        }

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Iterator[tuple[Labels, list[Point]]]:
        for labels, points in self.series.items():
            have = dict(labels)
            if all(matches(matcher)(have.get(matcher.label, "")) for matcher in matchers):
                yield labels, [point for point in points if start <= point[0] <= end]

    def ended(self, labels: Labels, at: int) -> bool:
        return False


def exposed(look: int) -> str:
    """Return what the target shows at a look: counters that grow unevenly and begin anew once, and a gauge."""
    total = look if look < LOOKS // 2 else look - LOOKS // 2
    lines = [f'c{{code="200"}} {total * total * 3}', f'c{{code="500"}} {total // 3}', f"g {look * 7 % 11}"]
    return "\n".join(
        [*lines, *(f'h_bucket{{le="{le}"}} {total * n}' for n, le in enumerate(("1", "5", "25", "+Inf"), 1)), ""]
    )


async def ask(session: aiohttp.ClientSession, url: str, query: str, at: float | None = None) -> Any:
    params = {"query": query, **({"time": f"{at:.3f}"} if at else {})}
    async with session.get(f"{url}/api/v1/query", params=params) as answer:
        body = await answer.json()
        return body["data"]["result"] if body["status"] == "success" else body["error"]


async def compare(folder: Path) -> tuple[int, list[str]]:
    """Return how many answers were equal, and one line for each that was not."""
    looks = 0

    async def metrics(request: web.Request) -> web.Response:
        nonlocal looks
        looks += 1
        return web.Response(text=exposed(looks))

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "p.yml").write_text(CONFIG.replace("PORT", str(runner.addresses[0][1])))
    flags = [
        f"--config.file={folder}/p.yml",
        f"--storage.tsdb.path={folder}/d",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(BINARY, *flags, stdout=quiet, stderr=quiet)
    try:
        async with asyncio.timeout(40), aiohttp.ClientSession() as session:
            while looks < LOOKS:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            return await compare_all(session, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()
        await runner.cleanup()


async def compare_all(session: aiohttp.ClientSession, url: str) -> tuple[int, list[str]]:
    stored = Samples(await ask(session, url, '{__name__=~"c|g|h_bucket"}[5m]'))
    times = [point[0] for point in next(iter(stored.series.values()))]
    equal, different = 0, []
    for at in range(times[10], times[-1], (times[-1] - times[10]) // 7 + 13):
        for query in (shape.replace("W", window) for shape in SHAPES for window in ("300ms", "2s")):
            theirs = await ask(session, url, query, at / 1000)
            ours = answer(stored, query, at)
            # An error of theirs is an error of ours, whatever the words.
            same = ours is None if isinstance(theirs, str) else ours is not None and alike(ours, pairs(theirs))
            equal += same
            different += [] if same else [f"{query} at {at}: {ours} and {theirs}"]
    return equal, different


def answer(source: Samples, query: str, at: int) -> dict[str, float] | None:
    try:
        return shown(evaluate(parse(query), source, at))
    except Refused:
        return None


def shown(value: Value) -> dict[str, float]:
    return {"": value} if isinstance(value, float) else {json.dumps(dict(labels)): one for labels, one in value}


def pairs(result: Any) -> dict[str, float]:
    if result and not isinstance(result[0], dict):
        return {"": float(result[1])}
    return {json.dumps(dict(sorted(one["metric"].items()))): float(one["value"][1]) for one in result}


def alike(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    def near(one: float, other: float) -> bool:
        return math.isclose(one, other, rel_tol=1e-12) or (math.isnan(one) and math.isnan(other))

    return ours.keys() == theirs.keys() and all(near(ours[key], theirs[key]) for key in ours)


def test_the_same_queries_over_the_same_samples_have_the_same_answers(tmp_path: Path) -> None:
    equal, different = asyncio.run(compare(tmp_path))
    assert not different, "\n".join(different[:20])
    assert equal > 500
