"""Rules of projected volumes: several sources in one folder.

Source: Kubernetes, pkg/apis/core/validation, validateProjectionSources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import selector_errors
from volary.embedded.api.validation.paths import descending, file_mode, key_to_path

Object = Mapping[str, Any]
FileCheck = Callable[[Object, str], list[FieldError]]
SOURCES = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate")
CONFLICT = "conflicting duplicate paths"
KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
CERTIFICATE_PATHS = ("credentialBundlePath", "keyPath", "certificateChainPath")


def projected(it: Object, path: str, downward_file: FileCheck) -> list[FieldError]:
    """Return what is wrong with a projected volume."""
    errors = file_mode(f"{path}.defaultMode", it.get("defaultMode"))
    taken: set[str] = set()
    for index, source in enumerate(it.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        for kind in ("secret", "configMap"):
            if source.get(kind) is not None:
                errors += _keyed(source[kind], f"{where}.{kind}", path, taken)
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            errors += downward_file(item, f"{where}.downwardAPI")
            errors += _claim(item.get("path") or "", taken, path, item.get("path") or "")
        if source.get("serviceAccountToken") is not None:
            errors += _token(source["serviceAccountToken"], f"{where}.serviceAccountToken", path)
        if source.get("clusterTrustBundle") is not None:
            errors += _bundle(source["clusterTrustBundle"], f"{where}.clusterTrustBundle", path, taken)
        if source.get("podCertificate") is not None:
            errors += _certificate(source["podCertificate"], f"{where}.podCertificate", path, taken)
        if sum(source.get(kind) is not None for kind in SOURCES) > 1:
            errors.append(forbidden_field(where, "may not specify more than 1 volume type per source"))
    return errors


def _claim(name: str, taken: set[str], path: str, shown: str) -> list[FieldError]:
    """Take a file's name; return the conflict if somebody has it already."""
    if not name:
        return []
    if name in taken:
        return [invalid(path, shown, CONFLICT)]
    taken.add(name)
    return []


def _keyed(it: Object, path: str, volume: str, taken: set[str]) -> list[FieldError]:
    errors = [] if it.get("name") else [required(f"{path}.name")]
    for index, item in enumerate(it.get("items") or ()):
        errors += key_to_path(item, f"{path}.items[{index}]")
        errors += _claim(item.get("path") or "", taken, volume, it.get("name") or "")
    return errors


def _token(it: Object, path: str, volume: str) -> list[FieldError]:
    seconds, errors = it.get("expirationSeconds") or 0, []
    if seconds < 600:
        errors.append(invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"))
    if seconds > 2**32:
        text = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid(f"{path}.expirationSeconds", seconds, text))
    if not it.get("path"):
        return [*errors, required(f"{volume}.path")]
    return errors + descending(f"{volume}.path", it["path"], reserved=True)


def _bundle(it: Object, path: str, volume: str, taken: set[str]) -> list[FieldError]:
    name, signer, errors = it.get("name"), it.get("signerName"), []
    if name is not None and signer is not None:
        errors.append(invalid(path, dict(it), "only one of name and signerName may be used"))
    elif name is not None:
        if not name:
            errors.append(required(f"{path}.name", "must be a valid object name"))
        texts = forms.subdomain(name)
        errors += [invalid(f"{path}.name", name, f"not a valid clustertrustbundlename: {text}") for text in texts]
        if it.get("labelSelector") is not None:
            text = "labelSelector must be unset if name is specified"
            errors.append(invalid(f"{path}.labelSelector", it["labelSelector"], text))
    elif signer is not None:
        if not signer:
            errors.append(required(f"{path}.signerName", "must be a valid signer name"))
        errors += signer_name(f"{path}.signerName", signer)
        errors += selector_errors(it.get("labelSelector"), f"{path}.labelSelector")
    else:
        errors.append(required(path, "either name or signerName must be specified"))
    if not it.get("path"):
        errors.append(required(f"{path}.path"))
    errors += descending(f"{path}.path", it.get("path") or "", reserved=True)
    return errors + _claim(it.get("path") or "", taken, volume, it.get("path") or "")


def signer_name(path: str, value: str) -> list[FieldError]:
    """Return what is wrong with the name of a certificate's signer: DOMAIN/PATH."""
    if not value:
        return [required(path)]
    domain, slash, rest = value.partition("/")
    if not slash or not rest or "/" in rest:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, value, text)]
    errors = [invalid(path, value, text) for text in forms.subdomain(domain)]
    if not errors and "." not in domain:
        errors.append(invalid(path, value, "should be a domain with at least two segments separated by dots"))
    return errors


def _certificate(it: Object, path: str, volume: str, taken: set[str]) -> list[FieldError]:
    errors = signer_name(f"{path}.signerName", it.get("signerName") or "")
    if it.get("keyType") not in KEY_TYPES:
        detail = "supported values: " + ", ".join(f'"{word}"' for word in KEY_TYPES)
        errors.append(FieldError("FieldValueNotSupported", f"{path}.keyType", detail, it.get("keyType") or ""))
    seconds = it.get("maxExpirationSeconds")
    if seconds is not None and seconds < 3600:
        text = "if provided, maxExpirationSeconds must be >= 3600"
        errors.append(invalid(f"{path}.maxExpirationSeconds", seconds, text))
    named = [field for field in CERTIFICATE_PATHS if it.get(field)]
    for field in named:
        errors += descending(f"{path}.{field}", it[field], reserved=True)
        errors += _claim(it[field], taken, volume, it[field])
    if not named:
        text = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        errors.append(required(path, text))
    return errors
