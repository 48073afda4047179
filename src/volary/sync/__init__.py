"""Brings one cluster to one Git revision: Flux's GitRepository and Kustomization, driven by watches."""

from __future__ import annotations

from typing import Any

from volary.runtime.cluster import Cluster
from volary.runtime.controller import Controller
from volary.sources import Fetcher
from volary.sync.definitions import definitions
from volary.sync.reconcile import Kustomizations
from volary.sync.source_reconcile import GitRepositories

__all__ = ["controllers", "definitions"]


def controllers(cluster: Cluster, fetcher: Fetcher, namespace: str = "") -> list[Controller[Any, Any]]:
    """Return the controllers of both kinds for one cluster; the fetcher may serve many clusters."""
    sources = GitRepositories(cluster, fetcher, namespace)
    kustomizations = Kustomizations(cluster, sources, namespace)
    return [sources.controller, kustomizations.controller]
