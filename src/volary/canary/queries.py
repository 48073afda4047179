"""Queries are Go templates with a few functions; this is all of Go's templates that they need.

    sum(rate(errors{app="{{ target }}"}[{{ interval }}]))     {{ variables.team }}

Source: Flagger metrics observers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from volary.canary.spec import Metric, Spec
from volary.providers.metrics.builtin import ISTIO

ACTION = re.compile(r"(\s*)\{\{(-\s)?\s*(.*?)\s*(\s-)?\}\}(\s*)", re.DOTALL)


class BadQuery(ValueError):
    """A template that cannot be rendered; the text says which function is unknown."""


def query_of(metric: Metric, spec: Spec, name: str, namespace: str) -> str:
    """Return the query to send for a metric. Raises: BadQuery."""
    words = {
        "name": name,
        "namespace": namespace,
        "target": spec.target,
        "service": spec.service.name,
        "ingress": spec.target,
        "route": spec.target,
        "interval": metric.interval_text,
    }
    text = render(metric.query or ISTIO[metric.name], words, metric.variables)
    return " ".join(text.split())


def render(template: str, words: Mapping[str, str], variables: Mapping[str, str]) -> str:
    """Return the template with its functions called. Raises: BadQuery."""

    def replaced(match: re.Match[str]) -> str:
        before, trim_left, call, trim_right, behind = match.groups()
        return ("" if trim_left else before) + value(call) + ("" if trim_right else behind)

    def value(call: str) -> str:
        if call in words:
            return words[call]
        key = call.removeprefix("variables.")
        if key != call and key in variables:
            return variables[key]
        if key != call:
            raise BadQuery(f'templateVariables has no "{key}"')
        known = ", ".join([*sorted(words), "variables.KEY"])
        raise BadQuery(f"query has {{{{ {call} }}}}; allowed in a query: {known}")

    return ACTION.sub(replaced, template)
