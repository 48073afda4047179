"""ClusterRoles that are sums: whose rules are those of all roles with certain labels (admin, edit, view and others').

Source: Kubernetes, pkg/controller/clusterroleaggregation.
"""

from __future__ import annotations

from collections.abc import Iterable

from volary.embedded.api.auth.rbac import CLUSTER_ROLES
from volary.embedded.api.local import Object
from volary.embedded.api.selectors import object_matches
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import edited, labels_of, name_of
from volary.embedded.controllers.world import World

MANAGER = "clusterrole-aggregation-controller"


class AggregatedRoles:
    """The reconciler of ClusterRoles with an aggregationRule."""

    name = "clusterrole-aggregation"
    sources = ()  # those that a cluster begins with are summed up already; looking would only make them

    def __init__(self, world: World) -> None:
        self.local = world.local

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource != CLUSTER_ROLES:
            return
        for role in self.local.items(CLUSTER_ROLES):
            if role.get("aggregationRule"):
                yield (name_of(role),)

    def reconcile(self, key: Key) -> float | None:
        role = self.local.get(CLUSTER_ROLES, "", key[0])
        rule = (role or {}).get("aggregationRule")
        if role is None or not rule:
            return None
        rules: list[Object] = []
        for selector in rule.get("clusterRoleSelectors") or ():
            for other in self.local.items(CLUSTER_ROLES):
                if name_of(other) != key[0] and object_matches(selector, labels_of(other)):
                    rules += [it for it in other.get("rules") or () if it not in rules]
        if rules != (role.get("rules") or []):
            self.local.update(CLUSTER_ROLES, {**edited(role), "rules": rules}, MANAGER)
        return None
