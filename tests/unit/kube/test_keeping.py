"""How caches hold objects: only what was asked for, never managedFields, and nothing is lost by an odd object."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from volary.kube.errors import Expired
from volary.kube.keeping import INITIAL_END, WHOLE, Form, Packed
from volary.kube.resources import PODS

Obj = dict[str, Any]
FORMS: list[Form] = [WHOLE, Packed(), Packed("status.phase", "status.conditions", "spec.nodeName")]


def pod(name: str = "web-1", **more: Any) -> Obj:
    meta = {"name": name, "namespace": "apps", "uid": "u1", "resourceVersion": "7", "labels": {"app": "web"},
            "selfLink": "/gone", "managedFields": [{"manager": "kubelet"}]}  # fmt: skip
    status = {"phase": "Running", "conditions": [{"type": "Ready"}], "podIP": "10.0.0.1"}
    return {"metadata": meta, "spec": {"nodeName": "n1", "containers": [{}]}, "status": status, **more}


def page_of(*objects: Obj, following: str = "") -> bytes:
    return msgspec.json.encode(
        {"kind": "PodList", "metadata": {"resourceVersion": "9", "continue": following}, "items": list(objects)}
    )


def line_of(kind: str, obj: Obj) -> bytes:
    return msgspec.json.encode({"type": kind, "object": obj})


@pytest.mark.parametrize("form", FORMS)
def test_a_page_tells_its_version_what_follows_and_each_object_by_key(form: Form) -> None:
    page = form.page(page_of(pod(), pod("web-2"), following="more"), PODS)
    assert (page.version, page.following) == ("9", "more")
    assert [(item.key, item.version) for item in page.items] == [("apps/web-1", "7"), ("apps/web-2", "7")]
    shown = form.show(page.items[0], PODS)
    assert (shown["apiVersion"], shown["kind"]) == ("v1", "Pod")
    assert "managedFields" not in shown["metadata"]
    assert shown["status"]["phase"] == "Running"
    assert shown["metadata"]["labels"] == {"app": "web"}


def test_packed_fields_are_all_that_is_kept() -> None:
    form = Packed("status.phase", "spec.nodeName")
    shown = form.show(form.page(page_of(pod()), PODS).items[0], PODS)
    assert shown["spec"] == {"nodeName": "n1"}
    assert shown["status"] == {"phase": "Running"}
    assert "selfLink" not in shown["metadata"]
    everything = Packed().show(Packed().page(page_of(pod()), PODS).items[0], PODS)
    plain = pod()
    del plain["metadata"]["managedFields"]
    assert everything == {"apiVersion": "v1", "kind": "Pod", **plain}


def test_managed_fields_are_kept_where_they_are_asked_for() -> None:
    form = Packed("metadata.managedFields")
    assert form.show(form.pack(pod()), PODS)["metadata"]["managedFields"] == [{"manager": "kubelet"}]


def test_an_object_of_another_shape_is_kept_whole_and_the_others_as_ever() -> None:
    form = Packed("status.phase")
    odd = pod("odd", status="gone")
    first, second = form.page(page_of(pod(), odd), PODS).items
    assert form.show(first, PODS)["status"] == {"phase": "Running"}
    assert form.show(second, PODS)["status"] == "gone"
    event = form.event(line_of("MODIFIED", odd))
    assert (event.item.key, form.show(event.item, PODS)["status"]) == ("apps/odd", "gone")


@pytest.mark.parametrize("form", FORMS)
def test_events_bookmarks_and_errors(form: Form) -> None:
    event = form.event(line_of("DELETED", pod()))
    assert (event.type, event.item.key, event.item.version, event.ends_list) == ("DELETED", "apps/web-1", "7", False)
    mark = {"kind": "Pod", "metadata": {"resourceVersion": "12", "annotations": {INITIAL_END: "true"}}}
    assert form.event(line_of("BOOKMARK", mark))[::2] == ("BOOKMARK", True)
    del mark["metadata"]["annotations"]  # type: ignore[attr-defined]
    later = form.event(line_of("BOOKMARK", mark))
    assert (later.item.version, later.ends_list) == ("12", False)
    with pytest.raises(Expired, match="too old"):
        form.event(line_of("ERROR", {"kind": "Status", "status": "Failure", "code": 410, "message": "too old"}))


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_list_and_no_json(form: Form) -> None:
    assert form.page(b'{"metadata": {"resourceVersion": "3"}, "items": null}', PODS).items == []
    with pytest.raises(msgspec.MsgspecError):
        form.page(b"<html>", PODS)
    with pytest.raises(msgspec.MsgspecError):
        form.event(b"{")
