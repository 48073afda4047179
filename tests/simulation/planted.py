"""Loads the canary's brain with a bug planted into one of its modules, without touching the real ones."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tests.simulation.canary_explorer import Decide

FOLDER = Path(__file__).parent / "canary_bugs"
PACKAGE = "volary.canary"
BRAIN = ("rules", "checks", "starting", "resting", "trial", "ending", "decide")  # in the order of their imports
FORM = re.compile(r"what: (?P<what>.*)\nmodule: (?P<module>.*)\n<<<<\n(?P<old>.*?)====\n(?P<new>.*?)>>>>\n", re.DOTALL)


@dataclass(frozen=True)
class Bug:
    """One bug: what stands in a module's source, and what is put there instead."""

    what: str
    module: str
    old: str
    new: str


def bugs() -> list[Path]:
    return sorted(FOLDER.glob("*.txt"))


def read_bug(path: Path) -> Bug:
    match = FORM.fullmatch(path.read_text())
    assert match, f"{path.name} has not the form of the others"
    return Bug(match["what"], match["module"], match["old"], match["new"])


def decide_with(bug: Bug) -> Decide:
    """Return `decide` of a brain that has the bug."""
    package = importlib.import_module(PACKAGE)
    real = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in BRAIN}
    try:
        for name in BRAIN:
            module = planted(real[name], bug if bug.module == name else None)
            sys.modules[module.__name__] = module
            setattr(package, name, module)
            source = module.__dict__.pop("source")
            exec(compile(source, f"{name} with a bug", "exec"), module.__dict__)
        found: Decide = sys.modules[f"{PACKAGE}.decide"].__dict__["decide"]
        return found
    finally:
        for name, module in real.items():
            sys.modules[module.__name__] = module
            setattr(package, name, module)


def planted(real: ModuleType, bug: Bug | None) -> ModuleType:
    """Return an empty module with the source to run in it."""
    source = Path(str(real.__file__)).read_text()
    if bug is not None:
        assert source.count(bug.old) == 1, f"{bug.what}: the code it is planted into has changed"
        source = source.replace(bug.old, bug.new)
    module = ModuleType(real.__name__)
    module.__file__ = real.__file__
    module.__dict__["source"] = source
    return module
