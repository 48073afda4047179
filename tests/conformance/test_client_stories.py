"""The client's stories on the real API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import client_stories as stories
from tests.conformance.conftest import ControlPlanes

pytestmark = pytest.mark.conformance


@pytest.mark.parametrize(
    "story", [stories.a_list_is_streamed, stories.discovery_takes_two_requests, stories.we_can_act_as_somebody_else]
)
def test_story(control_planes: ControlPlanes, story: stories.Story) -> None:
    stories.play(control_planes.kubeconfig, story, control_planes.contexts[0])


def test_a_token_that_is_replaced_is_used(control_planes: ControlPlanes, tmp_path: Path) -> None:
    story = stories.a_token_that_is_replaced_is_used(tmp_path)
    stories.play(control_planes.kubeconfig, story, control_planes.contexts[0])
