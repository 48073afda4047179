"""Rules of how a pod is named and finds names.

Source: Kubernetes, pkg/apis/core/validation, validatePodDNSConfig.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import too_long

Object = Mapping[str, Any]
MOST_SERVERS, MOST_SEARCHES, LONGEST_SEARCH, LONGEST_NAME = 3, 32, 2048, 64


def dns_config(spec: Object, path: str) -> list[FieldError]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", text)]
    if config is None:
        return []
    servers, searches, errors = config.get("nameservers") or [], config.get("searches") or [], []
    if len(servers) > MOST_SERVERS:
        text = f"must not have more than {MOST_SERVERS} nameservers"
        errors.append(invalid(f"{path}.nameservers", servers, text))
    for index, it in enumerate(servers):
        errors += forms.wrong_address(f"{path}.nameservers[{index}]", it)
    if len(searches) > MOST_SEARCHES:
        text = f"must not have more than {MOST_SEARCHES} search paths"
        errors.append(invalid(f"{path}.searches", searches, text))
    if len(" ".join(searches)) > LONGEST_SEARCH:
        text = f"must not have more than {LONGEST_SEARCH} characters (including spaces) in the search list"
        errors.append(invalid(f"{path}.searches", searches, text))
    for index, it in enumerate(searches):
        if it != ".":
            errors += forms.wrong(f"{path}.searches[{index}]", it.removesuffix("."), forms.search_domain)
    nameless = [index for index, it in enumerate(config.get("options") or ()) if not it.get("name")]
    return errors + [required(f"{path}.options[{index}]", "must not be empty") for index in nameless]


def host_aliases(items: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, it in enumerate(items):
        errors += forms.wrong_address(f"{path}[{index}].ip", it.get("ip") or "")
        for number, name in enumerate(it.get("hostnames") or ()):
            errors += forms.wrong(f"{path}[{index}].hostnames[{number}]", name, forms.subdomain)
    return errors


def host_name(spec: Object, path: str) -> list[FieldError]:
    """Return what is wrong with a host name that stands in for the pod's own."""
    name, where, errors = spec.get("hostnameOverride"), f"{path}.hostnameOverride", []
    if name is None:
        return []
    if spec.get("setHostnameAsFQDN"):
        errors.append(forbidden_field(where, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        errors.append(forbidden_field(where, "may not be specified when hostNetwork is true"))
    if len(name) > LONGEST_NAME:
        errors.append(too_long(where, LONGEST_NAME))
    return errors + forms.wrong(where, name, forms.subdomain)
