"""Rules of a pod's volumes.

Source: Kubernetes, pkg/apis/core/validation, validateVolumeSource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.validation.claims import claim_template
from volary.embedded.api.validation.common import one_of
from volary.embedded.api.validation.fields import resource_field, selected_field
from volary.embedded.api.validation.paths import descending, file_mode, key_to_path, no_steps_back
from volary.embedded.api.validation.projected import projected

Object = Mapping[str, Any]
Check = Callable[[Object, str], list[FieldError]]

HOST_PATHS = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
VOLUME_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")


def volumes(items: Sequence[Object], path: str, pod_name: str, errors: list[FieldError]) -> dict[str, Object]:
    """Add what is wrong with volumes; return those that are fine, by name."""
    found: dict[str, Object] = {}
    ephemeral = {f"{pod_name}-{it.get('name')}" for it in items if pod_name and it.get("ephemeral") is not None}
    for index, it in enumerate(items):
        where, name = f"{path}[{index}]", str(it.get("name") or "")
        wrong = source(it, where, pod_name)
        wrong += forms.needed(f"{where}.name", name, forms.label)
        if name in found:
            wrong.append(duplicate(f"{where}.name", name))
        errors += wrong
        if not wrong:
            found[name] = it
        claim = (it.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in ephemeral:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(f"{where}.persistentVolumeClaim.claimName", claim, text))
    return found


def source(volume: Object, path: str, pod_name: str) -> list[FieldError]:
    """Return what is wrong with where a volume comes from."""
    errors: list[FieldError] = []
    present = [it for it in SOURCES if volume.get(it) is not None]
    if not present:
        return [required(path, "must specify a volume type")]
    for index, kind in enumerate(present):
        if index and kind != "emptyDir":
            shown = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}.get(kind, kind)  # as the server spells them
            errors.append(forbidden_field(f"{path}.{shown}", "may not specify more than 1 volume type"))
            continue
        shown = "persistentDisk" if kind == "gcePersistentDisk" else kind
        errors += SOURCES[kind](volume[kind], f"{path}.{shown}")
        if kind == "ephemeral" and pod_name and volume.get("name"):
            claim = f"{pod_name}-{volume['name']}"
            texts = forms.subdomain(claim)
            errors += [invalid(f"{path}.name", volume["name"], f'PVC name "{claim}": {it}') for it in texts]
    return errors


def needs(*fields: str) -> Check:
    """Return a check that these fields are there."""

    def check(it: Object, path: str) -> list[FieldError]:
        return [required(f"{path}.{field}") for field in fields if not it.get(field)]

    return check


def empty_dir(it: Object, path: str) -> list[FieldError]:
    if str(it.get("sizeLimit") or "").startswith("-"):
        return [forbidden_field(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]
    return []


def host_path(it: Object, path: str) -> list[FieldError]:
    if not it.get("path"):
        return [required(f"{path}.path")]
    return no_steps_back(f"{path}.path", it["path"]) + one_of(f"{path}.type", it.get("type") or "", HOST_PATHS)


def git_repo(it: Object, path: str) -> list[FieldError]:
    return needs("repository")(it, path) + descending(f"{path}.directory", it.get("directory") or "")


def disk(field: str) -> Check:
    def check(it: Object, path: str) -> list[FieldError]:
        errors = needs(field)(it, path)
        if not 0 <= (it.get("partition") or 0) <= 255:
            errors.append(invalid(f"{path}.partition", it["partition"], "must be between 1 and 255, inclusive"))
        return errors

    return check


def keyed(name: str) -> Check:
    """Return the check of a ConfigMap's or a Secret's volume."""

    def check(it: Object, path: str) -> list[FieldError]:
        errors = needs(name)(it, path) + file_mode(f"{path}.defaultMode", it.get("defaultMode"))
        for index, item in enumerate(it.get("items") or ()):
            errors += key_to_path(item, f"{path}.items[{index}]")
        return errors

    return check


def nfs(it: Object, path: str) -> list[FieldError]:
    errors = needs("server", "path")(it, path)
    if not (it.get("path") or "").startswith("/"):
        errors.append(invalid(f"{path}.path", it.get("path") or "", "must be an absolute path"))
    return errors


def iscsi(it: Object, path: str) -> list[FieldError]:
    errors = needs("targetPortal", "iqn")(it, path)
    name = it.get("iqn") or ""
    if name and not name.startswith(("iqn", "eui", "naa")):
        errors.append(invalid(f"{path}.iqn", name, "must be valid format starting with iqn, eui, or naa"))
    elif name and not _initiator(name):
        errors.append(invalid(f"{path}.iqn", name, "must be valid format"))
    if not 0 <= (it.get("lun") or 0) <= 255:
        errors.append(invalid(f"{path}.lun", it["lun"], "must be between 0 and 255, inclusive"))
    if (it.get("chapAuthDiscovery") or it.get("chapAuthSession")) and it.get("secretRef") is None:
        errors.append(required(f"{path}.secretRef"))
    return errors


def _initiator(name: str) -> bool:
    if name.startswith("iqn"):
        return forms.matched(r".*iqn\.\d{4}-\d{2}\.([A-Za-z0-9-.]+)(:[^,;*&$|\s]+)", name)
    return forms.matched(r"(eui.[A-Za-z0-9]{16}|naa.[A-Za-z0-9]{32})", name)


def flocker(it: Object, path: str) -> list[FieldError]:
    name, uid = it.get("datasetName"), it.get("datasetUUID")
    errors = [] if name or uid else [required(path, "one of datasetName and datasetUUID is required")]
    if name and uid:
        text = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(invalid(path, "resource", text))
    if "/" in (name or ""):
        errors.append(invalid(f"{path}.datasetName", name, "must not contain '/'"))
    return errors


def quobyte(it: Object, path: str) -> list[FieldError]:
    text, errors = "must be a host:port pair or multiple pairs separated by commas", []
    registry = it.get("registry") or ""
    if not registry:
        errors.append(required(f"{path}.registry", text))
    elif len(it.get("tenant") or "") >= 65:
        errors.append(required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters"))
    else:
        bad = [pair for pair in registry.split(",") if pair.count(":") != 1]
        errors += [invalid(f"{path}.registry", registry, text) for _ in bad]
    return errors + needs("volume")(it, path)


def cinder(it: Object, path: str) -> list[FieldError]:
    errors = needs("volumeID")(it, path)
    return errors + _named_secret(it, path)


def _named_secret(it: Object, path: str) -> list[FieldError]:
    reference = it.get("secretRef")
    return [required(f"{path}.secretRef.name")] if reference is not None and not reference.get("name") else []


def fibre_channel(it: Object, path: str) -> list[FieldError]:
    names, ids, lun = it.get("targetWWNs"), it.get("wwids"), it.get("lun")
    errors = []
    if not names and not ids:
        errors.append(required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both"))
    if names and ids:
        text = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid(f"{path}.targetWWNs", names, text))
    if names and lun is None:
        errors.append(required(f"{path}.lun", "lun is required if targetWWNs is specified"))
    elif names and not 0 <= (lun or 0) <= 255:
        errors.append(invalid(f"{path}.lun", lun, "must be between 0 and 255, inclusive"))
    return errors


def flex(it: Object, path: str) -> list[FieldError]:
    errors = needs("driver")(it, path)
    for key in it.get("options") or ():
        domain = "." + key.partition("/")[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            text = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(f"{path}.options[{key}]", key, text))
    return errors


def azure_disk(it: Object, path: str) -> list[FieldError]:
    errors = needs("diskName", "diskURI")(it, path)
    for field, words in (
        ("cachingMode", ("None", "ReadOnly", "ReadWrite")),
        ("kind", ("Dedicated", "Managed", "Shared")),
    ):
        if it.get(field) is not None:
            errors += one_of(f"{path}.{field}", it[field], words, needed=False)
    address = it.get("diskURI") or ""
    managed = it.get("kind") == "Managed"
    if managed and not address.startswith("/subscriptions/"):
        form = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
        errors.append(unsupported(f"{path}.diskURI", address, (form,)))
    if it.get("kind") is not None and not managed and not address.startswith("https://"):
        form = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
        errors.append(unsupported(f"{path}.diskURI", address, (form,)))
    return errors


def storage_os(it: Object, path: str) -> list[FieldError]:
    errors = forms.needed(f"{path}.volumeName", it.get("volumeName") or "", forms.label)
    if it.get("volumeNamespace"):
        errors += forms.wrong(f"{path}.volumeNamespace", it["volumeNamespace"], forms.label)
    return errors + _named_secret(it, path)


def csi(it: Object, path: str) -> list[FieldError]:
    driver, reference = it.get("driver") or "", it.get("nodePublishSecretRef")
    errors = [] if driver else [required(f"{path}.driver")]
    if len(driver) > 63:
        errors.append(FieldError("FieldValueTooLong", f"{path}.driver", "may not be more than 63 bytes"))
    if driver:
        errors += [invalid(f"{path}.driver", driver, text) for text in forms.subdomain(driver.lower())]
    if reference is not None and not reference.get("name"):
        errors.append(required(f"{path}.nodePublishSecretRef.name"))
    elif reference is not None:
        errors += forms.wrong(f"{path}.name", reference["name"], forms.subdomain)
    return errors


def downward(it: Object, path: str) -> list[FieldError]:
    errors = file_mode(f"{path}.defaultMode", it.get("defaultMode"))
    for item in it.get("items") or ():
        errors += downward_file(item, path)
    return errors


def downward_file(it: Object, path: str) -> list[FieldError]:
    """Return what is wrong with one file of the downward API; the server names the volume, not the file."""
    errors = [] if it.get("path") else [required(f"{path}.path")]
    errors += descending(f"{path}.path", it.get("path") or "", reserved=True)
    if it.get("fieldRef") is not None:
        errors += selected_field(it["fieldRef"], VOLUME_FIELDS, f"{path}.fieldRef")
        if it.get("resourceFieldRef") is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", text))
    elif it.get("resourceFieldRef") is not None:
        errors += resource_field(it["resourceFieldRef"], f"{path}.resourceFieldRef", of_volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + file_mode(f"{path}.mode", it.get("mode"))


def ephemeral(it: Object, path: str) -> list[FieldError]:
    if it.get("volumeClaimTemplate") is None:
        return [required(f"{path}.volumeClaimTemplate")]
    return claim_template(it["volumeClaimTemplate"], f"{path}.volumeClaimTemplate")


def image(it: Object, path: str) -> list[FieldError]:
    errors = [] if it.get("reference") else [required(f"{path}.reference")]
    return errors + one_of(f"{path}.pullPolicy", it.get("pullPolicy"), ("Always", "IfNotPresent", "Never"))


# In the order in which the server looks for them.
SOURCES: Mapping[str, Check] = {
    "emptyDir": empty_dir,
    "hostPath": host_path,
    "gitRepo": git_repo,
    "gcePersistentDisk": disk("pdName"),
    "awsElasticBlockStore": disk("volumeID"),
    "secret": keyed("secretName"),
    "nfs": nfs,
    "iscsi": iscsi,
    "glusterfs": needs("endpoints", "path"),
    "flocker": flocker,
    "persistentVolumeClaim": needs("claimName"),
    "rbd": needs("monitors", "image"),
    "cinder": cinder,
    "cephfs": needs("monitors"),
    "quobyte": quobyte,
    "downwardAPI": downward,
    "fc": fibre_channel,
    "flexVolume": flex,
    "configMap": keyed("name"),
    "azureFile": needs("secretName", "shareName"),
    "vsphereVolume": needs("volumePath"),
    "photonPersistentDisk": needs("pdID"),
    "portworxVolume": needs("volumeID"),
    "azureDisk": azure_disk,
    "storageos": storage_os,
    "projected": lambda it, path: projected(it, path, downward_file),
    "scaleIO": needs("gateway", "system", "volumeName"),
    "csi": csi,
    "ephemeral": ephemeral,
    "image": image,
}
