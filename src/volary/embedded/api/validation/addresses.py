"""Rules of a Service's own addresses and their families.

Source: Kubernetes, pkg/apis/core/validation, ValidateServiceClusterIPsRelatedFields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import one_of

Object = Mapping[str, Any]
FAMILIES = ("IPv4", "IPv6")
POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
ONCE = "may not change once set"


def family_of(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def cluster_addresses(spec: Object, before: Object) -> list[FieldError]:
    """Return what is wrong with a Service's addresses."""
    if spec.get("type") == "ExternalName":
        return []
    all_, families = list(spec.get("clusterIPs") or ()), list(spec.get("ipFamilies") or ())
    errors = _first(spec.get("clusterIP") or "", all_)
    for index, it in enumerate(families):
        if it not in FAMILIES:
            errors.append(unsupported(f"spec.ipFamilies[{index}]", it, FAMILIES))
        if it in families[:index]:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", it))
    if spec.get("ipFamilyPolicy") is not None:
        errors += one_of("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], POLICIES, needed=False)
    wrong = _addresses(all_, before)
    errors += wrong
    if len(all_) > 2:
        errors.append(invalid("spec.clusterIPs", all_, "may only hold up to 2 values"))
    if wrong:
        return errors
    if len(all_) > 1 and len({family_of(it) for it in all_}) != 2:
        errors.append(invalid("spec.clusterIPs", all_, "may specify no more than one IP for each IP family"))
    if all_ == ["None"]:
        return errors
    for index, (address, family) in enumerate(zip(all_, families, strict=False)):
        if family in FAMILIES and family_of(address) != family:
            text = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(invalid(f"spec.clusterIPs[{index}]", address, text))
    return errors


def _first(first: str, all_: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    if first and not all_:
        errors.append(required("spec.clusterIPs"))
    elif first and all_[0] != first:
        errors.append(invalid("spec.clusterIPs", all_, "first value must match `clusterIP`"))
    elif not first and all_:
        errors.append(invalid("spec.clusterIPs", all_, "must be empty when `clusterIP` is not specified"))
    return errors


def _addresses(all_: list[str], before: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, it in enumerate(all_):
        if index == 0 and it == "None":
            if len(all_) > 1:
                errors.append(invalid("spec.clusterIPs", all_, "'None' must be the first and only value"))
            continue
        errors += forms.wrong_address(f"spec.clusterIPs[{index}]", it, before.get("clusterIPs") or ())
    return errors


def _headless(spec: Object) -> bool:
    return list(spec.get("clusterIPs") or ()) == ["None"]


def addresses_kept(spec: Object, before: Object) -> list[FieldError]:
    """Return why addresses may not become these."""
    if "ExternalName" in (spec.get("type"), before.get("type")) or (_headless(spec) and _headless(before)):
        return []
    old, new = list(before.get("clusterIPs") or ()), list(spec.get("clusterIPs") or ())
    shown, where = new or None, "spec.clusterIPs"
    if len(old) == len(new):
        return [invalid(f"{where}[{index}]", shown, ONCE) for index, it in enumerate(old) if it != new[index]]
    errors: list[FieldError] = []
    if len(old) > len(new):
        if not new:
            errors.append(invalid(f"{where}[0]", shown, "primary clusterIP can not be unset"))
        elif new[0] != old[0]:
            errors.append(invalid(f"{where}[0]", shown, ONCE))
        if len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
            text = "must be set to 'SingleStack' when releasing the secondary clusterIP"
            errors.append(invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), text))
    elif old and new[0] != old[0]:
        errors.append(invalid(f"{where}[0]", shown, ONCE))
    return errors


def families_kept(spec: Object, before: Object) -> list[FieldError]:
    """Return why families may not become these."""
    if "ExternalName" in (spec.get("type"), before.get("type")) or _headless(spec) or _headless(before):
        return []
    old, new, where = list(before.get("ipFamilies") or ()), list(spec.get("ipFamilies") or ()), "spec.ipFamilies"
    if len(old) == len(new):
        return [invalid(f"{where}[0]", new or None, ONCE) for index, it in enumerate(old) if it != new[index]]
    errors: list[FieldError] = []
    if len(old) > len(new) and not new:
        errors.append(invalid(f"{where}[0]", None, "primary ipFamily can not be unset"))
    if old and new and new[0] != old[0]:
        errors.append(invalid(f"{where}[0]", spec.get("clusterIPs"), ONCE))
    if len(old) > len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        text = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        errors.append(invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), text))
    return errors
