"""The same job with lightkube: run by the Python of `.venv-clients`, so it imports nothing of ours.

python tests/bench/client_peer.py pods SERVER
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def pods(server: str) -> dict[str, float]:
    kube: Any = importlib.import_module("lightkube")
    pod = importlib.import_module("lightkube.resources.core_v1").Pod
    config = {"clusters": [{"name": "it", "cluster": {"server": server}}], "users": [{"name": "it", "user": {}}],
              "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}  # fmt: skip
    client = kube.Client(config=kube.KubeConfig.from_dict(config).get(context_name="it"))
    began = time.process_time()
    listed = client.list(pod, namespace="*", chunk_size=500)
    kept = {f"{one.metadata.namespace}/{one.metadata.name}": one for one in listed}
    return {"cpu": time.process_time() - began, "memory": memory(), "count": float(len(kept))}


if __name__ == "__main__":
    print(json.dumps(pods(sys.argv[2])), flush=True)
