"""Lists: selectors, paging, versions; and watches."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

from tests.differential.scripts.namespaced import obj, script
from tests.differential.steps import TABLE, delete, get, merge, post

C = "v1!configmaps"
LIST = {"rv": ("metadata", "resourceVersion"), "next": ("metadata", "continue")}


def labelled(name: str, **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"of": name}}


def made() -> list[dict[str, object]]:
    return [labelled("a", x="1", y="1"), labelled("b", x="2"), labelled("c", x="1"), labelled("d")]


SCRIPTS = [
    script(
        "lists",
        get("empty", C),
        get("empty table", C, TABLE),
        *(post(f"create {at}", C, it) for at, it in enumerate(made())),
        get("all", C),
        get("table", C, TABLE),
        get("equal", f"{C}?labelSelector=x%3D1"),
        get("double equal", f"{C}?labelSelector=x%3D%3D1"),
        get("not equal", f"{C}?labelSelector=x!%3D1"),
        get("in", f"{C}?labelSelector=x%20in%20(1,2)"),
        get("not in", f"{C}?labelSelector=x%20notin%20(1)"),
        get("has", f"{C}?labelSelector=y"),
        get("has not", f"{C}?labelSelector=!x"),
        get("two at once", f"{C}?labelSelector=x%3D1,y%3D1"),
        get("bad selector", f"{C}?labelSelector=a%20b%20c"),
        get("bad value", f"{C}?labelSelector=a%3D!!"),
        get("by name", f"{C}?fieldSelector=metadata.name%3Da"),
        get("not by name", f"{C}?fieldSelector=metadata.name!%3Da"),
        get("by namespace", f"{C}?fieldSelector=metadata.namespace%3Dt-lists"),
        get("by a field that nobody can select", f"{C}?fieldSelector=data.k%3Da"),
        get("bad field selector", f"{C}?fieldSelector=a"),
        get("first page", f"{C}?limit=3", capture=LIST),
        get("second page", f"{C}?limit=3&continue=$next"),
        get("bad token", f"{C}?limit=3&continue=nope"),
        get("bad limit", f"{C}?limit=x"),
        get("version 0", f"{C}?resourceVersion=0"),
        get("exact version", f"{C}?resourceVersion=$rv&resourceVersionMatch=Exact"),
        get("match without version", f"{C}?resourceVersionMatch=Exact"),
        get("bad match", f"{C}?resourceVersion=1&resourceVersionMatch=Nope"),
        get("version of tomorrow", f"{C}?resourceVersion=99999999999"),
        get("bad version", f"{C}?resourceVersion=abc"),
        get("namespace that is not there", "/api/v1/namespaces/nope/configmaps"),
        get("secrets by type", "v1!secrets?fieldSelector=type%3DOpaque"),
        get("bad pretty is fine", f"{C}?pretty=maybe&fieldSelector=metadata.name%3Da"),
    ),
    script(
        "watches",
        get("list", C, capture=LIST),
        post("create", C, labelled("a", x="1")),
        merge("change", f"{C}/a", {"data": {"k": "w"}}),
        merge("label goes", f"{C}/a", {"metadata": {"labels": {"x": None}}}),
        delete("delete", f"{C}/a"),
        post("another", C, labelled("b", x="1")),
        get("all since the list", f"{C}?watch=true&resourceVersion=$rv&timeoutSeconds=1"),
        get("selected since the list", f"{C}?watch=true&resourceVersion=$rv&timeoutSeconds=1&labelSelector=x%3D1"),
        get("one by name", f"{C}?watch=true&resourceVersion=$rv&timeoutSeconds=1&fieldSelector=metadata.name%3Db"),
        get("from now", f"{C}?watch=true&timeoutSeconds=1"),
        get("from any version", f"{C}?watch=true&timeoutSeconds=1&resourceVersion=0"),
        get("as a table", f"{C}?watch=true&resourceVersion=$rv&timeoutSeconds=1", TABLE),
        get("bad version", f"{C}?watch=true&resourceVersion=abc&timeoutSeconds=1"),
        get("older than anything", f"{C}?watch=true&resourceVersion=1&timeoutSeconds=1"),
        get("bad selector", f"{C}?watch=true&labelSelector=a%20b%20c&timeoutSeconds=1"),
        get("initial events", f"{C}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            "&allowWatchBookmarks=true&timeoutSeconds=1"),
        get("initial events without match", f"{C}?watch=true&sendInitialEvents=true&timeoutSeconds=1"),
    ),
    script(
        "namespaces",
        post("create", "/api/v1/namespaces", obj("t-other")),
        get("get", "/api/v1/namespaces/t-other"),
        get("table", "/api/v1/namespaces/t-other", TABLE),
        post("bad name", "/api/v1/namespaces", obj("t_other")),
        post("name with dots", "/api/v1/namespaces", obj("t.other")),
        merge("label", "/api/v1/namespaces/t-other", {"metadata": {"labels": {"a": "b"}}}),
        merge("its own label stays", "/api/v1/namespaces/t-other", {"metadata": {"labels": {"kubernetes.io/metadata.name": "x"}}}),
        delete("delete", "/api/v1/namespaces/t-other"),
        get("terminating", "/api/v1/namespaces/t-other"),
        post("nothing new in it", "/api/v1/namespaces/t-other/configmaps", obj("x")),
        delete("default stays", "/api/v1/namespaces/default"),
        delete("kube-system stays", "/api/v1/namespaces/kube-system"),
    ),
]  # fmt: skip
