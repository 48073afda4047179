"""Who may do what: roles and bindings, rights that are asked for and used, other people's names, tokens."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.differential.scripts.namespaced import obj, script
from tests.differential.steps import TABLE, Step, apply, delete, get, json_patch, merge, op, post, put

RBAC = "rbac.authorization.k8s.io"
R, B = f"{RBAC}/v1!roles", f"{RBAC}/v1!rolebindings"
CR, CB = f"/apis/{RBAC}/v1/clusterroles", f"/apis/{RBAC}/v1/clusterrolebindings"
AUTHORIZATION, AUTHENTICATION = "/apis/authorization.k8s.io/v1", "/apis/authentication.k8s.io/v1"
SAR, SELF, RULES = (
    f"{AUTHORIZATION}/{it}" for it in ("subjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")
)
LOCAL = "authorization.k8s.io/v1!localsubjectaccessreviews"
WHO, TOKEN_REVIEW = f"{AUTHENTICATION}/selfsubjectreviews", f"{AUTHENTICATION}/tokenreviews"
CORE = "/api/v1"
NEVER = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"
ACCOUNT = "system:serviceaccount:t-impersonation:robot"


def as_(user: str, step: Step, group: str = "", **more: str) -> Step:
    """Return the step as somebody else asks it."""
    headers = {"impersonate-user": user, **({"impersonate-group": group} if group else {})}
    return replace(step, headers={**step.headers, **headers, **{key.replace("_", "-"): it for key, it in more.items()}})


def rule(resources: str, verbs: str, groups: str = "core", **more: Any) -> dict[str, Any]:
    """Return a rule from words; the core group is called core here."""
    return {
        "apiGroups": [it.replace("core", "") for it in groups.split()],
        "resources": resources.split(),
        "verbs": verbs.split(),
        **more,
    }


def urls(paths: str, verbs: str) -> dict[str, Any]:
    return {"nonResourceURLs": paths.split(), "verbs": verbs.split()}


def role(name: str, *rules: Any, **members: Any) -> dict[str, Any]:
    return obj(name, rules=list(rules), **members)


def binding(name: str, to: str, *subjects: Any, kind: str = "Role") -> dict[str, Any]:
    return obj(name, roleRef={"apiGroup": RBAC, "kind": kind, "name": to}, subjects=list(subjects))


def user(name: str) -> dict[str, Any]:
    return {"kind": "User", "apiGroup": RBAC, "name": name}


def group(name: str) -> dict[str, Any]:
    return {"kind": "Group", "apiGroup": RBAC, "name": name}


def account(name: str, namespace: str) -> dict[str, Any]:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def may(user: str, verb: str, resource: str, **more: Any) -> dict[str, Any]:
    return {"spec": {"user": user, "resourceAttributes": {"verb": verb, "resource": resource, **more}}}


ROLES = script(
    "roles",
    post("role", R, role("r", rule("pods pods/log", "get list"), rule("deployments", "*", "apps", resourceNames=["web"]))),
    get("table of roles", R, TABLE),
    post("twice", R, role("r")),
    post("no rules at all", R, obj("empty")),
    post("no groups, no resources", R, role("x", {"verbs": ["get"]})),
    post("urls in a namespace", R, role("x", urls("/healthz", "get"))),
    post("urls and resources", R, role("x", {**rule("pods", "get"), **urls("/healthz", "get")})),
    post("name with a slash", R, role("a/b")),
    post("name with colons", R, role("system:thing:reader")),
    post("name with capitals", R, role("Reader")),
    post("name with dots only", R, role("..")),
    post("unknown field, ignored", f"{R}?fieldValidation=Ignore", role("odd", {**rule("pods", "get"), "extra": 1})),
    post("unknown field, strict", f"{R}?fieldValidation=Strict", role("odd2", {**rule("pods", "get"), "extra": 1})),
    put("put changes rules", f"{R}/r", role("r", rule("pods", "get"))),
    put("put makes a new one", f"{R}/made", role("made", rule("pods", "get"))),
    put("put makes none for another uid", f"{R}/other", {"metadata": {"name": "other", "uid": "7"}}),
    put("empty rules by put", f"{R}/made", role("made")),
    merge("no rules any more", f"{R}/r", {"rules": None}),
    json_patch("rules by patch", f"{R}/r", op("add", "/rules", [rule("pods", "watch")])),
    apply("apply takes the rules", f"{R}/r", {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": [rule("pods", "watch"), rule("secrets", "get")]}, force=True),
    post("cluster role", CR, role("t-roles-a", rule("nodes", "get"), urls("/metrics /logs/*", "get"))),
    post("cluster role with urls and resources", CR, role("t-roles-x", {**rule("pods", "get"), **urls("/healthz", "get")})),
    post("cluster role, bad url", CR, role("t-roles-url", urls("healthz", "get"))),
    post("aggregated", CR, obj("t-roles-sum", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"t-roles/sum": "yes"}}]})),
    post("aggregated from nothing", CR, obj("t-roles-x", aggregationRule={})),
    post("aggregated, bad label", CR, obj("t-roles-x", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"b@d": "yes"}}]})),
    post("aggregated, bad operator", CR, obj("t-roles-x", aggregationRule={"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "Near"}]}]})),
    get("table of cluster roles", f"{CR}?fieldSelector=metadata.name%3Dt-roles-a", TABLE),
    post("binding", B, binding("b", "r", user("anna"), group("staff"), account("default", "t-roles"))),
    get("table of bindings", B, TABLE),
    post("binding without subjects", B, obj("none", roleRef={"apiGroup": RBAC, "kind": "Role", "name": "r"})),
    post("group of a user is filled in", B, binding("filled", "r", {"kind": "User", "name": "anna"}, {"kind": "ServiceAccount", "name": "default"})),
    post("account of no namespace", B, binding("x", "r", {"kind": "ServiceAccount", "name": "default"})),
    post("group of the reference is filled in", B, obj("filled2", roleRef={"kind": "ClusterRole", "name": "view"}, subjects=[user("anna")])),
    post("wrong groups", B, obj("x", roleRef={"apiGroup": "apps", "kind": "Role", "name": "r"}, subjects=[{"kind": "User", "apiGroup": "apps", "name": "a"}, {"kind": "ServiceAccount", "apiGroup": "apps", "name": "a", "namespace": "b"}])),
    post("wrong kinds", B, obj("x", roleRef={"apiGroup": RBAC, "kind": "Rule", "name": "r"}, subjects=[{"kind": "Team", "name": "a"}])),
    post("no names", B, obj("x", roleRef={"apiGroup": RBAC, "kind": "Role"}, subjects=[{"kind": "User"}, {"kind": "Group"}, {"kind": "ServiceAccount"}])),
    post("bad account name", B, binding("x", "r", account("Not_Good", "Also Bad"))),
    post("bad role name", B, binding("x", "a/b", user("anna"))),
    post("no reference", B, obj("x", subjects=[user("anna")])),
    post("cluster binding", CB, binding("t-roles-a", "t-roles-a", user("anna"), kind="ClusterRole")),
    post("cluster binding to a role", CB, binding("t-roles-x", "r", user("anna"))),
    get("table of cluster bindings", f"{CB}?fieldSelector=metadata.name%3Dt-roles-a", TABLE),
    merge("another reference", f"{CB}/t-roles-a", {"roleRef": {"name": "view"}}),
    merge("another subject", f"{CB}/t-roles-a", {"subjects": [group("staff")]}),
    put("put makes a new binding", f"{B}/made", binding("made", "r", user("anna"))),
    get("one that is always there", f"{CR}/system:basic-user"),
    get("one that is aggregated", f"{CR}/system:public-info-viewer"),
    get("a binding that is always there", f"{CB}/cluster-admin"),
    get("bindings of the public namespace", f"/apis/{RBAC}/v1/namespaces/kube-public/rolebindings"),
    get("marked as always there", f"{CR}?labelSelector=kubernetes.io%2Fbootstrapping%3Drbac-defaults&limit=3", TABLE),
    delete("delete", f"{R}/r"),
    delete("delete a cluster role", f"{CR}/t-roles-a"),
    delete("delete its binding", f"{CB}/t-roles-a"),
)  # fmt: skip

USED = script(
    "rights",
    as_("anna", get("nothing yet", "v1!pods")),
    as_("anna", get("nothing yet, by name", "v1!pods/p")),
    as_("anna", get("nothing yet, everywhere", f"{CORE}/pods")),
    as_("anna", get("namespaces are in themselves", f"{CORE}/namespaces/t-rights")),
    as_("anna", get("all namespaces", f"{CORE}/namespaces")),
    as_("anna", get("watch", "v1!pods?watch=true")),
    as_("anna", get("watch, with a digit", "v1!pods?watch=1")),
    as_("anna", get("a group that nobody serves", "/apis/example.com/v1/things")),
    as_("anna", get("a kind that nobody serves", "v1!things/x/status")),
    as_("anna", get("log", "v1!pods/p/log")),
    as_("anna", post("create", "v1!configmaps", obj("c"))),
    as_("anna", put("update", "v1!configmaps/c", obj("c"))),
    as_("anna", merge("patch", "v1!configmaps/c", {})),
    as_("anna", delete("delete one", "v1!configmaps/c")),
    as_("anna", delete("delete all", "v1!configmaps")),
    as_("anna", put("status", "apps/v1!deployments/d/status", {})),
    as_("anna", post("evict", "v1!pods/p/eviction", {})),
    as_("anna", get("a path", "/metrics")),
    as_("anna", get("the paths of one version", "/apis/coordination.k8s.io/v1")),
    as_("system:anonymous", get("a stranger sees the health", "/healthz")),
    as_("system:anonymous", get("a stranger does not see groups", "/apis")),
    as_("anna<b>&", get("a name that is markup", "v1!pods")),
    as_('a"n\\na\tb', get("a name that has to be escaped", "v1!pods")),
    post("a role", R, role("reader", rule("pods", "get list"), rule("configmaps", "get update patch", resourceNames=["mine"]), rule("*/scale", "get", "apps"))),
    post("a binding", B, binding("reader", "reader", user("anna"))),
    as_("anna", get("may list", "v1!pods")),
    as_("anna", get("may not watch", "v1!pods?watch=true")),
    as_("anna", get("may not elsewhere", f"{CORE}/pods")),
    as_("anna", get("may get what is not there", "v1!pods/p")),
    as_("anna", get("may get by name", "v1!configmaps/mine")),
    as_("anna", get("may not get another", "v1!configmaps/other")),
    as_("anna", get("may not list what may be read by name", "v1!configmaps")),
    as_("anna", get("may not list by name either", "v1!configmaps?fieldSelector=metadata.name%3Dmine")),
    as_("anna", get("may get any scale", "apps/v1!deployments/d/scale")),
    as_("anna", get("may not get what scales", "apps/v1!deployments/d")),
    as_("anna", apply("apply makes one, which is creating", "v1!configmaps/mine", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}})),
    as_("anna", put("put may not make one", f"{B}/fresh", binding("fresh", "reader", user("anna")))),
    post("binding to nothing", B, binding("nowhere", "nothing", user("anna"))),
    post("cluster binding to nothing", CB, binding("t-rights-nowhere", "t-nothing", user("anna"), kind="ClusterRole")),
    as_("anna", get("refused, and why the bindings do not help", "v1!services")),
    as_("anna", get("still may", "v1!pods")),
    delete("no more", f"{B}/reader"),
    as_("anna", get("may no longer", "v1!pods")),
    post("for a group", B, binding("staff", "reader", group("staff"))),
    as_("anna", get("by group", "v1!pods"), group="staff"),
    post("for an account", B, binding("robot", "reader", account("robot", "t-rights"))),
    as_("system:serviceaccount:t-rights:robot", get("by account", "v1!pods")),
    as_("anna", get("masters need no role", "v1!secrets"), group="system:masters"),
    delete("clean up", f"{CB}/t-rights-nowhere"),
)  # fmt: skip

ESCALATION = script(
    "escalation",
    post("anna manages roles", R, role("manager", rule("roles rolebindings", "*", RBAC), rule("pods", "get list"))),
    merge("but does not escalate", f"{R}/manager", {"rules": [rule("roles rolebindings", "get list watch create update patch delete", RBAC), rule("pods", "get list")]}),
    post("anna is bound", B, binding("anna", "manager", user("anna"))),
    as_("anna", post("what she has she may give", R, role("fine", rule("pods", "get")))),
    as_("anna", post("what she has not she may not", R, role("more", rule("pods", "get delete")))),
    as_("anna", post("many rights at once", R, role("more", rule("pods secrets", "get delete watch"), rule("deployments deployments/scale", "get update", "apps extensions", resourceNames=["a", "b"])))),
    as_("anna", post("all rights", R, role("more", rule("*", "*", "*")))),
    as_("anna", post("by name is less", R, role("less", rule("pods", "get", resourceNames=["one"])))),
    as_("anna", put("update to more", f"{R}/fine", role("fine", rule("secrets", "get")))),
    as_("anna", merge("labels only", f"{R}/fine", {"metadata": {"labels": {"a": "b"}}})),
    as_("anna", merge("patch to more", f"{R}/fine", {"rules": [rule("secrets", "get")]})),
    as_("anna", merge("labels of a role with more", f"{R}/manager", {"metadata": {"labels": {"a": "b"}}})),
    as_("anna", apply("apply of more", f"{R}/applied", {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "applied"}, "rules": [rule("secrets", "get")]})),
    as_("anna", post("more and invalid", R, role("more", {"verbs": ["get"], "resources": ["secrets"]}))),
    as_("anna", post("bind what she has", B, binding("ben", "fine", user("ben")))),
    as_("anna", post("bind what she has not", B, binding("ben2", "admin", user("ben"), kind="ClusterRole"))) ,
    post("a small cluster role", CR, role("t-escalation", rule("secrets", "get list"))),
    as_("anna", post("bind a cluster role with more", B, binding("ben2", "t-escalation", user("ben"), kind="ClusterRole"))),
    as_("anna", post("bind what is not there", B, binding("ben2", "nothing", user("ben")))),
    as_("anna", post("bind a kind that is not there", B, binding("ben2", "nothing", user("ben"), kind="Rule"))),
    as_("anna", merge("another subject of what she has", f"{B}/ben", {"subjects": [user("carl")]})),
    post("more was bound by somebody", B, binding("big", "t-escalation", user("carl"), kind="ClusterRole")),
    as_("anna", merge("another subject of more", f"{B}/big", {"subjects": [user("anna")]})),
    as_("anna", merge("same subjects of more, a label", f"{B}/big", {"metadata": {"labels": {"a": "b"}}})),
    as_("anna", delete("delete more", f"{B}/big")),
    post("she may bind one", R, role("binder", rule("clusterroles", "bind", RBAC, resourceNames=["t-escalation"]))),
    post("she is bound to it", B, binding("binder", "binder", user("anna"))),
    as_("anna", post("now she may bind it", B, binding("ben2", "t-escalation", user("ben"), kind="ClusterRole"))),
    as_("anna", post("but no other", B, binding("ben3", "t-other", user("ben"), kind="ClusterRole"))),
    post("she may escalate", R, role("climber", rule("roles", "escalate", RBAC))),
    post("she is bound to that", B, binding("climber", "climber", user("anna"))),
    as_("anna", post("now she may give more", R, role("more", rule("secrets", "delete")))),
    as_("anna", post("cluster roles are another matter", CR, role("t-escalation-x", rule("secrets", "get")))),
    post("ben manages cluster roles", CR, role("t-escalation-m", rule("clusterroles clusterrolebindings", "create update patch", RBAC), urls("/metrics /logs/*", "get"))),
    post("ben is bound", CB, binding("t-escalation-m", "t-escalation-m", user("ben"), kind="ClusterRole")),
    as_("ben", post("urls that he has", CR, role("t-escalation-u", urls("/logs/x /metrics", "get")))),
    as_("ben", post("urls that he has not", CR, role("t-escalation-v", urls("/healthz/* /livez", "get post")))),
    as_("ben", post("aggregation takes all", CR, obj("t-escalation-v", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}))),
    as_("ben", post("bind everybody to everything", CB, binding("t-escalation-v", "cluster-admin", group("system:authenticated"), kind="ClusterRole"))),
    as_("ben", post("groups in the refusal", CR, role("t-escalation-v", rule("pods", "get"))), group="staff"),
)  # fmt: skip

IMPERSONATION = script(
    "impersonation",
    as_("anna", post("who is anna", WHO, {})),
    as_("anna", post("anna in a group", WHO, {}), group="staff"),
    as_("anna", post("anna with more", WHO, {}), impersonate_uid="u-1", impersonate_extra_scopes="view", **{"impersonate-extra-acme.com%2fproject": "blue"}),
    as_("anna", post("anna, not known", WHO, {}), group="system:unauthenticated"),
    as_("system:anonymous", post("nobody", WHO, {}), group="system:masters"),
    as_(ACCOUNT, post("an account", WHO, {}), group="system:masters"),
    as_("system:serviceaccount:t-impersonation:default", post("an account has groups", WHO, {})),
    as_("system:serviceaccount:no", post("nearly an account", WHO, {})),
    Step("a group without a user", "GET", "v1!pods", headers={"impersonate-group": "staff"}),
    Step("a uid without a user", "GET", "v1!pods", headers={"impersonate-uid": "staff"}),
    Step("extra without a user", "GET", "v1!pods", headers={"impersonate-extra-a": "b"}),
    post("sara is not anna yet", SAR, may("sara", "impersonate", "users", name="anna")),
    post("a token of sara's account", "v1!serviceaccounts", obj("sara")),
    post("the token", "v1!serviceaccounts/sara/token", {}, {"token": ("status", "token")}),
    Step("sara", "POST", WHO, {}, {"authorization": "Bearer $token"}),
    Step("may not be anna", "GET", "v1!pods", headers={"authorization": "Bearer $token", "impersonate-user": "anna"}),
    Step("may not be anna at large", "GET", f"{CORE}/pods/x", headers={"authorization": "Bearer $token", "impersonate-user": "anna"}),
    Step("may not be an account", "GET", "v1!pods", headers={"authorization": "Bearer $token", "impersonate-user": ACCOUNT}),
    Step("may not be an account in a group", "GET", "v1!pods", headers={"authorization": "Bearer $token", "impersonate-user": ACCOUNT, "impersonate-group": "staff"}),
    Step("may not be a node", "GET", "v1!pods", headers={"authorization": "Bearer $token", "impersonate-user": "system:node:n1"}),
    Step("may not see a path as anna", "GET", "/metrics", headers={"authorization": "Bearer $token", "impersonate-user": "anna"}),
    post("a right to be anna", CR, role("t-impersonation", rule("users", "impersonate", resourceNames=["anna"]), rule("groups", "impersonate", resourceNames=["staff"]), rule("userextras/scopes", "impersonate", "authentication.k8s.io"))),
    post("given to sara", CB, binding("t-impersonation", "t-impersonation", account("sara", "t-impersonation"), kind="ClusterRole")),
    Step("is anna", "POST", WHO, {}, {"authorization": "Bearer $token", "impersonate-user": "anna"}),
    Step("is anna of staff", "POST", WHO, {}, {"authorization": "Bearer $token", "impersonate-user": "anna", "impersonate-group": "staff", "impersonate-extra-scopes": "x"}),
    Step("is not another", "POST", WHO, {}, {"authorization": "Bearer $token", "impersonate-user": "ben"}),
    Step("is not a master", "POST", WHO, {}, {"authorization": "Bearer $token", "impersonate-user": "anna", "impersonate-group": "system:masters"}),
    Step("has no uid", "POST", WHO, {}, {"authorization": "Bearer $token", "impersonate-user": "anna", "impersonate-uid": "1"}),
    Step("has no other extra", "POST", WHO, {}, {"authorization": "Bearer $token", "impersonate-user": "anna", "impersonate-extra-other": "x"}),
    Step("as anna may not", "GET", "v1!pods", headers={"authorization": "Bearer $token", "impersonate-user": "anna"}),
    post("tied to a verb", CR, role("t-impersonation-2", rule("users", "impersonate:user-info", "authentication.k8s.io", resourceNames=["dora"]), rule("pods", "impersonate-on:user-info:list"))),
    post("given to sara as well", CB, binding("t-impersonation-2", "t-impersonation-2", account("sara", "t-impersonation"), kind="ClusterRole")),
    Step("as dora may not", "GET", "v1!pods", headers={"authorization": "Bearer $token", "impersonate-user": "dora"}),
    Step("as dora not this verb", "GET", "v1!pods/p", headers={"authorization": "Bearer $token", "impersonate-user": "dora"}),
    Step("dora is no master", "GET", "v1!pods", headers={"authorization": "Bearer $token", "impersonate-user": "dora", "impersonate-group": "system:masters"}),
)  # fmt: skip

REVIEWS = script(
    "reviews",
    post("a role", R, role("reader", rule("pods", "get"), rule("pods/log", "get"))),
    post("a binding", B, binding("reader", "reader", user("anna"), group("staff"), account("default", "t-reviews"))),
    post("allowed", SAR, may("anna", "get", "pods", namespace="t-reviews")),
    post("allowed on a subresource", SAR, may("anna", "get", "pods", namespace="t-reviews", subresource="log", name="p")),
    post("not allowed", SAR, may("anna", "list", "pods", namespace="t-reviews")),
    post("not allowed elsewhere", SAR, may("anna", "get", "pods")),
    post("by group", SAR, {"spec": {"groups": ["staff"], "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "t-reviews"}}}),
    post("by account", SAR, may("system:serviceaccount:t-reviews:default", "get", "pods", namespace="t-reviews")),
    post("masters", SAR, {"spec": {"user": "x", "groups": ["system:masters"], "uid": "1", "extra": {"a": ["b"]}, "resourceAttributes": {"verb": "x", "resource": "y"}}}),
    post("a path", SAR, {"spec": {"user": "anna", "groups": ["system:authenticated"], "nonResourceAttributes": {"verb": "get", "path": "/api/v1"}}}),
    post("a path that is not", SAR, {"spec": {"user": "anna", "nonResourceAttributes": {"verb": "get", "path": "/logs"}}}),
    post("about nobody", SAR, {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}),
    post("about nothing", SAR, {"spec": {"user": "anna"}}),
    post("about two things", SAR, {"spec": {"user": "anna", "resourceAttributes": {"verb": "get", "resource": "pods"}, "nonResourceAttributes": {"verb": "get", "path": "/"}}}),
    post("with a name", SAR, {"metadata": {"name": "x"}, **may("anna", "get", "pods")}),
    post("with selectors", SAR, may("anna", "list", "pods", fieldSelector={"rawSelector": "a=b"}, labelSelector={"requirements": [{"key": "a", "operator": "In", "values": ["b"]}]})),
    post("with both kinds of selector", SAR, may("anna", "list", "pods", fieldSelector={"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "In", "values": ["b"]}]}, labelSelector={})),
    post("missing spec", SAR, {}),
    post("of its namespace", LOCAL, may("anna", "get", "pods", namespace="t-reviews")),
    post("of another namespace", LOCAL, may("anna", "get", "pods", namespace="other")),
    post("a path in a namespace", LOCAL, {"spec": {"user": "anna", "nonResourceAttributes": {"verb": "get", "path": "/"}}}),
    post("with a name, in a namespace", LOCAL, {"metadata": {"name": "x", "namespace": "t-reviews"}, **may("anna", "get", "pods", namespace="t-reviews")}),
    post("may I", SELF, {"spec": {"resourceAttributes": {"verb": "delete", "resource": "nodes"}}}),
    as_("anna", post("may anna", SELF, {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "t-reviews"}}})),
    as_("anna", post("may anna not", SELF, {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}})),
    as_("anna", post("may anna see a path", SELF, {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/version"}}})),
    post("may I two things", SELF, {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}, "nonResourceAttributes": {"verb": "get", "path": "/"}}}),
    as_("anna", post("anna's rules", RULES, {"spec": {"namespace": "t-reviews"}})),
    post("my rules", RULES, {"spec": {"namespace": "t-reviews"}}),
    post("rules of nowhere", RULES, {"spec": {}}),
    as_("anna", post("may not ask about others", SAR, may("ben", "get", "pods"))),
    as_("anna", post("may not ask about others here", LOCAL, may("ben", "get", "pods", namespace="t-reviews"))),
    get("reviews are not listed", SAR),
    get("reviews have no names", f"{SAR}/x"),
    post("who am I", WHO, {}),
    post("who am I, with a name", WHO, {"metadata": {"name": "x"}}),
    post("dry run", f"{SELF}?dryRun=All", {"spec": {"resourceAttributes": {"verb": "delete", "resource": "nodes"}}}),
)  # fmt: skip

TOKENS = script(
    "tokens",
    post("account", "v1!serviceaccounts", obj("robot"), {"account": ("metadata", "uid")}),
    post("token", "v1!serviceaccounts/robot/token", {}, {"token": ("status", "token")}),
    post("token for an hour and others", "v1!serviceaccounts/robot/token", {"spec": {"audiences": ["https://kubernetes.default.svc", "vault"], "expirationSeconds": 7200}}, {"two": ("status", "token")}),
    post("token for others only", "v1!serviceaccounts/robot/token", {"spec": {"audiences": ["vault"]}}, {"vault": ("status", "token")}),
    post("too short", "v1!serviceaccounts/robot/token", {"spec": {"expirationSeconds": 10}}),
    post("too long", "v1!serviceaccounts/robot/token", {"spec": {"expirationSeconds": 1 << 34}}),
    post("no such account", "v1!serviceaccounts/nobody/token", {}),
    post("another name", "v1!serviceaccounts/robot/token", {"metadata": {"name": "x"}}),
    post("another namespace", "v1!serviceaccounts/robot/token", {"metadata": {"namespace": "x"}}),
    post("another uid", "v1!serviceaccounts/robot/token", {"metadata": {"uid": "x"}}),
    post("a secret", "v1!secrets", obj("bound"), {"secret": ("metadata", "uid")}),
    post("bound to a secret", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "bound"}}}, {"bound": ("status", "token")}),
    post("bound to a secret, never used", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "bound"}}}, {"unused": ("status", "token")}),
    post("bound to a secret, never used before either", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "bound"}}}, {"spare": ("status", "token")}),
    post("a second account", "v1!serviceaccounts", obj("second")),
    post("its token", "v1!serviceaccounts/second/token", {}, {"second": ("status", "token")}),
    post("one more", "v1!serviceaccounts/second/token", {}, {"more": ("status", "token")}),
    post("one for later", "v1!serviceaccounts/second/token", {}, {"later": ("status", "token")}),
    post("bound to the uid of a secret", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "bound", "uid": "$secret"}}}),
    post("bound to another uid", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "bound", "uid": "x"}}}),
    post("bound to nothing", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "nope"}}}),
    post("bound to a pod that is not there", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "nope"}}}),
    post("bound to a node that is not there", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Node", "name": "nope"}}}),
    post("bound to a kind that it cannot be", "v1!serviceaccounts/robot/token", {"spec": {"boundObjectRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nope"}}}),
    get("token is not read", "v1!serviceaccounts/robot/token"),
    Step("who is it", "POST", WHO, {}, {"authorization": "Bearer $token"}),
    Step("who is it, for others too", "POST", WHO, {}, {"authorization": "Bearer $two"}),
    Step("who is it, for others only", "POST", WHO, {}, {"authorization": "Bearer $vault"}),
    Step("who is it, bound", "POST", WHO, {}, {"authorization": "Bearer $bound"}),
    Step("what may it", "GET", "v1!pods", headers={"authorization": "Bearer $token"}),
    Step("never signed", "GET", "v1!pods", headers={"authorization": f"Bearer {NEVER}"}),
    Step("no token at all", "GET", "v1!pods", headers={"authorization": "Bearer nothing"}),
    post("review", TOKEN_REVIEW, {"spec": {"token": "$token"}}),
    post("review for others", TOKEN_REVIEW, {"spec": {"token": "$two", "audiences": ["vault", "other"]}}),
    post("review for the wrong ones", TOKEN_REVIEW, {"spec": {"token": "$token", "audiences": ["vault"]}}),
    post("review of nothing", TOKEN_REVIEW, {"spec": {}}),
    post("review of no token", TOKEN_REVIEW, {"spec": {"token": "nothing"}}),
    post("review of what was never signed", TOKEN_REVIEW, {"spec": {"token": NEVER}}),
    delete("the secret goes", "v1!secrets/bound"),
    post("review without the secret", TOKEN_REVIEW, {"spec": {"token": "$unused"}}),
    Step("not without the secret", "POST", WHO, {}, {"authorization": "Bearer $spare"}),
    delete("the account goes", "v1!serviceaccounts/second"),
    Step("not without the account", "POST", WHO, {}, {"authorization": "Bearer $second"}),
    post("review without the account", TOKEN_REVIEW, {"spec": {"token": "$more"}}),
    post("account again", "v1!serviceaccounts", obj("second")),
    post("review with another account", TOKEN_REVIEW, {"spec": {"token": "$later"}}),
    post("review of a token with a letter more", TOKEN_REVIEW, {"spec": {"token": "$vaultA"}}),
    post("review of a token for others", TOKEN_REVIEW, {"spec": {"token": "$vault"}}),
)  # fmt: skip

SCRIPTS = [ROLES, USED, ESCALATION, IMPERSONATION, REVIEWS, TOKENS]
