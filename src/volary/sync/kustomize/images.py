"""Other images for the containers of a set. Source: kustomize, image tag transformer."""

from __future__ import annotations

import re
from typing import Any

from volary.kube.objects import NewObject
from volary.sync.kustomize.fields import Image

HOLDERS = ("containers", "initContainers")
REST = r"(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?"


def set_image(obj: NewObject, image: Image) -> None:
    """Rewrite every container's image of that name, wherever in the object containers are."""
    if obj["kind"] != "CustomResourceDefinition":
        walk(obj, image)


def walk(at: Any, image: Image) -> None:
    if isinstance(at, list):
        for element in at:
            walk(element, image)
    elif isinstance(at, dict):
        for name, value in at.items():
            if name in HOLDERS and isinstance(value, list):
                for container in value:
                    if isinstance(container, dict) and isinstance(container.get("image"), str):
                        container["image"] = rewritten(container["image"], image)
            walk(value, image)


def rewritten(old: str, image: Image) -> str:
    """Return the image that `image` asks for in the place of `old`; a new tag or digest replaces both old ones."""
    match = re.fullmatch(re.escape(image.name) + REST, old)
    if not match:
        return old
    tag, digest = match[1] or "", match[2] or ""
    if image.new_tag or image.digest:
        tag = f":{image.new_tag}" if image.new_tag else ""
        digest = f"@{image.digest}" if image.digest else ""
    return (image.new_name or image.name) + tag + digest
