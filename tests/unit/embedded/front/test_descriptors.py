"""The limit of open files is raised where that is allowed, and counted with where it is not."""

from __future__ import annotations

import resource

import pytest

from volary.embedded.front.descriptors import RESERVE, room_for

ANY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limit", "refused", "room", "becomes"),
    [
        ((ANY, ANY), False, 4096, (ANY, ANY)),
        ((20_000, 20_000), False, 4096, (20_000, 20_000)),
        ((1024, 1 << 20), False, 4096, (4096 + RESERVE, 1 << 20)),
        ((1024, ANY), False, 4096, (4096 + RESERVE, ANY)),
        ((1024, 2048), False, 2048 - RESERVE, (2048, 2048)),
        ((256, ANY), True, 64, (256, ANY)),
    ],
)
def test_room(
    limit: tuple[int, int],
    refused: bool,
    room: int,
    becomes: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [limit]

    def change(_: int, wanted: tuple[int, int]) -> None:
        if refused:
            raise ValueError("not allowed")
        now[0] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: now[0])
    monkeypatch.setattr(resource, "setrlimit", change)
    assert (room_for(4096), now[0]) == (room, becomes)
