"""Paths and modes of files in volumes.

Source: Kubernetes, pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, invalid, required

MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def no_steps_back(path: str, value: str) -> list[FieldError]:
    return [invalid(path, value, "must not contain '..'")] if ".." in value.split("/") else []


def descending(path: str, value: str, reserved: bool = False) -> list[FieldError]:
    """Return why a path may leave its folder; `reserved`: it may not look as if it did, either."""
    errors = [invalid(path, value, "must be a relative path")] if value.startswith("/") else []
    errors += no_steps_back(path, value)
    if reserved and value.startswith("..") and not value.startswith("../"):
        errors.append(invalid(path, value, "must not start with '..'"))
    return errors


def file_mode(path: str, value: int | None) -> list[FieldError]:
    return [] if value is None or 0 <= value <= 0o777 else [invalid(path, value, MODE)]


def key_to_path(it: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = [required(f"{path}.{field}") for field in ("key", "path") if not it.get(field)]
    errors += descending(f"{path}.path", it.get("path") or "", reserved=True)
    return errors + file_mode(f"{path}.mode", it.get("mode"))
