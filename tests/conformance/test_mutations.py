"""Built-in objects with a field or two changed: the real API server and the embedded one answer alike."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.conformance.conftest import ControlPlanes
from tests.differential.mutations.run import Kept, play, shape
from tests.differential.mutations.samples import SAMPLES

pytestmark = pytest.mark.conformance

REQUESTS, SEEDS = 100, (1, 2)
MOST_UNLIKE = 2  # of a hundred answers of one kind


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", SAMPLES)
def test_changed_objects_are_answered_alike(control_planes: ControlPlanes, kind: str, seed: int) -> None:
    real = Kept(control_planes.kubeconfig, control_planes.contexts[0])
    with closing(real):
        outcomes = play(kind, REQUESTS, seed, real)
    wrong = [it for it in outcomes if it.found]
    assert len(wrong) <= MOST_UNLIKE, "\n".join(shape(it) for it in wrong)
