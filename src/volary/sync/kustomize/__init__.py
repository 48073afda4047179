"""A subset of kustomize, in this process: the same objects as `kubectl kustomize`, or a refusal by name."""

from volary.sync.kustomize.build import build
from volary.sync.kustomize.errors import BuildError
from volary.sync.kustomize.fields import File, read_file
from volary.sync.kustomize.files import Files, Looks
from volary.sync.kustomize.generated import generated_file

__all__ = ["BuildError", "File", "Files", "Looks", "build", "generated_file", "read_file"]
