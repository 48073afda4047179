"""Which finalizer names are taken: only built-in kinds are strict."""

from __future__ import annotations

from volary.embedded.api.validation.names import metadata_errors


def test_a_finalizer_without_a_domain_is_for_custom_objects_only() -> None:
    meta = {"finalizers": ["finalizers.fluxcd.io"]}
    assert metadata_errors(meta, built_in=False) == []
    assert [error.field for error in metadata_errors(meta)] == ["metadata.finalizers[0]"]
