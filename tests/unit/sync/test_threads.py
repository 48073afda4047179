"""Rendering runs in threads, two members at once: what its types need must be there before the first of them."""

from __future__ import annotations

import subprocess
import sys

FIRST_USE = """
import sys
import msgspec
from volary.sync import render
from volary.sync.kustomize.fields import File

worked_out = []

def note(frame, event, argument):
    if frame.f_code.co_name == "get_class_annotations":
        worked_out.append(frame)

sys.setprofile(note)
msgspec.convert({"images": [{"name": "a"}], "patches": [{"path": "b"}]}, File)
sys.setprofile(None)
assert not worked_out, "msgspec works a type out at its first use, which may be in two threads at once"
"""


def test_no_type_is_worked_out_in_a_thread() -> None:
    subprocess.run([sys.executable, "-c", FIRST_USE], check=True, timeout=60)
