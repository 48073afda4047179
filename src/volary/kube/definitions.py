"""CustomResourceDefinitions made from msgspec types, and objects read back into these types.

The types are the truth: schema, defaults and the sentences about bad input all come from them.
Source: apiextensions.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from volary.kube.decoding import BadField, decode
from volary.kube.objects import NewObject, Resource
from volary.kube.schema import NotExpressible, Schema, structural_schema

__all__ = ["AGE", "BadField", "Column", "NotExpressible", "Schema", "decode", "definition", "structural_schema"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; those with a priority above 0 are shown with `-o wide` only."""

    name: str
    path: str  # JSONPath without braces: ".status.phase"
    type: str = "string"  # string | integer | number | boolean | date
    priority: int = 0
    description: str = ""

    def to_json(self) -> NewObject:
        made: NewObject = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.priority:
            made["priority"] = self.priority
        if self.description:
            made["description"] = self.description
        return made


AGE = Column("Age", ".metadata.creationTimestamp", "date")


def definition(
    resource: Resource,
    *,
    spec: type,
    status: type | None,
    columns: Sequence[Column],
    short_names: Sequence[str] = (),
    categories: Sequence[str] = (),
    required: Sequence[str] = ("spec",),
) -> NewObject:
    """Return the CRD of a kind whose spec and status are msgspec Structs, with a status subresource if it has one."""
    group, _, version = resource.api_version.partition("/")
    names: NewObject = {
        "kind": resource.kind,
        "listKind": f"{resource.kind}List",
        "plural": resource.plural,
        "singular": resource.kind.lower(),
    }
    if short_names:
        names["shortNames"] = list(short_names)
    if categories:
        names["categories"] = list(categories)
    served: NewObject = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": object_schema(spec, status, required)},
    }
    if columns:
        served["additionalPrinterColumns"] = [column.to_json() for column in columns]
    if status is not None:
        served["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{group}"},
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [served],
        },
    }


def object_schema(spec: type, status: type | None, required: Sequence[str]) -> Schema:
    """Return the schema of the whole object. A status gets no defaults: a server must not invent observations."""
    properties: Schema = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": structural_schema(spec),
    }
    if status is not None:
        properties["status"] = structural_schema(status, defaults=False)
    made: Schema = {"type": "object", "properties": properties}
    if required:
        made["required"] = list(required)
    return made
