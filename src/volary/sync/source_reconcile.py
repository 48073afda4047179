"""Observe and act for GitRepositories: reads objects and asks repositories; decides nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from volary.kube.decoding import BadField
from volary.kube.keeping import PACKED
from volary.kube.objects import NewObject, Object, deleting, generation_of, key_of, name_of, namespace_of
from volary.kube.resources import GIT_REPOSITORIES, SECRETS
from volary.runtime.cluster import Cluster
from volary.runtime.controller import Controller
from volary.runtime.errors import Stalled
from volary.runtime.informer import Informer
from volary.sources import Credentials, Fetcher, Source, SourceError
from volary.sync import source_decide
from volary.sync.source_decide import Asked, Facts, Fetch, Plan, Poll, Resolve
from volary.sync.spec import GitRepository
from volary.sync.status import StatusWriter, filled
from volary.sync.wire import git_repository, git_repository_status, git_repository_status_json, requested_at

COMPONENT = "source-controller"


class GitRepositories:
    """The GitRepositories of one cluster."""

    def __init__(self, cluster: Cluster, fetcher: Fetcher, namespace: str = "") -> None:
        self.cluster = cluster
        self.fetcher = fetcher
        self.repositories = cluster.informers.get(GIT_REPOSITORIES, namespace)
        self.statuses = StatusWriter(cluster.client, GIT_REPOSITORIES, self.repositories, COMPONENT)
        self.controller: Controller[Facts, Plan] = Controller(self.name(), self, cluster.clock)
        self.controller.watch(self.repositories, lambda obj: [key_of(obj)])
        self._polls: dict[str, Poll] = {}
        self._secrets: set[str] = set()  # namespaces whose Secrets are watched

    def name(self) -> str:
        return f"sync/gitrepositories/{self.cluster.name or 'local'}"

    async def observe(self, key: str) -> Facts | None:
        obj = await self.statuses.latest(key)
        if obj is None or deleting(obj):
            self._polls.pop(key, None)
            return None
        spec = spec_of(obj)
        credentials = await self.credentials(obj, spec) if isinstance(spec, GitRepository) else Credentials()
        return Facts(
            obj=obj,
            spec=spec,
            status=git_repository_status(obj),
            asked=Asked(generation_of(obj), requested_at(obj), credentials.digest if credentials else ""),
            secret_missing=credentials is None,
            poll=self._polls.get(key),
        )

    def decide(self, facts: Facts, now: datetime) -> Plan:
        return source_decide.decide(facts, now)

    async def act(self, key: str, facts: Facts, plan: Plan) -> None:
        if plan.action is not None:
            await self._ask(key, facts, plan.action)
        for line in plan.announce:
            await self.cluster.events.write(facts.obj, line, COMPONENT, step_of(facts, plan))
        if plan.status is not None:
            await self.statuses.write(key, facts.obj, git_repository_status_json(plan.status))

    async def stall(self, key: str, why: Stalled) -> None:
        """A person must mend our rights in the cluster; there is nowhere we could say so but the log."""
        self.statuses.complain(key, why)

    async def credentials(self, obj: Object, spec: GitRepository) -> Credentials | None:
        """Return the credentials that a GitRepository names, if any; None: the Secret is missing."""
        if not spec.secret:
            return Credentials()
        secrets = await self._watched_secrets(namespace_of(obj))
        secret = secrets.get(spec.secret, namespace_of(obj))
        return None if secret is None else Credentials(secret_values(secret))

    async def _watched_secrets(self, namespace: str) -> Informer:
        informer = self.cluster.informers.get(SECRETS, namespace, form=PACKED)
        if namespace not in self._secrets:
            self._secrets.add(namespace)
            self.controller.watch(informer, self._users_of)
        await filled(informer)
        return informer

    def _users_of(self, secret: Object) -> Iterable[str]:
        """Yield the keys of the GitRepositories that name a Secret."""
        for obj in self.repositories.items():
            reference = (obj.get("spec") or {}).get("secretRef") or {}
            if namespace_of(obj) == namespace_of(secret) and reference.get("name") == name_of(secret):
                yield key_of(obj)

    async def _ask(self, key: str, facts: Facts, action: Resolve | Fetch) -> None:
        assert isinstance(facts.spec, GitRepository)
        credentials = await self.credentials(facts.obj, facts.spec) or Credentials()
        now = self.cluster.clock.now()
        before = self._polls.get(key)
        source = source_of(facts.spec)
        try:
            if isinstance(action, Resolve):
                revision = await self.fetcher.resolve(source, credentials)
                self._polls[key] = Poll(facts.asked, now, revision, checkout=before.checkout if before else None)
            else:
                checkout = await self.fetcher.fetch(source, action.revision, credentials)
                if before is not None:
                    self._polls[key] = replace(before, checkout=checkout)
        except SourceError as error:
            same = before is not None and before.asked == facts.asked
            failures = (before.failures if before and same else 0) + 1
            self._polls[key] = Poll(
                facts.asked, now, None, error.reason, str(error), lasting=error.lasting, failures=failures
            )


def step_of(facts: Facts, plan: Plan) -> str:
    """Return the moment that an event is about."""
    artifact = plan.status.artifact if plan.status else facts.status.artifact
    return f"{generation_of(facts.obj)} {artifact.revision if artifact else ''}"


def spec_of(obj: Object) -> GitRepository | BadField:
    try:
        return git_repository(obj)
    except BadField as error:
        return error


def source_of(spec: GitRepository) -> Source:
    return Source(spec.url, spec.ref, spec.timeout.total_seconds())


def secret_values(secret: NewObject) -> dict[str, bytes]:
    """Return the decoded data of a Secret; what is no base64 is left out, as the API server never stores it."""
    values = {}
    for key, text in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(text)
        except (binascii.Error, ValueError):
            continue
    return values
