"""The kustomization of a folder that has none: all its manifests, as Flux generates it.

Source: Flux, `kustomize` package, generator.
"""

from __future__ import annotations

import posixpath

from volary.sync.kustomize.fields import File
from volary.sync.kustomize.files import KUSTOMIZATION_FILES, Files


def generated_file(files: Files, folder: str) -> File:
    """Return a kustomization of all YAML files below; a folder with a kustomization of its own is one resource."""
    paths = files.below(folder)
    own = sorted({posixpath.dirname(path) for path in paths if posixpath.basename(path) in KUSTOMIZATION_FILES})
    resources: list[str] = []
    for path in paths:
        inside = next((root for root in own if path.startswith(f"{root}/")), None)
        if inside is not None:
            if relative(inside, folder) not in resources:
                resources.append(relative(inside, folder))
        elif path.endswith((".yaml", ".yml")):
            resources.append(relative(path, folder))
    return File(resources=resources)


def relative(path: str, folder: str) -> str:
    return path[len(folder) + 1 :] if folder else path
