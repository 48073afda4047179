"""What the server warns of in pods and templates that it takes.

Source: Kubernetes, pkg/api/pod/warnings.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from volary.embedded.api.text import forms
from volary.embedded.api.text.quantities import canonical, quantity_value
from volary.embedded.api.validation.affinity import PREFERRED, REQUIRED
from volary.embedded.api.validation.annotations import SECCOMP_CONTAINER, SECCOMP_POD
from volary.embedded.api.validation.pods import every_container
from volary.embedded.api.validation.volume_warnings import volume_warnings

Object = Mapping[str, Any]
OLD_NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
OLD_NOTES = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
NULL_SELECTOR = "a null labelSelector results in matching no pod"
USE_FIELD = 'non-functional in v1.27+; use the "seccompProfile" field instead'


def below(path: str, rest: str) -> str:
    return f"{path}.{rest}" if path else rest


def pod_warnings(spec: Object, meta: Object, path: str) -> list[str]:
    """Return the warnings for a pod (path "") or the template at a path."""
    inner = below(path, "spec")
    found = list(_nodes(spec, inner))
    notes = meta.get("annotations") or {}
    place = below(path, "metadata.annotations")
    found += [f"{place}[{key}]: {text}" for key, text in OLD_NOTES.items() if key in notes]
    found += volume_warnings(spec.get("volumes") or (), f"{inner}.volumes")
    found += _repeated(spec.get("hostAliases") or (), "ip", f"{inner}.hostAliases")
    secrets = spec.get("imagePullSecrets") or ()
    found += _repeated(secrets, "name", f"{inner}.imagePullSecrets")
    nameless = [index for index, it in enumerate(secrets) if not it.get("name")]
    found += [f'{inner}.imagePullSecrets[{index}].name: invalid empty name ""' for index in nameless]
    found += _fractions(spec.get("overhead") or {}, f"{inner}.overhead")
    if (spec.get("securityContext") or {}).get("seccompProfile") is None and SECCOMP_POD in notes:
        found.append(f"{place}[{SECCOMP_POD}]: {USE_FIELD}")
    for where, it in every_container(spec, inner):
        found += _container(it, where, notes, place)
    found += _ports(spec, inner)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{inner}.terminationGracePeriodSeconds: {text}")
    return found + list(_pod_terms(spec, f"{inner}.affinity"))


def _nodes(spec: Object, path: str) -> Iterator[str]:
    for key in spec.get("nodeSelector") or ():
        if key in OLD_NODE_LABELS:
            yield f"{path}.nodeSelector[{key}]: {OLD_NODE_LABELS[key]}"
    node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    place = f"{path}.affinity.nodeAffinity"
    for index, term in enumerate((node.get(REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        yield from _node_term(term, f"{place}.{REQUIRED}.nodeSelectorTerms[{index}]", values=False)
    for index, term in enumerate(node.get(PREFERRED) or ()):
        yield from _node_term(term.get("preference") or {}, f"{place}.{PREFERRED}[{index}].preference", values=True)
    for index, it in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{index}]", it.get("topologyKey") or ""
        if key in OLD_NODE_LABELS:
            yield f"{where}.topologyKey: {key} is {OLD_NODE_LABELS[key]}"
        if it.get("labelSelector") is None:
            yield f"{where}.labelSelector: {NULL_SELECTOR}"


def _node_term(term: Object, path: str, values: bool) -> Iterator[str]:
    for index, it in enumerate(term.get("matchExpressions") or ()):
        where, key = f"{path}.matchExpressions[{index}]", it.get("key") or ""
        if key in OLD_NODE_LABELS:
            yield f"{where}.key: {key} is {OLD_NODE_LABELS[key]}"
        for number, value in enumerate(it.get("values") or ()) if values else ():
            for text in forms.label_value(value):
                yield f"{where}.values[{number}]: {value} is invalid, {text}"


def _repeated(items: Sequence[Object], field: str, path: str) -> list[str]:
    found, seen = [], set()
    for index, it in enumerate(items):
        value = it.get(field) or ""
        if value in seen:
            found.append(f'{path}[{index}].{field}: duplicate {field} "{value}"')
        seen.add(value)
    return found


def _fractions(amounts: Object, path: str) -> list[str]:
    found = []
    for name in ("memory", "ephemeral-storage"):
        value = quantity_value(amounts[name]) if name in amounts else None
        if value is not None and value != value.to_integral_value():
            text = f'fractional byte value "{canonical(amounts[name])}" is invalid, must be an integer'
            found.append(f"{path}[{name}]: {text}")
    return found


def _container(it: Object, path: str, notes: Mapping[str, str], place: str) -> list[str]:
    found, key = [], f"{SECCOMP_CONTAINER}{it.get('name') or ''}"
    if (it.get("securityContext") or {}).get("seccompProfile") is None and key in notes:
        found.append(f"{place}[{key}]: {USE_FIELD}")
    resources = it.get("resources") or {}
    for name in ("memory", "ephemeral-storage"):
        for kind in ("limits", "requests"):
            amounts = resources.get(kind) or {}
            found += _fractions({name: amounts[name]} if name in amounts else {}, f"{path}.resources.{kind}")
    seen: set[str] = set()
    for index, variable in enumerate(it.get("env") or ()):
        name = variable.get("name") or ""
        kept = f"$({name})" in (variable.get("value") or "") and variable.get("value") != f"$({name})"
        if name in seen and (variable.get("valueFrom") is not None or not kept):
            text = f'hides previous definition of "{name}", which may be dropped when using apply'
            found.append(f"{path}.env[{index}]: {text}")
        seen.add(name)
    return found


def _ports(spec: Object, path: str) -> list[str]:
    places = [
        (f"{where}.ports[{index}]", port)
        for where, it in every_container(spec, path)
        for index, port in enumerate(it.get("ports") or ())
    ]
    found: list[str] = []
    for at, (where, port) in enumerate(places):
        if port.get("hostIP") and not port.get("hostPort"):
            found.append(f"{where}: hostIP set without hostPort: {_printed(port)}")
        found += [f"{where}: {text} port definition with {other}" for other, text in _clashes(port, places[:at])]
    names: dict[str, str] = {}
    for where, port in places:
        name = port.get("name") or ""
        if name and name in names:
            first = names[name]
            text = f'duplicate port name "{name}" with {first}, services and probes that select ports by name will use'
            text = f"{text} {first}"
            found.append(f"{where}: {text}")
        elif name:
            names[name] = where
    return found


def _clashes(port: Object, others: Sequence[tuple[str, Object]]) -> Iterator[tuple[str, str]]:
    host, number = port.get("hostIP") or "", port.get("hostPort") or 0
    for where, other in others:
        if (other.get("containerPort"), other.get("protocol")) != (port.get("containerPort"), port.get("protocol")):
            continue
        other_host, other_number = other.get("hostIP") or "", other.get("hostPort") or 0
        if (host, number) == (other_host, other_number):
            yield where, "duplicate"
        elif not number or not other_number:
            yield where, "overlapping"
        elif number == other_number and bool(host) != bool(other_host):
            yield where, "dangerously ambiguous"


def _printed(port: Object) -> str:
    """Return a port as Go prints it."""
    shown = (("Name", "name", ""), ("HostPort", "hostPort", 0), ("ContainerPort", "containerPort", 0))
    parts = [f"{title}:{port.get(name) or empty}" for title, name, empty in shown]
    return (
        "{" + " ".join([*parts, f"Protocol:{port.get('protocol') or ''}", f"HostIP:{port.get('hostIP') or ''}"]) + "}"
    )


def _pod_terms(spec: Object, path: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        it = (spec.get("affinity") or {}).get(kind) or {}
        for index, term in enumerate(it.get(REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{path}.{kind}.{REQUIRED}[{index}].labelSelector: {NULL_SELECTOR}"
        for index, term in enumerate(it.get(PREFERRED) or ()):
            if (term.get("podAffinityTerm") or {}).get("labelSelector") is None:
                yield f"{path}.{kind}.{PREFERRED}[{index}].podAffinityTerm.labelSelector: {NULL_SELECTOR}"
