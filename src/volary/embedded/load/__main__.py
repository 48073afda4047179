"""The load generator as a program: JSON lines on standard output, one at each interval and a last one at the end.

python -m volary.embedded.load --target 127.0.0.1:8080 --host app.example.com --rate 200 --path /=9 --path /beta=1
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import sys

from volary.embedded.load.counts import Counts, Paths
from volary.embedded.load.generator import Generator, Target
from volary.embedded.mesh.tether import die_with_parent

RATE = 200.0
REPORT_SECONDS = 0.5


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f'"{text}" is not HOST:PORT')
    return host, int(port)


def weighted_path(text: str) -> tuple[str, int]:
    path, equals, weight = text.rpartition("=")
    if not equals:
        return text, 1
    if not path.startswith("/") or not weight.isdigit():
        raise argparse.ArgumentTypeError(f'"{text}" is not PATH=WEIGHT, such as /=9')
    return path, int(weight)


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m volary.embedded.load", description="Constant load, open loop.")
    parser.add_argument("--target", type=address, required=True, metavar="HOST:PORT", help="where to send")
    parser.add_argument("--host", required=True, help="the Host header")
    parser.add_argument("--path", type=weighted_path, action="append", metavar="PATH[=WEIGHT]", help="default: /")
    parser.add_argument("--rate", type=float, default=RATE, help="requests per second (%(default)s)")
    parser.add_argument("--report", type=float, default=REPORT_SECONDS, help="seconds between lines (%(default)s)")
    parser.add_argument("--count", type=int, help="stop after so many requests (default: on SIGTERM)")
    found = parser.parse_args(given)
    if found.rate <= 0 or found.report <= 0:
        parser.error("--rate and --report must be above 0")
    return found


async def generate(wanted: argparse.Namespace, parent: int) -> None:
    """Send and report until a signal, the count, or the end of the parent."""
    loop = asyncio.get_running_loop()
    counts = Counts()
    target = Target(wanted.target, wanted.host, f"load-{os.getpid()}")
    generator = Generator(target, Paths(wanted.path or [("/", 1)]), wanted.rate, counts)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, generator.stop)
    began = loop.time()

    async def report() -> None:
        while True:
            await asyncio.sleep(wanted.report)
            print(json.dumps(counts.take(loop.time() - began)), flush=True)
            if os.getppid() != parent:
                generator.stop()

    async with asyncio.TaskGroup() as tasks:
        reporter = tasks.create_task(report())
        await generator.run(wanted.count)
        reporter.cancel()
    print(json.dumps(counts.take(loop.time() - began, end=True)), flush=True)


def main(given: list[str]) -> int:
    parent = os.getppid()
    wanted = arguments(given)
    die_with_parent(parent)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a stalled gateway leaves seconds of requests open
    status = 0
    try:
        asyncio.run(generate(wanted, parent))
    except* BrokenPipeError:
        status = 1  # nobody reads any more
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
