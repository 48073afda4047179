"""What a client accepts decides first; errors come in YAML to who wants YAML; lists and objects are told apart."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.embedded.api.server import MERGE, Asked, config_map
from volary.embedded.api.answers import Answer
from volary.kube.transport import Request, Response

META = "v=v1;g=meta.k8s.io"
MAPS = "/api/v1/namespaces/default/configmaps"


def ask(server: Asked, accept: str, path: str = f"{MAPS}/none", method: str = "GET", **query: str) -> Response:
    headers = {"accept": accept, "content-type": MERGE, "user-agent": "test"}
    answer: Answer = server.api.handle(Request(method, path, query, headers, b"{}" if method == "PATCH" else b""))
    assert isinstance(answer, Response)
    return answer


def message(response: Response) -> str:
    return str(msgspec.json.decode(response.body)["message"])


@pytest.mark.parametrize("accept", ["text/html", "APPLICATION/JSON", "application/*", "text/plain", "application/cbor"])
def test_what_no_route_serves_is_refused_before_an_object_is_missed(accept: str) -> None:
    response = ask(Asked(), accept)
    assert response.status == 406
    assert message(response).startswith("406: Not Acceptable")


def test_a_list_says_that_it_streams_too() -> None:
    assert message(ask(Asked(), "text/html", MAPS)).endswith(";stream=watch")


@pytest.mark.parametrize("form", [f"as=Foo;{META}", "as=Table;v=v9;g=meta.k8s.io", "as=Table;v=v1;g=x"])
def test_a_form_that_nobody_knows_is_refused(form: str) -> None:
    response = ask(Asked(), f"application/json;{form}")
    assert response.status == 406
    assert message(response).startswith("only the following media types are accepted")


def test_lists_and_objects_have_forms_of_their_own() -> None:
    server = Asked()
    server.post("configmaps", config_map("one"))
    one = ask(server, f"application/json;as=PartialObjectMetadataList;{META}", f"{MAPS}/one")
    assert message(one).endswith("but the requested object is not a list (*core.ConfigMap)")
    all_ = ask(server, f"application/json;as=PartialObjectMetadata;{META}", MAPS)
    assert message(all_).endswith("but the requested object is a list (*core.ConfigMapList)")


def test_a_form_comes_in_the_version_that_was_asked_for() -> None:
    server = Asked()
    server.post("configmaps", config_map("one"))
    found = ask(server, "application/json;as=Table;v=v1beta1;g=meta.k8s.io", MAPS)
    assert b'"apiVersion":"meta.k8s.io/v1"' not in found.body
    assert msgspec.json.decode(found.body)["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"


def test_an_error_comes_in_yaml_to_who_wants_yaml() -> None:
    response = ask(Asked(), "application/yaml")
    assert response.headers["content-type"] == "application/yaml"
    assert response.body.startswith(b"apiVersion: v1\ncode: 404\n")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"timeout": "x"}, 'invalid timeout specified in the request URL - time: invalid duration "x"'),
        ({"dryRun": ""}, 'dryRun: Unsupported value: [""]'),
        ({"fieldManager": "\tx"}, 'fieldManager: Invalid value: "\\tx": invalid character U+0009 (at position 0)'),
        ({"force": "x", "fieldValidation": "Odd"}, "[force: Forbidden: may not be specified for non-apply patch, fiel"),
    ],
)
def test_options_are_checked_before_the_object_is_looked_for(query: dict[str, str], words: str) -> None:
    assert words in message(ask(Asked(), "", method="PATCH", **query))


def test_the_query_of_a_delete_counts_only_without_a_body() -> None:
    server = Asked()
    server.post("configmaps", config_map("one"))
    headers = {"content-type": "application/json"}
    request = Request("DELETE", f"{MAPS}/one", {"propagationPolicy": "Odd"}, headers, b"{}")
    answer = server.api.handle(request)
    assert isinstance(answer, Response)
    assert answer.status == 200


def test_a_name_that_is_taken_can_be_tried_again_where_one_was_to_be_made() -> None:
    server = Asked()
    server.post("configmaps", config_map("one"))
    refused = server.post("configmaps", config_map("one", generateName="o-"), 409)
    assert refused["message"].endswith(", the server was not able to generate a unique name for the object")
    assert refused["details"]["retryAfterSeconds"] == 1
