"""A start imports no more than it needs: what costs the most comes when somebody asks for it."""

from __future__ import annotations

import subprocess
import sys

# What each is for: proxied services, YAML, TLS certificates, the demo's screen, rules of CRDs, pods, the journal.
LATER = (
    "aiohttp",
    "yaml",
    "cryptography",
    "rich",
    "cel_expr_python",
    "volary.embedded.ground",
    "sqlite3",
    "hypothesis",
)
PROGRAM = "import sys, volary.cli.kube, volary.embedded.estate; print('\\n'.join(sys.modules))"


def test_a_cluster_without_pods_needs_little() -> None:
    loaded = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert set(LATER) & set(loaded.stdout.split()) == set()


def test_asking_what_runs_needs_no_cluster() -> None:
    asking = "import sys, volary.cli.kube, volary.embedded.state; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=True, timeout=60)
    assert not [it for it in loaded.stdout.split() if it.startswith("volary.embedded.api")]
