"""To ask in somebody else's name: the Impersonate headers, and who may use them for what.

There are two ways to be allowed. The old one is the verb `impersonate` on each thing that is claimed (user, groups,
uid, extra). The newer one is tied to a request: `impersonate:MODE` on each thing, and `impersonate-on:MODE:VERB` on
what is asked; it is tried first, so its refusal is the one that is shown.

Several values of one header come separated by a line feed, which no header can have in it.

Source: k8s.io/apiserver, pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from volary.embedded.api.auth.attributes import Attributes
from volary.embedded.api.auth.identity import (
    ANONYMOUS,
    AUTHENTICATED,
    MASTERS,
    UNAUTHENTICATED,
    User,
    account_groups,
    account_of,
)
from volary.embedded.api.auth.rbac import Rbac, remember
from volary.embedded.api.auth.refusals import refusal
from volary.embedded.api.errors import Problem, bad_request
from volary.embedded.api.text.go_text import go_quoted
from volary.embedded.api.validation.names import name_error

USER, GROUP, UID = "impersonate-user", "impersonate-group", "impersonate-uid"
EXTRA = "impersonate-extra-"
NODE, NODES = "system:node:", "system:nodes"
NODE_NAME = "authentication.kubernetes.io/node-name"
AUTHENTICATION = "authentication.k8s.io"
MANY = 4  # values, from which on one question for all of them is tried first


def wanted_user(headers: Mapping[str, str]) -> User | None:
    """Return whom the headers name, None if they name nobody. Raises: Problem."""
    if not any(key.startswith("impersonate-") for key in headers):
        return None
    wanted = user_in(headers)
    if wanted.name:
        return wanted
    if wanted.groups or wanted.uid or wanted.extra:
        raise bad_request(f"requested {go_user(wanted)} without impersonating a user name")
    return None


def user_in(headers: Mapping[str, str]) -> User:
    """Return what the headers say of a user; the name may be missing."""
    groups = tuple(headers[GROUP].split("\n")) if GROUP in headers else ()
    extra: dict[str, tuple[str, ...]] = {}
    for key, value in headers.items():
        if key.startswith(EXTRA):
            extra[unquote(key.removeprefix(EXTRA))] = tuple(value.split("\n"))
    name, uid = (headers.get(key, "").partition("\n")[0] for key in (USER, UID))
    return User(name, groups, uid, tuple(sorted(extra.items())))


class Impersonation:
    """Lets users be others, in one cluster."""

    def __init__(self, rbac: Rbac) -> None:
        self.rbac = rbac
        self._last: dict[str, str] = {}  # user -> the mode that let them be somebody; tried first, so it refuses first

    def become(self, user: User, wanted: User, request: Attributes) -> User:
        """Return the user to go on as. Raises: Problem, if `user` may not speak for them."""
        first: Problem | None = None
        for mode in sorted(modes(user, wanted), key=lambda it: it != self._last.get(user.name)):
            try:
                found = self._claim(mode, user, wanted, request)
            except Problem as problem:
                first = first or problem
            else:
                remember(self._last, user.name, mode)
                return found
        assert first, "the old mode is always tried"
        raise first

    def _claim(self, mode: str, user: User, wanted: User, request: Attributes) -> User:
        if mode:
            demand(self.rbac, user, request.as_verb(f"impersonate-on:{mode}:{request.verb}"))
        return Claim(self.rbac, user, mode).grant(wanted)


def modes(user: User, wanted: User) -> Iterator[str]:
    """Yield the ways that this may be allowed in; "" is the old one."""
    only_name = not (wanted.groups or wanted.uid or wanted.extra)
    node, account = node_of(wanted.name), account_of(wanted.name)
    if only_name and node and account_of(user.name) and dict(user.extra).get(NODE_NAME) == (node,):
        yield "associated-node"
    if only_name and node:
        yield "arbitrary-node"
    if only_name and account:
        yield "serviceaccount"
    if not node and not account:
        yield "user-info"
    yield ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One user's claim to be another, in one mode."""

    rbac: Rbac
    user: User
    mode: str

    @property
    def group(self) -> str:
        """Return the API group that users and groups are in."""
        return AUTHENTICATION if self.mode else ""

    def grant(self, wanted: User) -> User:
        """Return the user as they will be known. Raises: Problem."""
        groups = self._name(wanted)
        if wanted.uid:
            self._demand(AUTHENTICATION, "uids", wanted.uid)
        self._groups(wanted.groups)
        self._extra(wanted)
        always = UNAUTHENTICATED if wanted.name == ANONYMOUS.name else AUTHENTICATED
        if always not in groups and UNAUTHENTICATED not in groups:
            groups = (*groups, always)
        return replace(wanted, groups=groups)

    def _name(self, wanted: User) -> tuple[str, ...]:
        """Demand the name; return the groups that come with it."""
        if account := account_of(wanted.name):
            namespace, name = account
            what = Attributes(self._verb, self.group, "serviceaccounts", namespace=namespace, name=name)
            demand(self.rbac, self.user, what)
            return wanted.groups or account_groups(namespace)
        if self.mode and (node := node_of(wanted.name)):
            self._demand(self.group, "nodes", "*" if self.mode == "associated-node" else node)
            return (NODES,)
        self._demand(self.group, "users", wanted.name)
        return wanted.groups

    def _groups(self, groups: tuple[str, ...]) -> None:
        about = Attributes(self._verb, self.group, "groups")
        if self.mode and "" in groups:
            raise refusal(self.user, about, "impersonating the empty string group is not allowed")
        if self.mode and MASTERS in groups:
            why = "impersonating the system:masters group is not allowed"
            raise refusal(self.user, replace(about, name=MASTERS), why)
        if self.mode and len(groups) >= MANY and self.rbac.decide(self.user, replace(about, name="*")).allowed:
            return
        for group in groups:
            self._demand(self.group, "groups", group)

    def _extra(self, wanted: User) -> None:
        for key, values in wanted.extra:
            for value in values:
                what = Attributes(self._verb, AUTHENTICATION, "userextras", key, name=value)
                demand(self.rbac, self.user, what)

    @property
    def _verb(self) -> str:
        return f"impersonate:{self.mode}" if self.mode else "impersonate"

    def _demand(self, group: str, resource: str, name: str) -> None:
        demand(self.rbac, self.user, Attributes(self._verb, group, resource, name=name))


def demand(rbac: Rbac, user: User, wanted: Attributes) -> None:
    """Let those pass who may. Raises: Problem, a 403."""
    decision = rbac.decide(user, wanted)
    if not decision.allowed:
        raise refusal(user, wanted, decision.reason)


def node_of(name: str) -> str:
    """Return the node that a user is, "" for any other."""
    node = name.removeprefix(NODE)
    return node if node != name and name_error("/nodes", node) is None else ""


def go_user(user: User) -> str:
    """Return a user as Go prints its structure."""
    extra = ", ".join(f"{go_quoted(key)}:[]string{go_strings(values)}" for key, values in user.extra)
    shown = f"map[string][]string{{{extra}}}" if user.extra else "map[string][]string(nil)"
    groups = f"[]string{go_strings(user.groups)}" if user.groups else "[]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:{go_quoted(user.uid)}, Groups:{groups}, Extra:{shown}}}'


def go_strings(texts: tuple[str, ...]) -> str:
    return "{" + ", ".join(go_quoted(it) for it in texts) + "}"
