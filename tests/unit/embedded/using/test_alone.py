"""`volary.embedded` could be a package of its own: with one file of ours beside it, a cluster runs and answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import volary

SOURCE = Path(volary.__file__).parent
BESIDE = ("__init__.py", "kube/__init__.py", "kube/transport.py")
PROGRAM = """
import importlib.util, json, ssl, urllib.request, base64, yaml, volary
from volary.embedded.testing import embedded_cluster

with embedded_cluster() as kubeconfig:
    config = yaml.safe_load(open(kubeconfig))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    headers = {"Authorization": "Bearer " + user["token"]}
    request = urllib.request.Request(cluster["server"] + "/api/v1/nodes", headers=headers)
    nodes = json.loads(urllib.request.urlopen(request, context=trust, timeout=30).read())
    print(volary.__path__[0], len(nodes["items"]), importlib.util.find_spec("volary.runtime"))
"""


def test_a_cluster_runs_without_the_rest_of_the_program(tmp_path: Path) -> None:
    package = tmp_path / "volary"
    shutil.copytree(SOURCE / "embedded", package / "embedded", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "kube").mkdir()
    for name in BESIDE:
        shutil.copy(SOURCE / name, package / name)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert done.stdout == f"{package} 1 None\n", done.stderr
