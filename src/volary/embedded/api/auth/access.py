"""The gate that every request passes: on whose behalf it comes, and whether they may.

Source: k8s.io/apiserver, pkg/endpoints/filters/authorization.go and pkg/endpoints/handlers/responsewriters/errors.go.
"""

from __future__ import annotations

from volary.embedded.api.auth.attributes import Attributes, attributes_of
from volary.embedded.api.auth.identity import MASTERS, User
from volary.embedded.api.auth.impersonation import Impersonation, demand, wanted_user
from volary.embedded.api.auth.rbac import Rbac
from volary.embedded.api.call import Call
from volary.embedded.api.core import Core
from volary.kube.transport import Request


def demand_creation(core: Core, call: Call) -> None:
    """Demand the right to create from a change that makes a new object. Raises: Problem."""
    user = call.options.user
    if MASTERS not in user.groups:
        path = call.path
        wanted = Attributes("create", path.group, path.plural, path.subresource, path.namespace, path.name)
        demand(core.rbac, user, wanted)


class Gate:
    """Asks the authorizer of one cluster about whole requests."""

    def __init__(self, rbac: Rbac) -> None:
        self.rbac = rbac
        self._impersonation = Impersonation(rbac)

    def enter(self, request: Request, user: User) -> User:
        """Return who the request is from once impersonation is done; they may make it. Raises: Problem."""
        wanted = wanted_user(request.headers)
        if wanted is not None:
            user = self._impersonation.become(user, wanted, attributes_of(request))
        if MASTERS not in user.groups:
            demand(self.rbac, user, attributes_of(request))
        return user
