"""One API server as a feature uses it: the client, the caches, events, and the way to the services inside."""

from __future__ import annotations

from dataclasses import dataclass

from volary.kube.client import Client
from volary.runtime.clock import Clock
from volary.runtime.events import Recorder
from volary.runtime.http import Http
from volary.runtime.informer import Informers


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything about one cluster that a feature may touch."""

    name: str  # of the Cluster object; "" for the cluster that `volary run` was pointed at
    client: Client
    informers: Informers
    http: Http
    events: Recorder
    clock: Clock
    metrics_server: str = ""  # PromQL endpoint for this cluster's canaries; "": each names its own
