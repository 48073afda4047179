"""Starts one of the programs beside it and ties its life to the process that started it.

usage: python -IS launch.py PROGRAM [ARGUMENT ...]

Imported, not executed as a script, a program's compiled form is kept between starts.
"""

import importlib
import json
import os
import sys

PR_SET_PDEATHSIG, SIGKILL = 1, 9


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when the one that started it is gone, even if either of them hangs."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(0)  # it was gone before we asked


def take_variables(path: str) -> None:
    """Set the variables of the pod, and leave no copy of what may be secret."""
    with open(path) as file:  # noqa: PTH123
        os.environ.update(json.load(file))
    os.unlink(path)  # noqa: PTH108


if __name__ == "__main__":
    die_with_parent(int(os.environ.get("VOLARY_PARENT") or 0))
    take_variables(os.environ.pop("VOLARY_VARIABLES"))
    here = os.path.abspath(__file__)  # noqa: PTH100 (pathlib costs 5 ms of 50)
    sys.path.insert(0, here.removesuffix("volary/embedded/images/launch.py"))
    sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without; 4 MB and 6 ms of each pod
    sys.exit(importlib.import_module("volary.embedded.images." + sys.argv[1]).main(sys.argv[2:]))
