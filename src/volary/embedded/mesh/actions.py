"""What an `http` entry of a VirtualService does with a request, as fields of Envoy's route action.

Source: Istio HTTPRoute (rewrite, retries, mirror, fault, headers); Envoy RouteAction, RetryPolicy, HTTPFault.
"""

from __future__ import annotations

import re
from typing import Any

from volary.embedded.mesh.durations import envoy_duration
from volary.embedded.mesh.fields import Fields

NewObject = dict[str, Any]
TYPE = "type.googleapis.com/"
FAULT = "envoy.filters.http.fault"
FAULT_TYPE = f"{TYPE}envoy.extensions.filters.http.fault.v3.HTTPFault"
OTHER_HOST = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {"@type": f"{TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
}
# Each of these says that no pod has seen the request, so asking another pod cannot do its work twice.
SAFE_TO_RETRY = "connect-failure,refused-stream,reset-before-request"
SAFE_RETRIES = 2
MILLION = 1_000_000


def retry_policy(attempts: int = SAFE_RETRIES, retry_on: str = SAFE_TO_RETRY) -> NewObject:
    """Return a policy that asks another pod, soon: Envoy's own back-off of 25 ms would be felt in a rolling update."""
    return {
        "num_retries": attempts,
        "retry_on": retry_on,
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
        "host_selection_retry_max_attempts": "5",
        "retry_host_predicate": [OTHER_HOST],
    }


def retries(http: Fields) -> NewObject | None:
    """Return the retry policy of an `http` entry; None where it forbids retries."""
    if not http.values.get("retries"):
        return retry_policy()
    with http.inner("retries") as entry:
        attempts = entry.take("attempts")
        if attempts == 0:
            return None
        conditions, codes = retry_conditions(entry.take("retryOn") or "")
        policy = retry_policy(attempts if isinstance(attempts, int) else SAFE_RETRIES, ",".join(conditions))
        if codes:
            policy["retriable_status_codes"] = codes
        put_duration(entry, "perTryTimeout", policy, "per_try_timeout")
        if entry.take("retryIgnorePreviousHosts") is False:
            del policy["retry_host_predicate"]
        return policy


def retry_conditions(text: str) -> tuple[list[str], list[int]]:
    """Return Envoy's conditions (the safe ones always among them) and the status codes in Istio's `retryOn`."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    codes = [int(word) for word in words if re.fullmatch(r"[1-5]\d\d", word)]
    named = [word for word in words if not re.fullmatch(r"[1-5]\d\d", word)]
    more = ["retriable-status-codes"] if codes else []
    return list(dict.fromkeys([*SAFE_TO_RETRY.split(","), *named, *more])), codes


def put_duration(entry: Fields, name: str, into: NewObject, field: str) -> None:
    """Copy a duration into an Envoy object; what is no duration is a gap."""
    text = entry.take(name)
    if text is None:
        return
    found = envoy_duration(text)
    if found is None:
        entry.gap(name, f'"{text}" is not a duration such as 15s')
    else:
        into[field] = found


def rewrites(http: Fields, match: NewObject, action: NewObject) -> None:
    """Add the rewriting of path and host. A rewrite replaces what was matched: the prefix, or the whole path."""
    with Fields(http.values.get("rewrite"), f"{http.path}.rewrite", http.gaps) as entry:
        http.take("rewrite")
        authority, uri = entry.take("authority"), entry.take("uri")
        if authority:
            action["host_rewrite_literal"] = authority
        if uri:
            action.update(path_rewrite(uri, match))
        if entry.values.get("uriRegexRewrite"):
            with entry.inner("uriRegexRewrite") as regex:
                pattern, substitution = regex.take("match"), regex.take("rewrite")
                action["regex_rewrite"] = {"pattern": {"regex": pattern}, "substitution": substitution or ""}


def path_rewrite(uri: str, match: NewObject) -> NewObject:
    prefix = match.get("prefix", "")
    if uri == "/" and len(prefix) > 1 and not prefix.endswith("/"):
        # Plain replacement would turn /api/users into //users.
        return {"regex_rewrite": {"pattern": {"regex": f"^{re.escape(prefix)}/?"}, "substitution": "/"}}
    return {"prefix_rewrite": uri}


def percentage(entry: Fields, name: str, otherwise: float) -> NewObject:
    """Return Envoy's fraction for a percentage such as `{value: 12.5}`, in millionths."""
    value: Any = otherwise
    if entry.values.get(name) is not None:
        with entry.inner(name) as inner:
            value = inner.take("value") or 0
    share = float(value) if isinstance(value, int | float) else otherwise
    return {"numerator": round(min(max(share, 0.0), 100.0) * MILLION / 100), "denominator": "MILLION"}


def fault(http: Fields) -> NewObject:
    """Return the per-route configuration of the fault filter, empty if nothing is to be injected."""
    if not http.values.get("fault"):
        return {}
    config: NewObject = {"@type": FAULT_TYPE}
    with http.inner("fault") as entry:
        if entry.values.get("abort"):
            with entry.inner("abort") as abort:
                status = abort.take("httpStatus")
                if isinstance(status, int):
                    config["abort"] = {"http_status": status, "percentage": percentage(abort, "percentage", 0)}
        if entry.values.get("delay"):
            with entry.inner("delay") as delay:
                made: NewObject = {"percentage": percentage(delay, "percentage", 0)}
                put_duration(delay, "fixedDelay", made, "fixed_delay")
                if "fixed_delay" in made:
                    config["delay"] = made
    return {FAULT: config} if len(config) > 1 else {}


def header_changes(entry: Fields, into: NewObject) -> None:
    """Add what `headers` of an `http` entry or of a destination asks for."""
    with entry.inner("headers") as headers:
        for side in ("request", "response"):
            if headers.values.get(side):
                with headers.inner(side) as changes:
                    one_side(changes, side, into)


def one_side(changes: Fields, side: str, into: NewObject) -> None:
    added = []
    for verb, how in (("set", "OVERWRITE_IF_EXISTS_OR_ADD"), ("add", "APPEND_IF_EXISTS_OR_ADD")):
        with changes.inner(verb) as headers:
            for name, value in headers.values.items():
                headers.take(name)
                if side == "request" and name.lower() in ("host", ":authority"):
                    into["host_rewrite_literal"] = str(value)
                elif name.startswith(":") or name.lower() == "host":
                    headers.gap(name, "Envoy lets nobody change this header")
                else:
                    # Envoy reads %WORDS% in values; here a value is plain text.
                    text = str(value).replace("%", "%%")
                    added.append({"header": {"key": name, "value": text}, "append_action": how})
    removed = changes.texts("remove")
    if added:
        into[f"{side}_headers_to_add"] = added
    if removed:
        into[f"{side}_headers_to_remove"] = removed
