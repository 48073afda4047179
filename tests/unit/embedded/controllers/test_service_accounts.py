"""What every namespace has for its pods to ask the API, and the tokens that Secrets ask for."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable
from typing import Any

from volary.embedded.api.local import Object
from volary.embedded.api.server import ApiServer
from volary.embedded.controllers import World, controllers
from volary.embedded.controllers.objects import annotations_of, edited, name_of, uid_of
from volary.embedded.signing_key import SigningKey
from volary.sim.clock import VirtualClock
from volary.sim.loop import VirtualLoop

SECRETS, ACCOUNTS, MAPS = "/secrets", "/serviceaccounts", "/configmaps"
CLUSTER_ROLES = "rbac.authorization.k8s.io/clusterroles"
KEY = SigningKey()


class Place:
    """A cluster with its controllers, and the authority that it publishes."""

    def __init__(self) -> None:
        clock = VirtualClock()
        self.root_ca = "first"
        self.api = ApiServer("place", clock.now, random.Random(1), clock.new_id, signer=KEY)
        self.local = self.api.local
        world = World(self.local, clock)
        self.manager = controllers(world, lambda: self.root_ca, issuer=self.api.tokens)

    def secret(self, account: str = "robot", **more: Any) -> None:
        meta = {"name": "s", "namespace": "default", "annotations": {"kubernetes.io/service-account.name": account}}
        self.local.create(SECRETS, {"metadata": meta, "type": "kubernetes.io/service-account-token", **more}, "kubectl")

    def account(self) -> Object:
        return self.local.create(ACCOUNTS, {"metadata": {"name": "robot", "namespace": "default"}}, "kubectl")

    def token(self) -> str:
        found = self.local.get(SECRETS, "default", "s")
        return base64.b64decode((found or {}).get("data", {}).get("token", "")).decode()

    def role(self, name: str, labels: dict[str, str], **members: Any) -> None:
        self.local.create(CLUSTER_ROLES, {"metadata": {"name": name, "labels": labels}, **members}, "kubectl")

    def rules(self, name: str) -> list[Object]:
        return (self.local.get(CLUSTER_ROLES, "", name) or {}).get("rules") or []


def play(story: Callable[[Place], Awaitable[None]]) -> None:
    async def whole() -> None:
        place = Place()
        place.manager.start(asyncio.get_running_loop())
        await asyncio.sleep(1)
        await story(place)
        place.manager.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())


def test_a_secret_that_asks_gets_a_token_that_works() -> None:
    async def story(at: Place) -> None:
        account = at.account()
        at.secret()
        await asyncio.sleep(1)
        secret = at.local.get(SECRETS, "default", "s") or {}
        data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        assert (data["ca.crt"], data["namespace"]) == ("first", "default")
        assert annotations_of(secret)["kubernetes.io/service-account.uid"] == uid_of(account)
        user = at.api.authentication.read(at.token()).user
        assert user is not None
        assert user.name == "system:serviceaccount:default:robot"

    play(story)


def test_a_token_that_is_there_stays_and_one_that_is_taken_out_is_replaced() -> None:
    async def story(at: Place) -> None:
        at.account()
        at.secret()
        await asyncio.sleep(1)
        first = at.token()
        at.root_ca = "second"
        changed = edited(at.local.get(SECRETS, "default", "s") or {})
        del changed["data"]["ca.crt"]
        at.local.update(SECRETS, changed, "kubectl")
        await asyncio.sleep(1)
        assert at.token() == first
        changed = edited(at.local.get(SECRETS, "default", "s") or {})
        assert base64.b64decode(changed["data"].pop("ca.crt")) == b"second"
        del changed["data"]["token"]
        at.local.update(SECRETS, changed, "kubectl")
        await asyncio.sleep(1)
        assert at.token()

    play(story)


def test_a_secret_goes_with_its_account() -> None:
    async def story(at: Place) -> None:
        at.account()
        at.secret()
        await asyncio.sleep(1)
        at.local.delete(ACCOUNTS, "default", "robot")
        at.account()  # another one with the same name, before anybody looked
        await asyncio.sleep(1)
        assert at.local.get(SECRETS, "default", "s") is None

    play(story)


def test_a_secret_of_nobody_goes() -> None:
    async def story(at: Place) -> None:
        at.secret("nobody")
        await asyncio.sleep(1)
        assert at.local.get(SECRETS, "default", "s") is None

    play(story)


def test_the_authority_that_is_published_is_the_one_of_now() -> None:
    async def story(at: Place) -> None:
        published = at.local.get(MAPS, "default", "kube-root-ca.crt") or {}
        assert published["data"] == {"ca.crt": "first"}
        at.local.update(MAPS, {**edited(published), "data": {"ca.crt": "forged"}}, "kubectl")
        await asyncio.sleep(1)
        assert (at.local.get(MAPS, "default", "kube-root-ca.crt") or {})["data"] == {"ca.crt": "first"}

    play(story)


def test_a_role_that_is_a_sum_follows_its_parts() -> None:
    async def story(at: Place) -> None:
        pods, nodes = ({"apiGroups": [""], "resources": [it], "verbs": ["get"]} for it in ("pods", "nodes"))
        at.role("sum", {}, aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"part": "yes"}}]})
        at.role("one", {"part": "yes"}, rules=[pods])
        at.role("other", {"part": "no"}, rules=[nodes])
        await asyncio.sleep(1)
        assert [rule["resources"] for rule in at.rules("sum")] == [["pods"]]
        other = edited(at.local.get(CLUSTER_ROLES, "", "other") or {})
        at.local.update(
            CLUSTER_ROLES, {**other, "metadata": {**other["metadata"], "labels": {"part": "yes"}}}, "kubectl"
        )
        at.local.delete(CLUSTER_ROLES, "", "one")
        await asyncio.sleep(1)
        assert [rule["resources"] for rule in at.rules("sum")] == [["nodes"]]

    play(story)


def test_roles_of_the_beginning_are_sums_of_what_others_add() -> None:
    async def story(at: Place) -> None:
        before = len(at.rules("view"))
        rule = {"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]}
        at.role("things", {"rbac.authorization.k8s.io/aggregate-to-view": "true"}, rules=[rule])
        await asyncio.sleep(1)
        assert len(at.rules("view")) == before + 1
        assert any(it["resources"] == ["things"] for it in at.rules("admin"))  # through edit
        assert name_of(at.local.get(CLUSTER_ROLES, "", "admin") or {}) == "admin"

    play(story)
