from __future__ import annotations

import os
from importlib import metadata

import pytest

from tests.unit.embedded.mesh.running import needs_envoy
from volary.embedded.mesh import binary


@needs_envoy
def test_the_program_is_found_by_the_list_of_installed_files() -> None:
    assert os.access(binary.find_envoy(), os.X_OK)


def test_a_machine_without_a_wheel_is_told_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(binary.NoEnvoy, match=r"no Envoy for this machine .* glibc 2\.31 .* macOS 15"):
        binary.find_envoy()
