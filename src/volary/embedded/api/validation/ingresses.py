"""Rules of Ingresses.

Source: Kubernetes, pkg/apis/networking/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.validation.services import ingress_addresses

Object = Mapping[str, Any]
CLASS_NOTE = "kubernetes.io/ingress.class"
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
BAD_PARTS = ("//", "/./", "/../", "%2f", "%2F")
BAD_ENDS = ("/..", "/.")


def ingress(obj: Object, old: Object | None) -> list[FieldError]:
    spec, notes = obj.get("spec") or {}, obj["metadata"].get("annotations") or {}
    rules, errors = spec.get("rules") or (), []
    if not rules and spec.get("defaultBackend") is None:
        errors.append(invalid("spec", None, "either `defaultBackend` or `rules` must be specified"))
    if spec.get("defaultBackend") is not None:
        errors += _backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(rules):
        errors += _rule(rule, f"spec.rules[{index}]")
    errors += _tls(spec.get("tls") or ())
    name = spec.get("ingressClassName")
    if name is not None:
        errors += forms.wrong("spec.ingressClassName", name, forms.subdomain)
    if old is None and name is not None and notes.get(CLASS_NOTE, name) != name:
        text = "must match `ingressClassName` when both are specified"
        errors.append(invalid(f"annotations.{CLASS_NOTE}", notes[CLASS_NOTE], text))
    return errors


def ingress_status(obj: Object, old: Object) -> list[FieldError]:
    def of(it: Object) -> Sequence[Object]:
        found: Sequence[Object] = ((it.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        return found

    return ingress_addresses(of(obj), of(old))


def _host(path: str, host: str) -> list[FieldError]:
    return forms.wrong(path, host, forms.wildcard if "*" in host else forms.subdomain)


def _rule(it: Object, path: str) -> list[FieldError]:
    host, errors = it.get("host") or "", []
    if host and forms.parsed_address(host) is not None:
        errors.append(invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
    if host:
        errors += _host(f"{path}.host", host)
    if it.get("http") is None:
        return errors
    paths = it["http"].get("paths") or ()
    if not paths:
        errors.append(required(f"{path}.http.paths"))
    for index, one in enumerate(paths):
        errors += _path(one, f"{path}.http.paths[{index}]")
    return errors


def _path(it: Object, path: str) -> list[FieldError]:
    kind, value, where = it.get("pathType"), it.get("path") or "", f"{path}.path"
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    errors: list[FieldError] = []
    if kind in ("Exact", "Prefix"):
        if not value.startswith("/"):
            errors.append(invalid(where, value, "must be an absolute path"))
        errors += [invalid(where, value, f"must not contain '{bad}'") for bad in BAD_PARTS if bad in value]
        errors += [invalid(where, value, f"cannot end with '{bad}'") for bad in BAD_ENDS if value.endswith(bad)]
    elif kind == "ImplementationSpecific":
        if value and not value.startswith("/"):
            errors.append(invalid(where, value, "must be an absolute path"))
    else:
        errors.append(unsupported(f"{path}.pathType", kind, PATH_TYPES))
    return errors + _backend(it.get("backend") or {}, f"{path}.backend")


def _backend(it: Object, path: str) -> list[FieldError]:
    resource, service = it.get("resource"), it.get("service")
    if resource is not None and service is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _resource(resource, f"{path}.resource")
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    errors = forms.needed(f"{path}.service.name", service.get("name") or "", forms.label)
    port = service.get("port") or {}
    name, number = port.get("name") or "", port.get("number") or 0
    if name and number:
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif name:
        errors += forms.wrong(f"{path}.service.port.name", name, forms.port_name)
    elif number:
        errors += forms.named_port(f"{path}.service.port.number", number)
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def _resource(it: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if it.get("apiGroup") is not None:
        errors += forms.wrong(f"{path}.apiGroup", it["apiGroup"], forms.subdomain)
    for field, text in (("kind", ""), ("name", "")):
        errors += forms.needed(f"{path}.{field}", it.get(field) or "", forms.path_segment, text)
    return errors


def _tls(items: Sequence[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, it in enumerate(items):
        for number, host in enumerate(it.get("hosts") or ()):
            errors += _host(f"spec.tls[{index}].hosts[{number}]", host)
        if it.get("secretName"):
            errors += forms.wrong(f"spec.tls[{index}].secretName", it["secretName"], forms.subdomain)
    return errors
