"""Prints objects as `kubectl kustomize` does, so that outputs can be compared byte for byte."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from volary.kube.objects import Object
from volary.sync.yaml import PLAIN, date, number

BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")


class Dumper(yaml.CSafeDumper):
    """go-yaml's choices of style."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def text(dumper: Dumper, value: str) -> yaml.ScalarNode:
    if "\n" in value:
        style = "|"
    elif value in PLAIN.words or number(value) is not value or date(value) is not value or BASE_60.fullmatch(value):
        style = '"'
    else:
        style = None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def floating(dumper: Dumper, value: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", re.sub(r"\.0(?=e|$)", "", repr(value)))


TIMESTAMP = "tag:yaml.org,2002:timestamp"
NUMBER = re.compile(r"^-?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?$")
Dumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in Dumper.yaml_implicit_resolvers.items()
}
Dumper.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, list("-+.0123456789"))
Dumper.add_representer(str, text)
Dumper.add_representer(float, floating)


def printed(objects: Sequence[Object]) -> str:
    """Return the documents, with `---` between them."""
    return "---\n".join(yaml.dump(obj, Dumper=Dumper, default_flow_style=False, allow_unicode=True) for obj in objects)
