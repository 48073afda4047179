"""The kustomization of a folder that has none: all its manifests, as Flux generates it.

Source: Flux, `kustomize` package, generator; source-controller's default exclusions.
"""

from __future__ import annotations

import posixpath

from volary.sync.kustomize.fields import File
from volary.sync.kustomize.files import KUSTOMIZATION_FILES, Files

EXCLUDED_FOLDERS = (".git", ".github", ".circleci")
EXCLUDED_FILES = frozenset(
    {
        ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml", "codeship-services.yml",
        "codeship-steps.yml", ".goreleaser.yml", ".sops.yaml", ".flux.yaml",
    }
)  # fmt: skip


def generated_file(files: Files, folder: str) -> File:
    """Return a kustomization of all YAML files below; a folder with a kustomization of its own is one resource."""
    paths = [path for path in files.below(folder) if not excluded(path)]
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


def excluded(path: str) -> bool:
    *folders, name = path.split("/")
    return name in EXCLUDED_FILES or any(folder in EXCLUDED_FOLDERS for folder in folders)


def relative(path: str, folder: str) -> str:
    return path[len(folder) + 1 :] if folder else path
