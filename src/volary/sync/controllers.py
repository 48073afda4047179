"""Wiring: the controllers of both kinds in one cluster."""

from __future__ import annotations

from typing import Any

from volary.runtime.cluster import Cluster
from volary.runtime.controller import Controller
from volary.sources import Fetcher
from volary.sync.reconcile import Kustomizations
from volary.sync.source_reconcile import GitRepositories


def controllers(cluster: Cluster, fetcher: Fetcher, namespace: str = "") -> list[Controller[Any, Any]]:
    """Return the controllers of both kinds for one cluster; the fetcher may serve many clusters."""
    sources = GitRepositories(cluster, fetcher, namespace)
    kustomizations = Kustomizations(cluster, sources, namespace)
    return [sources.controller, kustomizations.controller]
