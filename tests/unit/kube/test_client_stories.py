"""The client's stories on the embedded API, over HTTPS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import client_stories as stories
from volary.embedded.testing import embedded_cluster


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with embedded_cluster(pods=False) as made:
        yield made.path


@pytest.mark.parametrize(
    "story", [stories.a_list_is_streamed, stories.discovery_takes_two_requests, stories.we_can_act_as_somebody_else]
)
def test_story(kubeconfig: Path, story: stories.Story) -> None:
    stories.play(kubeconfig, story)


def test_a_token_that_is_replaced_is_used(kubeconfig: Path, tmp_path: Path) -> None:
    stories.play(kubeconfig, stories.a_token_that_is_replaced_is_used(tmp_path))
