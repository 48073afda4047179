"""The house rules of the code are a test: sizes, banned calls, purity of the files that must be pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "volary"
TESTS = Path(__file__).parent
FILES = sorted(SRC.rglob("*.py"))
TEST_FILES = sorted(TESTS.rglob("*.py"))

MOST_LINES_IN_FILE = 500
MOST_LINES_IN_FUNCTION = 60
MOST_LINES_IN_TEST = 40
MOST_ARGUMENTS = 7

# Exceptions. This list may only shrink.
LONG_FUNCTIONS: set[str] = set()
MANY_ARGUMENTS: set[str] = {"kube/client.py watch", "kube/client.py patch"}

BANNED = {
    "datetime.now": "take `now` as an argument, or a Clock",
    "datetime.utcnow": "take `now` as an argument, or a Clock",
    "time.time": "use the injected clock",
    "time.monotonic": "use the event loop's time",
    "time.sleep": "wait in the event loop",
    "uuid.uuid4": "use the injected clock's new_id",
    "random.random": "use the injected rng",
    "random.choice": "use the injected rng",
    "os.urandom": "use the injected clock's new_id",
    "asyncio.create_task": "use a TaskGroup",
    "asyncio.ensure_future": "use a TaskGroup",
    "eval": "never",
    "exec": "never",
}
# Programs that pods run are whole programs of their own, and the real clock has to read the real time.
MAY_CALL = {
    "runtime/clock.py": {"datetime.now", "uuid.uuid4"},
    "embedded/clock.py": {"datetime.now"},  # the same, where the rest of the program is not there
}
STANDALONE = ("embedded/images/",)

PURE_NAMES = {"spec.py", "wire.py", "facts.py", "plan.py", "decide.py", "phases.py", "messages.py", "rewrites.py"}
PURE_FOLDERS = ("providers/", "health/", "embedded/api/", "sync/kustomize/")
PURE_FILES = {"runtime/queue.py", "kube/watch.py"} | {
    f"sync/{name}.py"
    for name in (
        "conditions",
        "drift",
        "durations",
        "ignore",
        "order",
        "policy",
        "render",
        "reports",
        "schema",
        "source_decide",
        "yaml",
    )
}
IMPURE_MODULES = {"asyncio", "aiohttp", "random", "time", "os", "logging", "socket", "subprocess", "threading"}


def name_in_src(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def is_pure(name: str) -> bool:
    feature_file = name.count("/") == 1 and name.split("/")[1] in PURE_NAMES
    return feature_file or name in PURE_FILES or name.startswith(PURE_FOLDERS)


@pytest.mark.parametrize("path", FILES, ids=name_in_src)
def test_file_is_tidy(path: Path) -> None:
    name = name_in_src(path)
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= MOST_LINES_IN_FILE, f"{name} is longer than {MOST_LINES_IN_FILE} lines"
    for node in functions(tree):
        where = f"{name} {node.name}"
        if where not in LONG_FUNCTIONS:
            assert length(node) <= MOST_LINES_IN_FUNCTION, f"{where} is longer than {MOST_LINES_IN_FUNCTION} lines"
        arguments = node.args.args + node.args.kwonlyargs + node.args.posonlyargs
        count = len([argument for argument in arguments if argument.arg not in ("self", "cls")])
        if where not in MANY_ARGUMENTS:
            assert count <= MOST_ARGUMENTS, f"{where} takes {count} arguments"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text), f"{name}: an open end needs a decision page or goes"


@pytest.mark.parametrize("path", FILES, ids=name_in_src)
def test_no_call_of_what_must_be_injected(path: Path) -> None:
    name = name_in_src(path)
    if name.startswith(STANDALONE):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            if called in BANNED and called not in MAY_CALL.get(name, set()):
                pytest.fail(f"{name} line {node.lineno}: {called}: {BANNED[called]}")


@pytest.mark.parametrize("path", [p for p in FILES if is_pure(name_in_src(p))], ids=name_in_src)
def test_pure_file_imports_nothing_of_the_outside(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for module in names:
            assert module.split(".")[0] not in IMPURE_MODULES, f"{name_in_src(path)} imports {module}"
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{name_in_src(path)} is not synchronous"


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda p: p.relative_to(TESTS).as_posix())
def test_test_is_short_and_does_not_sleep(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in functions(tree):
        if node.name.startswith("test_"):
            assert length(node) <= MOST_LINES_IN_TEST, f"{path.name} {node.name} is longer than {MOST_LINES_IN_TEST}"
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            assert dotted(call.func) != "time.sleep", f"{path.name} line {call.lineno} sleeps"
