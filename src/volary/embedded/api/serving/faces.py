"""The documents of what a server serves, made once for all servers of this process that serve the same.

A document is some hundred kB, and clients ask each cluster for several.
"""

from __future__ import annotations

from functools import cache

from volary.embedded.api.catalog import Catalog
from volary.embedded.api.serving.discovery import Discovery
from volary.embedded.api.serving.openapi import OpenApi

Faces = tuple[Discovery, OpenApi]


def faces_of(catalog: Catalog) -> Faces:
    """Return the documents of what is served now; they are made anew when a definition changes.

    Servers without custom resources have the same ones, and a clone those of its source until either changes.
    """
    if not catalog.customized:
        return builtin_faces(catalog.minor)
    if catalog.faces is None or catalog.faces[0] != catalog.revision:
        catalog.faces = (catalog.revision, made(catalog))
    found: Faces = catalog.faces[1]
    return found


@cache
def builtin_faces(minor: int) -> Faces:
    return made(Catalog(minor))


def made(catalog: Catalog) -> Faces:
    types = list(catalog.kinds())
    kinds = [it.kind for it in types]
    schemas = {
        (it.group, it.kind.version, it.kind.kind): (it.version.get("schema") or {}).get("openAPIV3Schema") or {}
        for it in types
        if it.custom
    }
    return Discovery(kinds, catalog.minor), OpenApi(kinds, schemas, catalog.minor)
