"""The options that say which cluster is meant, and the way to it; the same for every command."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import click

from volary import __version__
from volary.cli import Complaint
from volary.kube.client import Client, Listing
from volary.kube.errors import NotFound, Unauthorized, Unreachable
from volary.kube.kubeconfig import Access, load
from volary.kube.objects import Resource
from volary.runtime.clock import SystemClock

USER_AGENT = f"volary-cli/{__version__}"
ANSWER_SECONDS = 15.0


def place(access: Access) -> str:
    """Return how people know a cluster: by its context, and by its address."""
    return f"the cluster of context {access.context} ({access.server})"


@contextlib.asynccontextmanager
async def client_of(access: Access) -> AsyncIterator[Client]:
    """Open a client for one way in; closed at the end."""
    from volary.kube.http import connect

    client = Client(connect(access, SystemClock().rng), USER_AGENT, ANSWER_SECONDS)
    try:
        yield client
    finally:
        await client.close()


@dataclass(frozen=True, slots=True)
class Connection:
    """What a person said about the cluster that is meant."""

    kubeconfig: str  # a path; "": not said
    context: str
    namespace: str  # "": not said

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Open a client; closed at the end. Raises: BadKubeconfig, and Complaint where nobody answers."""
        access = self.access()
        async with client_of(access) as client:
            try:
                yield client
            except Unauthorized as error:
                raise Complaint(f"{place(access)} does not accept these credentials: {error}") from None
            except Unreachable as error:
                raise Complaint(f"{place(access)} does not answer: {error}") from None

    async def listing(self, client: Client, resource: Resource, namespace: str = "") -> Listing:
        """Return all objects of a kind. Raises: Complaint where the cluster has no such kind."""
        try:
            return await client.list(resource, namespace)
        except NotFound:
            raise Complaint(
                f"{place(self.access())} has no {resource.plural}: it is not prepared "
                "(volary install | kubectl apply -f -), or another one is meant (--context)"
            ) from None

    def default_namespace(self) -> str:
        """Return the namespace that was said, else that of the context, else "default"."""
        return self.namespace or self.access().namespace

    def access(self) -> Access:
        """Return the way in that was named. Raises: BadKubeconfig."""
        return load(SystemClock().now, self.kubeconfig, self.context)


def cluster_options(namespace: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --kubeconfig, --context and (unless refused) --namespace; they arrive as `connection`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, kubeconfig: str, context: str, namespace: str = "", **kwargs: Any) -> Any:
            return function(*args, connection=Connection(kubeconfig, context, namespace), **kwargs)

        options = [
            click.option("--kubeconfig", default="", help="Path; default: $KUBECONFIG, else ~/.kube/config."),
            click.option("--context", default="", help="Context of the kubeconfig; default: the current one."),
        ]
        if namespace:
            options.append(click.option("-n", "--namespace", default="", help="Default: that of the context."))
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate
