"""The request scripts that are recorded from a real control plane and replayed against the embedded API."""

from __future__ import annotations

from tests.differential.scripts import (
    applies,
    cel,
    config_maps,
    custom,
    definitions,
    kinds,
    lists,
    others,
    paths,
    rbac,
    sequences,
    workloads,
)
from tests.differential.steps import Script

ALL: tuple[Script, ...] = tuple(
    script
    for module in (
        paths,
        config_maps,
        lists,
        workloads,
        others,
        applies,
        custom,
        cel,
        definitions,
        rbac,
        kinds,
        sequences,
    )
    for script in module.SCRIPTS
)
