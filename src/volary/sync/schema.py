"""The JSON of the two kinds, as types: what is accepted, and what our CRDs are made from where Flux's are missing.

Every field here is honoured. A field of Flux's that is not here is refused by name (`wire.py`), never ignored.
Source: Flux source-controller and kustomize-controller, API version v1.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Duration = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")]
Timeout = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$")]
Url = Annotated[str, Meta(pattern=r"^(http|https|ssh)://.*$")]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Long = Annotated[int, Meta(extra_json_schema={"format": "int64"})]
Affix = Annotated[str, Meta(min_length=1, max_length=200)]
Text = str | UnsetType  # UNSET rather than "": the API server must not write defaults that Flux's CRD does not write
Flag = bool | UnsetType


class Wire(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """Camel case outside, no nulls."""


class LocalReference(Wire):
    name: str


class RefSpec(Wire):
    branch: Text = UNSET
    tag: Text = UNSET
    semver: Text = UNSET
    name: Text = UNSET
    commit: Text = UNSET


class GitRepositorySpec(Wire):
    url: Url
    interval: Duration
    timeout: Timeout = "60s"
    ref: RefSpec | UnsetType = UNSET
    secret_ref: LocalReference | UnsetType = UNSET
    provider: Literal["generic", "aws", "azure", "github"] | UnsetType = UNSET
    suspend: Flag = UNSET


class ConditionStatus(Wire):
    type: Annotated[str, Meta(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Meta(min_length=1, max_length=1024)]
    message: Annotated[str, Meta(max_length=32768)]
    last_transition_time: Time
    observed_generation: Annotated[Long, Meta(ge=0)] | UnsetType = UNSET


class ArtifactStatus(Wire):
    revision: str
    digest: Annotated[str, Meta(pattern=r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$")]
    path: str
    url: str
    last_update_time: Time
    size: Long | UnsetType = UNSET
    metadata: dict[str, str] = {}


class GitRepositoryStatusWire(Wire):
    observed_generation: Long | UnsetType = UNSET
    artifact: ArtifactStatus | UnsetType = UNSET
    conditions: list[ConditionStatus] = []
    last_handled_reconcile_at: Text = UNSET


class SourceReference(Wire):
    kind: Literal["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"]
    name: str
    namespace: Text = UNSET
    api_version: Text = UNSET


class CommonMetadata(Wire):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Image(Wire):
    name: str
    new_name: Text = UNSET
    new_tag: Text = UNSET
    digest: Text = UNSET


class Selector(Wire):
    group: Text = UNSET
    version: Text = UNSET
    kind: Text = UNSET
    name: Text = UNSET
    namespace: Text = UNSET
    label_selector: Text = UNSET
    annotation_selector: Text = UNSET


class Patch(Wire):
    patch: str
    target: Selector | UnsetType = UNSET


class Dependency(Wire):
    name: str
    namespace: Text = UNSET


class HealthCheck(Wire):
    kind: str
    name: str
    api_version: Text = UNSET
    namespace: Text = UNSET


class KustomizationSpec(Wire):
    source_ref: SourceReference
    interval: Duration
    prune: bool
    path: Text = UNSET
    retry_interval: Duration | UnsetType = UNSET
    timeout: Duration | UnsetType = UNSET
    wait: Flag = UNSET
    suspend: Flag = UNSET
    force: bool = False
    target_namespace: Annotated[str, Meta(min_length=1, max_length=63)] | UnsetType = UNSET
    name_prefix: Affix | UnsetType = UNSET
    name_suffix: Affix | UnsetType = UNSET
    common_metadata: CommonMetadata | UnsetType = UNSET
    images: list[Image] = []
    patches: list[Patch] = []
    depends_on: list[Dependency] = []
    health_checks: list[HealthCheck] = []
    deletion_policy: Literal["MirrorPrune", "Delete", "WaitForTermination", "Orphan"] | UnsetType = UNSET


class InventoryEntry(Wire):
    id: str
    v: str


class InventoryStatus(Wire):
    entries: list[InventoryEntry]


class HistoryEntry(Wire):
    digest: str
    first_reconciled: Time
    last_reconciled: Time
    last_reconciled_duration: str
    last_reconciled_status: str
    total_reconciliations: Long
    metadata: dict[str, str] = {}


class KustomizationStatusWire(Wire):
    observed_generation: Long | UnsetType = UNSET
    conditions: list[ConditionStatus] = []
    inventory: InventoryStatus | UnsetType = UNSET
    last_applied_revision: Text = UNSET
    last_attempted_revision: Text = UNSET
    last_handled_reconcile_at: Text = UNSET
    history: list[HistoryEntry] = []
