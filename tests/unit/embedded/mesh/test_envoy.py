"""The mesh with the real Envoy: what it promises about requests."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.unit.embedded.mesh.fakes import endpoint_slice, service, split
from tests.unit.embedded.mesh.running import SLICES, Setting, both, needs_envoy, running, share, with_mesh

pytestmark = [pytest.mark.envoy, needs_envoy]
FOUR_SIGMA = 4


def test_a_split_of_90_to_10_is_seen_by_the_pods(tmp_path: Path) -> None:
    async def test(mesh: Setting) -> None:
        await mesh.route(split(podinfo_primary=90, podinfo_canary=10))
        found = await mesh.ask(1500)
        assert (found.ok, found.lost, found.failed) == (1500, 0, 0)
        sigma = (1500 * 0.1 * 0.9) ** 0.5
        assert abs(share(found, "canary") - 150) < FOUR_SIGMA * sigma

    with_mesh(tmp_path, test)


def test_weights_change_under_load_without_a_loss_and_at_once(tmp_path: Path) -> None:
    async def test(mesh: Setting) -> None:
        async def change() -> None:
            for weight in (0, 10, 50, 100, 0, 100, 30, 100):
                await mesh.route(split(podinfo_primary=100 - weight, podinfo_canary=weight))
                await asyncio.sleep(0.03)

        await mesh.route(split(podinfo_primary=100, podinfo_canary=0))
        found = await both(mesh.ask(1000, rate=2000), change())
        assert (found.ok, found.lost) == (1000, 0), found.line()
        assert min(share(found, "primary"), share(found, "canary")) > 0
        assert share(await mesh.ask(100), "canary") == 100

    with_mesh(tmp_path, test)


def test_a_pod_that_leaves_the_endpoints_gets_nothing_more_and_no_request_is_lost(tmp_path: Path) -> None:
    async def test(mesh: Setting) -> None:
        await mesh.route(split(podinfo_canary=100))

        async def leave() -> None:
            await asyncio.sleep(0.1)
            mesh.local.put(SLICES, endpoint_slice("podinfo-canary", "canary-b"))
            await mesh.pods.let_go("canary-a")
            mesh.pods.kill("canary-a")

        found = await both(mesh.ask(1000, rate=2000), leave())
        assert (found.ok, found.lost) == (1000, 0), found.line()
        assert share(found, "canary-a") > 0
        assert share(await mesh.ask(50), "canary-b") == 50

    with_mesh(tmp_path, test)


def test_a_pod_that_is_deleted_leaves_before_its_slice_says_so(tmp_path: Path) -> None:
    async def test(mesh: Setting) -> None:
        await mesh.route(split(podinfo_canary=100))
        meta = {"name": "canary-a", "namespace": "test", "deletionTimestamp": "2026-11-24T10:00:00Z"}
        assert (await mesh.ask(20)).ok == 20
        mesh.local.put("/pods", {"metadata": meta})
        await mesh.pods.let_go("canary-a")
        assert share(await mesh.ask(100), "canary-b") == 100

    with_mesh(tmp_path, test)


def test_an_object_that_envoy_refuses_is_set_aside_and_holds_nobody_back(tmp_path: Path) -> None:
    async def test(mesh: Setting) -> None:
        bad = {**split(podinfo_canary=100), "match": [{"uri": {"regex": "(lost"}}]}
        await mesh.route(split(podinfo_primary=100))
        await mesh.route(bad)
        assert share(await mesh.ask(50), "primary") == 50, "what Envoy took before stays in force"
        (told,) = mesh.mesh.gaps["VirtualService", "test", "podinfo"]
        assert told == "Envoy refuses the object, what it took before stays in force: missing ): (lost"
        await mesh.route(split(podinfo_primary=100), name="other", hosts=("app.example.com",))
        assert (await mesh.ask(10, host="app.example.com")).ok == 10
        await mesh.route(split(podinfo_canary=100))
        assert share(await mesh.ask(50), "canary") == 50
        assert mesh.mesh.gaps == {}

    with_mesh(tmp_path, test)


def test_services_come_and_go_under_load_without_a_loss(tmp_path: Path) -> None:
    async def test(mesh: Setting) -> None:
        async def change() -> None:
            for number in range(5):
                name = f"extra-{number}"
                mesh.local.put(SLICES, endpoint_slice(name, "canary-a"))
                await mesh.applied(lambda name=name: mesh.local.put("/services", service(name, 9898)))  # type: ignore[misc]
                await mesh.route({"route": [{"destination": {"host": name}}]})
                assert share(await mesh.ask(5), "canary-a") == 5
                await mesh.route(split(podinfo_primary=100))
                await mesh.applied(lambda name=name: mesh.local.delete("/services", "test", name))  # type: ignore[misc]

        await mesh.route(split(podinfo_primary=100))
        found = await both(mesh.ask(1000, rate=2000), change())
        assert (found.ok, found.lost) == (1000, 0), found.line()

    with_mesh(tmp_path, test)
    assert not list(tmp_path.glob("eds-*extra*"))


def test_fields_do_in_envoy_what_they_say(tmp_path: Path) -> None:
    async def test(mesh: Setting) -> None:
        rewritten = {"match": [{"uri": {"prefix": "/api"}}], "rewrite": {"uri": "/", "authority": "b.example.com"}}
        headers = {"request": {"set": {"x-rate": "100%"}}}
        aborted = {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}
        await mesh.route(
            {**split(podinfo_canary=100), **rewritten, "headers": headers, "mirror": {"host": "podinfo-primary"}},
            {**split(podinfo_canary=100), "match": [{"uri": {"exact": "/tea"}}], "fault": aborted},
            {**split(podinfo_canary=0, podinfo_primary=0)},
        )
        assert (await mesh.ask(1, path="/api/users")).ok == 1
        assert mesh.pods.last.startswith(b"GET /users HTTP/1.1")
        assert b"x-rate: 100%\r\n" in mesh.pods.last + b"\r\n"
        assert mesh.pods.served.keys() & {"primary-a", "primary-b"}, "mirrored"
        assert dict((await mesh.ask(1, path="/tea")).why) == {"unsigned 418": 1}
        assert dict((await mesh.ask(1, path="/")).why) == {"unsigned 503": 1}
        assert mesh.mesh.gaps.keys() == {("VirtualService", "test", "podinfo")}

    with_mesh(tmp_path, test)


def test_envoy_that_is_killed_is_back_on_the_same_port_with_the_same_routes(tmp_path: Path) -> None:
    async def test(mesh: Setting) -> None:
        await mesh.route(split(podinfo_canary=100))
        gateway, pid = mesh.mesh.gateway, mesh.mesh.envoy_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await mesh.until_served()
        assert mesh.mesh.gateway == gateway
        assert share(await mesh.ask(20), "canary") == 20
        await mesh.route(split(podinfo_primary=100))
        assert share(await mesh.ask(20), "primary") == 20

    with_mesh(tmp_path, test)


def test_the_state_is_the_owners_alone_and_nothing_is_left_running(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)  # no Unix socket fits in there

    async def run() -> tuple[int, Path]:
        async with running(Setting(folder)) as mesh:
            socket = mesh.mesh.admin.socket
            assert stat.S_IMODE(socket.stat().st_mode) == 0o600
            assert stat.S_IMODE(socket.parent.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert mesh.mesh.envoy_pid is not None
            return mesh.mesh.envoy_pid, socket

    pid, socket = asyncio.run(asyncio.wait_for(run(), 30))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not socket.parent.exists()
