from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from volary.embedded.mesh.tether import command

PARENT = """
import subprocess, sys
from volary.embedded.mesh.tether import command
child = subprocess.Popen(command([sys.executable, "-IS", "-c", "import time; print('up', flush=True); time.sleep(60)"]))
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes by pidfd, which only Linux has")
def test_a_tethered_program_dies_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        said = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
        child = int(next(word for word in said if word.isdigit()))
        assert "up" in said
        watched = os.pidfd_open(child)
        try:
            parent.kill()
            ended, _, _ = select.select([watched], [], [], 5)
            assert ended, "the child outlived its parent"
        finally:
            os.close(watched)


def test_a_tethered_program_gives_its_exit_status() -> None:
    program = [sys.executable, "-IS", "-c", "import sys; sys.exit(7)"]
    assert subprocess.run(command(program), timeout=10).returncode == 7
