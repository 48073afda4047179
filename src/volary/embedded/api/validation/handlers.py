"""Rules of probes, and of what runs when a container starts or stops.

Source: Kubernetes, pkg/apis/core/validation, validateHandler and validateProbe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import counts, one_of

Object = Mapping[str, Any]
PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
WINDOWS_SIGNALS = ("SIGKILL", "SIGTERM")
_SIGNALS = (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP "
    "TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX"
)
LINUX_SIGNALS = tuple(
    sorted(
        [f"SIG{it}" for it in _SIGNALS.split()]
        + [f"SIGRTMIN+{it}" for it in range(1, 16)]
        + [f"SIGRTMAX-{it}" for it in range(1, 15)]
    )
)


def probes(container: Object, path: str, grace: int | None) -> list[FieldError]:
    """Return what is wrong with a container's three probes."""
    errors: list[FieldError] = []
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe, where = container.get(kind), f"{path}.{kind}"
        if probe is None:
            continue
        errors += handler(probe, PROBE_HANDLERS, where, grace) + counts(probe, where, *PROBE_NUMBERS)
        own = probe.get("terminationGracePeriodSeconds")
        if own is not None and own <= 0:
            errors.append(invalid(f"{where}.terminationGracePeriodSeconds", own, "must be greater than 0"))
        if kind == "readinessProbe" and own is not None:
            text = "must not be set for readinessProbes"
            errors.append(invalid(f"{where}.terminationGracePeriodSeconds", own, text))
        if kind != "readinessProbe" and probe.get("successThreshold") != 1:
            errors.append(invalid(f"{where}.successThreshold", probe.get("successThreshold") or 0, "must be 1"))
    return errors


def lifecycle(it: Object, path: str, grace: int | None, system: Object | None) -> list[FieldError]:
    errors: list[FieldError] = []
    for hook in ("postStart", "preStop"):
        if it.get(hook) is not None:
            errors += handler(it[hook], HOOK_HANDLERS, f"{path}.{hook}", grace)
    signal, where = it.get("stopSignal"), f"{path}.stopSignal"
    if signal is None:
        return errors
    if system is None:
        return [*errors, forbidden_field(where, "may not be set for containers with empty `spec.os.name`")]
    words = {"windows": WINDOWS_SIGNALS, "linux": LINUX_SIGNALS}.get(system.get("name") or "")
    return errors + (one_of(where, signal, words, needed=False) if words else [])


def handler(it: Object, kinds: tuple[str, ...], path: str, grace: int | None) -> list[FieldError]:
    """Return what is wrong with the one thing that a probe or hook does."""
    present = [kind for kind in kinds if it.get(kind) is not None]
    if not present:
        return [required(path, "must specify a handler type")]
    first = present[0]
    action, where = it[first], f"{path}.{first}"
    errors: list[FieldError] = []
    if first == "exec":
        errors += [] if action.get("command") else [required(f"{where}.command")]
    elif first == "httpGet":
        errors += _http(action, where)
    elif first == "tcpSocket":
        errors += forms.named_port(f"{where}.port", action.get("port", 0))
    elif first == "grpc":
        errors += forms.named_port(f"{where}.port", action.get("port") or 0)
    else:
        errors += _sleep(action.get("seconds") or 0, where, grace)
    text = "may not specify more than 1 handler type"
    return errors + [forbidden_field(f"{path}.{kind}", text) for kind in present[1:]]


def _http(it: Object, path: str) -> list[FieldError]:
    errors = [] if it.get("path") else [required(f"{path}.path")]
    errors += forms.named_port(f"{path}.port", it.get("port", 0))
    errors += one_of(f"{path}.scheme", it.get("scheme"), ("HTTP", "HTTPS"), needed=False)
    for header in it.get("httpHeaders") or ():
        errors += forms.wrong(f"{path}.httpHeaders", header.get("name") or "", forms.header)
    return errors


def _sleep(seconds: int, path: str, grace: int | None) -> list[FieldError]:
    if grace is None or 0 <= seconds <= grace:
        return []
    text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
    return [invalid(path, seconds, text)]
