"""Labels and label selectors as one line of text.

Source: apimachinery labels.FormatLabels, metav1.FormatLabelSelector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NONE = "<none>"


def labels_text(labels: Mapping[str, str] | None) -> str:
    """Return k=v,k=v sorted by key, <none> without any."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector_text(selector: Mapping[str, Any] | None, empty: str = NONE) -> str:
    """Return a label selector (matchLabels, matchExpressions) in the syntax of a query."""
    found = {key: f"{key}={value}" for key, value in ((selector or {}).get("matchLabels") or {}).items()}
    parts = list(found.items())
    for it in (selector or {}).get("matchExpressions") or ():
        key, values = it["key"], ",".join(sorted(it.get("values") or ()))
        texts = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        parts.append((key, texts.get(it.get("operator"), "<error>")))
    return ",".join(text for _, text in sorted(parts, key=lambda part: part[0])) or empty
