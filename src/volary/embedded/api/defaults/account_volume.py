"""The volume with its account's token that a new pod gets, where the account is there and does not object.

Source: Kubernetes, plugin/pkg/admission/serviceaccount.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from volary.embedded.api.core import NAME_LETTERS
from volary.embedded.api.errors import forbidden
from volary.embedded.api.store import Store
from volary.embedded.api.text import forms

Object = dict[str, Any]

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
# Shared by all pods, like everything that is stored: nobody may change it.
SOURCE: Object = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ],
    "defaultMode": 420,
}


def mount_account(store: Store, pod: Object) -> None:
    """Give a new pod its account's token and the server's authority, as files. Raises: Problem."""
    spec, meta = pod["spec"], pod["metadata"]
    account = spec["serviceAccountName"]
    if told := forms.path_segment(account):
        place = f"{meta.get('namespace', '')}/{account}"
        why = f'error looking up service account {place}: invalid resource name "{account}": [{", ".join(told)}]'
        raise forbidden("", "pods", meta["name"], why)
    entry = store.get("/serviceaccounts", meta.get("namespace", ""), account)
    if entry is None or not _wanted(spec, entry.obj):
        return
    name = f"kube-api-access-{_suffix(meta['uid'])}"
    mounted = False
    for it in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        mounts = it.get("volumeMounts") or []
        if not any(mount.get("mountPath") == FOLDER for mount in mounts):
            it["volumeMounts"] = [*mounts, {"name": name, "readOnly": True, "mountPath": FOLDER}]
            mounted = True
    if mounted:
        spec["volumes"] = [*(spec.get("volumes") or ()), {"name": name, "projected": SOURCE}]


def _wanted(spec: Object, account: Object) -> bool:
    """The pod's own word counts first, then the account's."""
    for it in (spec, account):
        if it.get("automountServiceAccountToken") is not None:
            return bool(it["automountServiceAccountToken"])
    return True


def _suffix(uid: str) -> str:
    """Return five letters for a pod; from its uid, so that chance goes on as it would without."""
    return "".join(NAME_LETTERS[it % len(NAME_LETTERS)] for it in sha256(uid.encode()).digest()[:5])
