"""Rules of Jobs.

Source: Kubernetes, pkg/apis/batch/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import (
    IMMUTABLE,
    chooses,
    counts,
    not_negative,
    one_of,
    selector_errors,
    shown_selector,
    too_long,
    too_many,
    usable,
)
from volary.embedded.api.validation.job_indexes import BadIndexes, count_indexes
from volary.embedded.api.validation.job_shown import SHOWN, as_it_is, shown_success_policy
from volary.embedded.api.validation.pods import pod_template
from volary.embedded.api.validation.workloads import UNMATCHED, labels_of, sent_labels

Object = Mapping[str, Any]
COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
MOST_PARALLEL = MOST_FAILED_INDEXES = 100_000
MANY_COMPLETIONS, FEW_PARALLEL, FEW_FAILED_INDEXES = 100_000, 10_000, 10_000
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
STATUSES = ("False", "True", "Unknown")
INDEXED_ONLY = "requires indexed completion mode"
KEPT = ("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
# Of a template, what may still change while the Job has not begun.
SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates")


def job(obj: Object, old: Object | None) -> list[FieldError]:
    spec, name = obj.get("spec") or {}, obj["metadata"]["name"]
    before = labels_of(((old or {}).get("spec") or {}).get("template") or {})
    own = ("batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid")
    errors = _generated(obj, old is None or all(it in before for it in own)) + job_spec(spec, "spec")
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0:
        last = f"{name}-{completions - 1}"
        if forms.label(last):
            text = f"will not able to create pod with invalid DNS label: {last}"
            errors.append(invalid("metadata.name", name, text))
    return errors


def job_changes(obj: Object, old: Object) -> list[FieldError]:
    """Return what is wrong with a change; the server looks at the whole spec a second time."""
    spec = obj.get("spec") or {}
    return job_spec(spec, "spec") + _kept(spec, old.get("spec") or {}, not_begun(old))


def _generated(obj: Object, prefixed: bool) -> list[FieldError]:
    """Return what is wrong with the selector that the server makes itself.

    `prefixed`: labels with a domain are asked for; not of Jobs that were made without.
    """
    spec, meta, path = obj["spec"], obj["metadata"], "spec.template.metadata.labels"
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    labels, errors = labels_of(spec.get("template") or {}), []
    uid, name = str(meta.get("uid") or ""), meta["name"]
    own = "batch.kubernetes.io/"
    wanted = {"controller-uid": uid, "job-name": name, f"{own}controller-uid": uid, f"{own}job-name": name}
    required_keys = list(wanted) if prefixed else ["controller-uid", "job-name"]
    for key in required_keys:
        value = wanted[key]
        if key not in labels:
            errors.append(required(f"{path}[{key}]", f"must be '{value}'"))
        elif labels[key] != value:
            errors.append(invalid(f"{path}[{key}]", labels, f"must be '{value}'"))
    if usable(spec["selector"]) and not chooses(spec["selector"], wanted):
        errors.append(invalid("spec.selector", shown_selector(spec["selector"]), "`selector` not auto-generated"))
    return errors


def job_spec(spec: Object, path: str) -> list[FieldError]:
    errors = _numbers(spec, path) + _mode(spec, path)
    if spec.get("podFailurePolicy") is not None:
        errors += _failure_policy(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        errors += _success_policy(spec, f"{path}.successPolicy")
    replacement = spec.get("podReplacementPolicy")
    if replacement is not None:
        words = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
        errors += one_of(f"{path}.podReplacementPolicy", replacement, words, needed=False)
    template = spec.get("template") or {}
    errors += pod_template(template, f"{path}.template") + _restart(
        spec, template, f"{path}.template.spec.restartPolicy"
    )
    selector = spec.get("selector")
    if selector is None:
        errors.append(required(f"{path}.selector"))
    errors += selector_errors(selector, f"{path}.selector")
    labels = labels_of(template)
    if usable(selector) and not (selector is not None and chooses(selector, labels)):
        errors.append(invalid(f"{path}.template.metadata.labels", sent_labels(template), UNMATCHED))
    return errors


def _numbers(spec: Object, path: str) -> list[FieldError]:
    errors = counts(spec, path, *COUNTS)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    owner, where = spec.get("managedBy"), f"{path}.managedBy"
    if owner is not None:
        errors += domain_path(where, owner)
        if len(owner) > 63:
            errors.append(too_long(where, 63))
    return errors


def domain_path(path: str, value: str) -> list[FieldError]:
    """Return what is wrong with DOMAIN/PATH."""
    domain, _, rest = value.partition("/")
    if not value:
        return [required(path)]
    if not (domain and rest):
        return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = [invalid(path, domain, text) for text in forms.subdomain(domain)]
    pattern = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
    return (
        errors if forms.matched(pattern, rest) else [*errors, invalid(path, rest, forms.told("Invalid path", pattern))]
    )


def _restart(spec: Object, template: Object, path: str) -> list[FieldError]:
    policy = (template.get("spec") or {}).get("restartPolicy") or ""
    if policy in ("", "Always"):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [unsupported(path, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def _mode(spec: Object, path: str) -> list[FieldError]:
    mode, errors = spec.get("completionMode"), []
    if mode is not None and mode not in ("NonIndexed", "Indexed"):
        errors.append(unsupported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed":
        errors += _indexed(spec, path)
    if mode in (None, "NonIndexed"):
        fields = [it for it in ("backoffLimitPerIndex", "maxFailedIndexes") if spec.get(it) is not None]
        errors += [invalid(f"{path}.{it}", spec[it], INDEXED_ONLY) for it in fields]
    return errors


def _indexed(spec: Object, path: str) -> list[FieldError]:
    completions, parallel, failed = (spec.get(it) for it in ("completions", "parallelism", "maxFailedIndexes"))
    errors = []
    if completions is None:
        errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if parallel is not None and parallel > MOST_PARALLEL:
        text = f"must be less than or equal to {MOST_PARALLEL} when completion mode is Indexed"
        errors.append(invalid(f"{path}.parallelism", parallel, text))
    if completions is not None and failed is not None and failed > completions:
        errors.append(invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions"))
    if failed is not None and failed > MOST_FAILED_INDEXES:
        text = f"must be less than or equal to {MOST_FAILED_INDEXES}"
        errors.append(invalid(f"{path}.maxFailedIndexes", failed, text))
    if (completions or 0) <= MANY_COMPLETIONS or spec.get("backoffLimitPerIndex") is None:
        return errors
    if failed is None:
        text = f"must be specified when completions is above {MANY_COMPLETIONS}"
        errors.append(required(f"{path}.maxFailedIndexes", text))
    for field, value, most in (
        ("parallelism", parallel, FEW_PARALLEL),
        ("maxFailedIndexes", failed, FEW_FAILED_INDEXES),
    ):
        if value is not None and value > most:
            text = (
                f"must be less than or equal to {most} when completions are above {MANY_COMPLETIONS} and used with "
                "backoff limit per index"
            )
            errors.append(invalid(f"{path}.{field}", value, text))
    return errors


def _valid_values(words: Sequence[str]) -> str:
    """Return words as Go prints a list of texts."""
    return "valid values: [" + " ".join(f'"{it}"' for it in words) + "]"


def _word(path: str, value: str, words: Sequence[str]) -> list[FieldError]:
    if not value:
        return [required(path, _valid_values(words))]
    return [] if value in words else [unsupported(path, value, words)]


def _failure_policy(spec: Object, path: str) -> list[FieldError]:
    rules, errors = spec["podFailurePolicy"].get("rules") or (), []
    if len(rules) > 20:
        errors.append(too_many(f"{path}.rules", len(rules), 20))
    inner = (spec.get("template") or {}).get("spec") or {}
    names = [it.get("name") for kind in ("containers", "initContainers") for it in inner.get(kind) or ()]
    for index, rule in enumerate(rules):
        where, action = f"{path}.rules[{index}]", rule.get("action") or ""
        if action == "FailIndex":
            if spec.get("backoffLimitPerIndex") is None:
                text = "requires the backoffLimitPerIndex to be set"
                errors.append(invalid(f"{where}.action", action, text))
        else:
            errors += _word(f"{where}.action", action, ACTIONS)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        errors += _exit_codes(codes, f"{where}.onExitCodes", names) if codes is not None else []
        errors += _pod_conditions(conditions, f"{where}.onPodConditions")
        if codes is not None and conditions:
            text = "specifying both OnExitCodes and OnPodConditions is not supported"
            errors.append(FieldError("FieldValueInvalid", where, text))
        if codes is None and not conditions:
            text = "specifying one of OnExitCodes and OnPodConditions is required"
            errors.append(FieldError("FieldValueInvalid", where, text))
    return errors


def _pod_conditions(items: Sequence[Object], path: str) -> list[FieldError]:
    errors = [too_many(path, len(items), 20)] if len(items) > 20 else []
    for index, it in enumerate(items):
        errors += forms.wrong(f"{path}[{index}].type", it.get("type") or "", forms.key)
        errors += _word(f"{path}[{index}].status", it.get("status") or "", STATUSES)
    return errors


def _exit_codes(it: Object, path: str, names: Sequence[str]) -> list[FieldError]:
    operator, values = it.get("operator") or "", list(it.get("values") or ())
    errors = _word(f"{path}.operator", operator, ("In", "NotIn"))
    if it.get("containerName") is not None and it["containerName"] not in names:
        text = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(f"{path}.containerName", it["containerName"], text))
    if not values:
        errors.append(invalid(f"{path}.values", None, "at least one value is required"))
    elif len(values) > 255:
        errors.append(too_many(f"{path}.values", len(values), 255))
    for index, code in enumerate(values):
        if operator == "In" and code == 0:
            errors.append(invalid(f"{path}.values[{index}]", code, "must not be 0 for the In operator"))
        if code in values[:index]:
            errors.append(duplicate(f"{path}.values[{index}]", code))
    if values != sorted(values):
        errors.append(invalid(f"{path}.values", values, "must be ordered"))
    return errors


def _success_policy(spec: Object, path: str) -> list[FieldError]:
    policy, errors = spec["successPolicy"], []
    rules = policy.get("rules") or ()
    if spec.get("completionMode") != "Indexed":
        return [invalid(path, shown_success_policy(policy), INDEXED_ONLY)]
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(f"{path}.rules", text))
    if len(rules) > 20:
        errors.append(too_many(f"{path}.rules", len(rules), 20))
    completions = spec.get("completions") or 0
    for index, rule in enumerate(rules):
        errors += _success_rule(rule, completions, f"{path}.rules[{index}]")
    return errors


def _success_rule(rule: Object, completions: int, path: str) -> list[FieldError]:
    number, indexes, total, errors = rule.get("succeededCount"), rule.get("succeededIndexes"), 0, []
    if number is None and indexes is None:
        errors.append(required(path, "at least one of succeededCount or succeededIndexes must be specified"))
    if indexes is not None:
        try:
            total = count_indexes(indexes, completions)
        except BadIndexes as error:
            errors.append(invalid(f"{path}.succeededIndexes", indexes, f"error parsing succeededIndexes: {error}"))
    if number is None:
        return errors
    where, text = f"{path}.succeededCount", "must be less than or equal to"
    errors += not_negative(where, number)
    if number > completions:
        errors.append(invalid(where, number, f"{text} {completions} (the number of specified completions)"))
    if indexes is not None and number > total:
        detail = f"{text} {total} (the number of indexes in the specified succeededIndexes field)"
        errors.append(invalid(where, number, detail))
    return errors


def _kept(spec: Object, old: Object, waiting: bool) -> list[FieldError]:
    """Return what an update changed that it may not."""
    errors = _completions_kept(spec, old)
    if spec.get("selector") != old.get("selector"):
        errors.append(invalid("spec.selector", shown_selector(spec.get("selector")), IMMUTABLE))
    errors += _template_kept(spec.get("template") or {}, old.get("template") or {}, bool(old.get("suspend")), waiting)
    for it in KEPT[1:]:
        if spec.get(it) != old.get(it):
            errors.append(invalid(f"spec.{it}", SHOWN.get(it, as_it_is)(spec.get(it)), IMMUTABLE))
    return errors


def _completions_kept(spec: Object, old: Object) -> list[FieldError]:
    now, where = spec.get("completions"), "spec.completions"
    if now == old.get("completions"):
        return []
    if spec.get("completionMode") != "Indexed":
        return [invalid(where, now, IMMUTABLE)]
    if now is None:
        return []  # that it is missing is said elsewhere
    text = "can only be modified in tandem with spec.parallelism"
    return [] if now == spec.get("parallelism") else [invalid(where, now, text)]


def not_begun(old: Object) -> bool:
    """Is a Job suspended, with no pod of it that runs?"""
    return bool((old.get("spec") or {}).get("suspend")) and not (old.get("status") or {}).get("active")


def _template_kept(new: Object, old: Object, suspended: bool, waiting: bool) -> list[FieldError]:
    before: dict[str, Any] = {**old, "spec": dict(old.get("spec") or {})}
    inner = new.get("spec") or {}
    if waiting:
        _take(before["spec"], inner, SCHEDULING)
        affinity = {**(before["spec"].get("affinity") or {})}
        _take(affinity, inner.get("affinity") or {}, ("nodeAffinity",))
        before["spec"]["affinity"] = affinity
        if not affinity and inner.get("affinity") is None:
            del before["spec"]["affinity"]
        meta = {**(before.get("metadata") or {})}
        _take(meta, new.get("metadata") or {}, ("annotations", "labels"))
        before["metadata"] = meta
    if suspended and waiting:
        for kind in ("containers", "initContainers"):
            pairs = list(zip(before["spec"].get(kind) or (), inner.get(kind) or (), strict=False))
            if len(pairs) == len(before["spec"].get(kind) or ()) == len(inner.get(kind) or ()) and pairs:
                before["spec"][kind] = [_with_resources(one, other) for one, other in pairs]
        same = inner == before["spec"]
        return [] if same else [FieldError("FieldValueInvalid", "spec.template.spec", IMMUTABLE, GoValue)]
    same = {**new, "metadata": new.get("metadata") or {}} == {**before, "metadata": before.get("metadata") or {}}
    return [] if same else [FieldError("FieldValueInvalid", "spec.template", IMMUTABLE, GoValue)]


GoValue = "(the template)"  # a real server prints the whole template as its own type


def _with_resources(one: Object, other: Object) -> Object:
    if one.get("name") != other.get("name"):
        return one
    found = {**one}
    _take(found, other, ("resources",))
    return found


def _take(target: dict[str, Any], source: Object, fields: Sequence[str]) -> None:
    for field in fields:
        target.pop(field, None)
        if field in source:
            target[field] = source[field]
