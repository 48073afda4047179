"""How a controller of canaries is set up, for all canaries of one cluster."""

from __future__ import annotations

from dataclasses import dataclass

from volary.canary.rewrites import SELECTOR_LABELS


@dataclass(frozen=True, slots=True)
class Options:
    """Each is a flag of `volary run`."""

    selector_labels: tuple[str, ...] = SELECTOR_LABELS
    metrics_server: str = ""  # for canaries that name none; "": the cluster's
    namespace: str = ""  # "": all
