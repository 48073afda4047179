"""Which form an answer has: what a client accepts, held against what is served, before anything else is looked at.

Source: apiserver, endpoints/handlers/negotiation; go-restful, which looks first at the routes of built-in kinds.
"""

from __future__ import annotations

from functools import lru_cache

from volary.embedded.api.errors import Problem

YAML = "application/yaml"
TYPES = ("application/json", YAML, "application/vnd.kubernetes.protobuf")
STREAMS = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
FORMS = ("Table", "PartialObjectMetadataList", "PartialObjectMetadata")
VERSIONS = ("v1", "v1beta1")
PLAIN = ("", "*/*", "application/json")


def refuse_unacceptable(accept: str, listing: bool, built_in: bool) -> None:
    """Refuse a client that accepts nothing of what its route serves. Raises: Problem."""
    if accept in PLAIN:
        return
    if built_in and not any(it in (*TYPES, "*/*") for it in _types(accept)):
        served = ", ".join((*TYPES, *STREAMS) if listing else TYPES)
        raise Problem(406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {served}", {})
    form_of(accept)


def _types(accept: str) -> list[str]:
    return [part.partition(";")[0].strip() for part in accept.split(",")]


def form_of(accept: str) -> str:
    """Return the first form asked for that is served: "" for plain objects, or YAML. Raises: Problem."""
    form = "" if accept in PLAIN else _form(accept)
    if form is None:
        raise Problem(406, "NotAcceptable", f"only the following media types are accepted: {', '.join(TYPES)}")
    return form


@lru_cache(maxsize=256)
def _form(accept: str) -> str | None:
    asked_for_other = False
    for part in accept.split(","):
        kind, *words = (it.strip() for it in part.split(";"))
        said = dict(it.split("=", 1) for it in words if "=" in it)
        asked = said.get("as", "")
        fits = not asked or (
            asked in FORMS and said.get("v", "v1") in VERSIONS and said.get("g", "meta.k8s.io") == "meta.k8s.io"
        )
        if kind in ("application/json", "*/*", "application/*"):
            if fits:
                return asked
            asked_for_other = True
        elif kind == YAML and fits:
            return asked or YAML
    # Protobuf answers are never sent; who asks for nothing else gets JSON all the same.
    return "" if not asked_for_other and "protobuf" in accept else None


def wants_yaml(accept: str) -> bool:
    """Is YAML the first of what is accepted and served?"""
    return YAML in accept and _form(accept) == YAML
