"""What a definition says beside its schemas: names, subresources, printer columns, selectable fields, conversion.

Source: apiextensions-apiserver, apis/apiextensions/validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from volary.embedded.api.custom.field_paths import NoSuchPlace, place, steps
from volary.embedded.api.errors import FieldError, duplicate, forbidden_field, invalid, required, unsupported
from volary.embedded.api.registry import definitions
from volary.embedded.api.schema import Node
from volary.embedded.api.validation.names import SERVICE_LABEL, SERVICE_TEXT

Object = Mapping[str, Any]
Found = Iterator[FieldError]

COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
MOST_SELECTABLE = 8
LONGEST_WARNING = 256
REVIEW_VERSIONS = ("v1", "v1beta1")


def names(spec_names: Object, path: str) -> Found:
    """Check names as far as they are given."""
    for field in ("plural", "singular", "kind", "listKind"):
        name = str(spec_names.get(field) or "")
        mixed = field in ("kind", "listKind")
        if name and not SERVICE_LABEL.match(name.lower() if mixed else name):
            detail = "may have mixed case, but should otherwise match: " if mixed else ""
            yield invalid(f"{path}.{field}", name, detail + SERVICE_TEXT)
    for index, name in enumerate(spec_names.get("shortNames") or ()):
        if not SERVICE_LABEL.match(name):
            yield invalid(f"{path}.shortNames[{index}]", name, SERVICE_TEXT)
    if spec_names.get("kind") and spec_names.get("kind") == spec_names.get("listKind"):
        yield invalid(f"{path}.listKind", spec_names["listKind"], "kind and listKind may not be the same")
    for index, name in enumerate(spec_names.get("categories") or ()):
        if not SERVICE_LABEL.match(name):
            yield invalid(f"{path}.categories[{index}]", name, SERVICE_TEXT)


def subresources(found: Object | None, path: str) -> Found:
    scale = (found or {}).get("scale")
    if scale is None:
        return
    for field, root in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        where, value = f"{path}.scale.{field}", str(scale.get(field) or "")
        if not value:
            yield required(where)
        elif not value.startswith("."):
            yield invalid(where, value, "must be a simple json path starting with .")
        elif not value.startswith(root):
            yield invalid(where, value, f"should be a json path under {root.rstrip('.')}")
    value = scale.get("labelSelectorPath") or ""
    where = f"{path}.scale.labelSelectorPath"
    if value and not value.startswith("."):
        yield invalid(where, value, "must be a simple json path starting with .")
    elif value and not value.startswith((".spec.", ".status.")):
        yield invalid(where, value, "should be a json path under either .spec or .status")


def columns(found: Sequence[Object] | None, path: str) -> Found:
    for index, column in enumerate(found or ()):
        where, kind = f"{path}[{index}]", column.get("type") or ""
        if not column.get("name"):
            yield required(f"{where}.name")
        if not kind:
            yield required(f"{where}.type", "must be one of " + ",".join(COLUMN_TYPES))
        elif kind not in COLUMN_TYPES:
            yield invalid(f"{where}.type", kind, "must be one of " + ",".join(COLUMN_TYPES))
        if column.get("format") and column["format"] not in COLUMN_FORMATS:
            yield invalid(f"{where}.format", column["format"], "must be one of " + ",".join(COLUMN_FORMATS))
        text = column.get("jsonPath") or ""
        if not text:
            yield required(f"{where}.JSONPath")
        elif not text.startswith("."):
            yield invalid(f"{where}.JSONPath", text, "must be a simple json path starting with .")


def selectable(found: Sequence[Object] | None, schema: Any, path: str) -> Found:
    """Check the fields that lists may be chosen by."""
    seen: set[str] = set()
    node = Node(schema if isinstance(schema, Mapping) else {}, definitions())
    for index, entry in enumerate(found or ()):
        where, text = f"{path}[{index}].jsonPath", str(entry.get("jsonPath") or "")
        if not text:
            yield required(where)
            continue
        try:
            walked = [name for name, _ in steps(text, node, brackets=False)]
            chosen = place(text, node, brackets=False)
        except NoSuchPlace as why:
            yield invalid(where, text, f"is an invalid path: {why}")
            continue
        if walked[0] == "metadata":
            yield invalid(where, text, "must not point to fields in metadata")
        if chosen.type not in ("string", "boolean", "integer"):
            detail = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings with formats "
                "are allowed."
            )
            yield invalid(where, text, detail)
        if text in seen:
            yield duplicate(where, text)
        seen.add(text)
    if len(seen) > MOST_SELECTABLE:
        yield FieldError("FieldValueTooMany", path, f"must have at most {MOST_SELECTABLE} items", len(seen))


def deprecation(version: Object, path: str) -> Found:
    text = version.get("deprecationWarning")
    if text is None:
        return
    where = f"{path}.deprecationWarning"
    if not version.get("deprecated"):
        yield invalid(where, text, "can only be set for deprecated versions")
        return
    if len(text.encode()) > LONGEST_WARNING:
        yield invalid(where, text, f"must be <= {LONGEST_WARNING} characters long")
    if not text:
        yield invalid(where, text, "must not be an empty string")
    bad = next((index for index, char in enumerate(text) if not char.isprintable()), None)
    if bad is not None:
        at = len(text[:bad].encode())
        detail = f"must only contain printable UTF-8 characters; non-printable character found at index {at}"
        yield invalid(where, text, detail)


def conversion(found: Object | None, path: str) -> Found:
    if found is None:
        return
    strategy, hook = str(found.get("strategy") or ""), found.get("webhook")
    if not strategy:
        yield required(f"{path}.strategy")
    elif strategy not in ("None", "Webhook"):
        yield unsupported(f"{path}.strategy", strategy, ("None", "Webhook"))
    client, versions = (hook or {}).get("clientConfig"), list((hook or {}).get("conversionReviewVersions") or ())
    if strategy != "Webhook":
        detail = "should not be set when strategy is not set to Webhook"
        if client is not None:
            yield forbidden_field(f"{path}.webhookClientConfig", detail)
        if versions:
            yield forbidden_field(f"{path}.conversionReviewVersions", detail)
        return
    if client is None:
        yield required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook")
    else:
        yield from _client(client, f"{path}.webhookClientConfig")
    yield from _review_versions(versions, f"{path}.conversionReviewVersions")


def _client(client: Object, path: str) -> Found:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif url is not None:
        found = urlsplit(url)
        if found.scheme != "https":
            yield invalid(
                f"{path}.url",
                found.scheme,
                "'https' is the only allowed URL scheme; desired format: https://host[/path]",
            )
        if not found.netloc:
            yield invalid(f"{path}.url", "", "host must be specified; desired format: https://host[/path]")
    elif service is not None:
        for name in ("name", "namespace"):
            if not service.get(name):
                yield required(f"{path}.service.{name}", f"service {name} is required")
        port = service.get("port", 443)
        if not 0 < port < 65536:
            detail = "must be between 1 and 65535, inclusive"
            yield invalid(f"{path}.service.port", port, f"port is not valid: {detail}")


def _review_versions(versions: Sequence[str], path: str) -> Found:
    if not versions:
        yield required(path)
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield invalid(f"{path}[{index}]", version, "duplicate version")
        elif not SERVICE_LABEL.match(version):
            yield invalid(f"{path}[{index}]", version, SERVICE_TEXT)
    if not set(versions) & set(REVIEW_VERSIONS):
        yield invalid(path, list(versions), f"must include at least one of {', '.join(REVIEW_VERSIONS)}")
