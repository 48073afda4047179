"""The gate that every request passes: on whose behalf it comes, and whether they may.

Source: k8s.io/apiserver, pkg/endpoints/filters/authorization.go and pkg/endpoints/handlers/responsewriters/errors.go.
"""

from __future__ import annotations

from volary.embedded.api.attributes import Attributes, attributes_of
from volary.embedded.api.identity import MASTERS, User
from volary.embedded.api.impersonation import impersonated, wanted_user
from volary.embedded.api.rbac import Rbac
from volary.embedded.api.refusals import refusal
from volary.kube.transport import Request


class Gate:
    """Asks the authorizer of one cluster about whole requests."""

    def __init__(self, rbac: Rbac) -> None:
        self.rbac = rbac

    def enter(self, request: Request, user: User) -> User:
        """Return who the request is from once impersonation is done; they may make it. Raises: Problem."""
        wanted = wanted_user(request.headers)
        if wanted is not None:
            user = impersonated(self.rbac, user, wanted, attributes_of(request))
        if MASTERS not in user.groups:
            self.demand(user, attributes_of(request))
        return user

    def demand(self, user: User, wanted: Attributes) -> None:
        """Let those pass who may. Raises: Problem, a 403."""
        decision = self.rbac.decide(user, wanted)
        if not decision.allowed:
            raise refusal(user, wanted, decision.reason)
