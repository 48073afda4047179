"""A VirtualService's `match` as Envoy's route match.

A condition that cannot be checked at the gateway makes the whole match fail: to leave it out would send traffic
that the object never meant. Source: Istio HTTPMatchRequest; Envoy RouteMatch.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.mesh.fields import Fields

NewObject = dict[str, Any]
UNKNOWN_HERE = "is not known at the embedded gateway; this match never applies"


def envoy_matches(http: Fields, port: int | None) -> list[NewObject]:
    """Return the matches of one `http` entry for requests to `port` of the Service (None: of no Service).

    No match at all means every request; matches of which none can apply leave an empty list.
    """
    if not http.values.get("match"):
        http.take("match")
        return [{"prefix": "/"}]
    found = (envoy_match(entry, port) for entry in http.entries("match"))
    return [match for match in found if match is not None]


def envoy_match(entry: Fields, port: int | None) -> NewObject | None:
    with entry:
        entry.take("gateways")  # all traffic comes through the one gateway there is
        entry.take("name")
        applies = True
        for unknown in ("sourceLabels", "sourceNamespace"):
            if entry.values.get(unknown):
                entry.gap(unknown, UNKNOWN_HERE)
                applies = False
        wanted = entry.take("port")
        if wanted is not None and port is None:
            entry.gap("port", "has no meaning for a host that is no Service of this cluster")
        elif wanted is not None and wanted != port:
            applies = False
        match = path_match(entry)
        headers = header_matches(entry)
        parameters = parameter_matches(entry)
        if match is None or headers is None or parameters is None:
            return None  # said already which
        if headers:
            match["headers"] = headers
        if parameters:
            match["query_parameters"] = parameters
        return match if applies else None


def path_match(entry: Fields) -> NewObject | None:
    sensitive = not entry.take("ignoreUriCase")
    if not entry.values.get("uri"):
        return {"prefix": "/"}
    uri = string_match(entry.inner("uri"))
    if uri is None:
        return None
    kinds = {"exact": "path", "prefix": "prefix", "safe_regex": "safe_regex"}
    match: NewObject = {kinds[kind]: value for kind, value in uri.items()}
    return match if sensitive else {**match, "case_sensitive": False}


def string_match(entry: Fields) -> NewObject | None:
    """Return Envoy's StringMatcher, None where the entry says nothing that can be matched."""
    with entry:
        for kind in ("exact", "prefix", "regex"):
            value = entry.take(kind)
            if isinstance(value, str):
                return {"safe_regex": {"regex": value}} if kind == "regex" else {kind: value}
    entry.gap("", "has none of exact, prefix, regex; this match never applies")
    return None


def header_matches(entry: Fields) -> list[NewObject] | None:
    found: list[NewObject | None] = []
    for name, header in (("scheme", ":scheme"), ("method", ":method"), ("authority", ":authority")):
        if entry.values.get(name):
            found.append(one_header(header, entry.inner(name), inverted=False))
    for field, inverted in (("headers", False), ("withoutHeaders", True)):
        with entry.inner(field) as headers:
            found += [one_header(name.lower(), headers.inner(name), inverted) for name in headers.values]
    return None if None in found else [match for match in found if match is not None]


def one_header(name: str, value: Fields, inverted: bool) -> NewObject | None:
    """Return a header's match; an empty value asks only whether it is there."""
    match: NewObject = {"name": name, "invert_match": True} if inverted else {"name": name}
    if not value.values:
        return {**match, "present_match": True}
    text = string_match(value)
    return None if text is None else {**match, "string_match": text}


def parameter_matches(entry: Fields) -> list[NewObject] | None:
    found: list[NewObject | None] = []
    with entry.inner("queryParams") as parameters:
        for name in parameters.values:
            value = parameters.inner(name)
            text = string_match(value) if value.values else None
            if not value.values:
                found.append({"name": name, "present_match": True})
            else:
                found.append(None if text is None else {"name": name, "string_match": text})
    return None if None in found else [match for match in found if match is not None]
