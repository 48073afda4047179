"""Which files of a repository count: checked against `git check-ignore`, whose patterns these are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from volary.sources.memory import memory_tree
from volary.sync.ignore import is_ignored, rules_of, without_ignored

PATHS = [
    "a.yaml", "b.txt", "deploy/a.yaml", "deploy/deep/a.yaml", "deploy/deep/b.txt", "docs/x.md", "docs/deep/x.md",
    "build/out.bin", "x/build/out.bin", "x/build", "[odd].yaml", "c1.yaml", "c2.yaml", "logs/1/x.log", "top/logs/x.log",
]  # fmt: skip
PATTERNS = [
    "a.yaml", "/a.yaml", "*.txt", "deploy/", "build/", "/build", "deploy/*", "deploy/**", "**/deep", "docs/**/x.md",
    "c[12].yaml", "c[!1].yaml", "?.yaml", "/*\n!/deploy", "*\n!*.yaml", "logs", "top/**\n!top/logs/", "# a.yaml",
    "/*\n!/a.yaml\n!/docs", "deploy/*\n!deploy/a.yaml", "top/*\n!top/logs/", "top/\n!top/logs/",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git program here")
@pytest.mark.parametrize("patterns", PATTERNS)
def test_patterns_mean_what_git_says(tmp_path: Path, patterns: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        if not (tmp_path / path).is_dir():
            (tmp_path / path).write_text("")
    files = [path for path in PATHS if (tmp_path / path).is_file()]
    (tmp_path / ".gitignore").write_text(patterns)
    asked = ["git", "-C", str(tmp_path), "check-ignore", "--no-index", "--stdin"]
    done = subprocess.run(asked, input="\n".join(files), capture_output=True, text=True, check=False)
    rules = rules_of(patterns, "")
    assert [path for path in files if is_ignored(path, rules, {})] == done.stdout.split("\n")[:-1]


def test_defaults_and_files_in_folders() -> None:
    files = {
        "README.md": "",
        "logo.png": "",
        ".github/workflow.yaml": "",
        "deploy/.sops.yaml": "",
        "deploy/.sourceignore": "secret.yaml\n",
        "deploy/secret.yaml": "",
        "secret.yaml": "",
        "deploy/a.yaml": "a: 1",
    }
    tree = without_ignored(memory_tree(files))
    assert sorted(tree.entries) == ["README.md", "deploy/.sourceignore", "deploy/a.yaml", "secret.yaml"]
    assert tree.read("deploy/a.yaml") == b"a: 1"
    with pytest.raises(KeyError):
        tree.read("deploy/secret.yaml")
