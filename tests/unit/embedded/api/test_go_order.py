"""The order in which refusals print the fields of an object, and the keys of its lists."""

from __future__ import annotations

from volary.embedded.api.apply.field_sets import path_text
from volary.embedded.api.catalog import builtin_types
from volary.embedded.api.text.go_order import in_order

DEPLOYMENT = builtin_types()["apps", "v1", "deployments"]


def test_fields_follow_the_structs_where_protobuf_numbers_do_not() -> None:
    names = ["imagePullPolicy", "terminationMessagePolicy", "image", "name", "terminationMessagePath"]
    container = dict.fromkeys(names, "x")
    condition = {"lastTransitionTime": None, "reason": "a", "lastUpdateTime": None, "type": "b"}
    obj = {"status": {"conditions": [condition]}, "spec": {"template": {"spec": {"containers": [container]}}}}
    found = in_order(obj, DEPLOYMENT.node)
    assert list(found) == ["spec", "status"]
    assert list(found["spec"]["template"]["spec"]["containers"][0]) == [
        "name",
        "image",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "imagePullPolicy",
    ]
    assert list(found["status"]["conditions"][0]) == ["type", "lastUpdateTime", "lastTransitionTime", "reason"]


def test_keys_that_are_no_scalars_are_shown_without_braces() -> None:
    assert path_text(("f:ports", 'k:{"port":{"a":1},"protocol":"TCP"}')) == '.ports[port=a=1,protocol="TCP"]'
    assert path_text(("f:ports", 'k:{"port":[1,"a"],"protocol":{}}')) == '.ports[port=[1,"a"],protocol=]'
