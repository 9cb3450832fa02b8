"""Models, runtime images, data, code and components: versions that never change once made, in containers that make themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.ml import places
from reconciler.local_azure.ml.kinds import WORKSPACE, Workspace, workspace_id, workspace_of
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal, Request, Response

_FIXED: Mapping[str, tuple[str, ...]] = {
    "models": ("modelUri", "modelType"),
    "data": ("dataUri", "dataType"),
    "environments": ("image", "build", "condaFile", "inferenceConfig", "osType"),
    "codes": ("codeUri",),
    "components": ("componentSpec",),
}
_DEFAULTS: Mapping[str, Body] = {
    "models": {"flavors": {}, "modelType": "custom_model", "jobName": None, "stage": None},
    "data": {},
    "environments": {
        "environmentType": "UserCreated",
        "osType": "Linux",
        "condaFile": None,
        "image": None,
        "stage": None,
    },
    "codes": {},
    "components": {},
}
_WORDS = {"models": "model", "data": "data", "environments": "environment", "codes": "code", "components": "component"}
_ADDRESSES = ("modelUri", "dataUri")


def behaviours(services: Services) -> dict[str, Behaviour]:
    found: dict[str, Behaviour] = {}
    for kind in _FIXED:
        found[f"{WORKSPACE}/{kind}"] = Behaviour(complete=_complete_container, listed=_listed)
        found[f"{WORKSPACE}/{kind}/versions"] = _version(services, kind)
    return found


def _version(services: Services, kind: str) -> Behaviour:
    actions = {"startpendingupload": lambda context, request: _start_upload(services, context, request)}
    uploads = kind in ("codes", "models", "data")
    return Behaviour(
        check=lambda context, body: _check(context, body, kind),
        complete=lambda context, body: _complete(context, body, kind),
        stored=_make_container,
        listed=_listed,
        makes_parent=True,
        collected=(lambda scope, query: _collected_code(services.store, scope, query)) if kind == "codes" else None,
        actions=actions if uploads else {},
        acts_unmade=frozenset(actions if uploads else ()),
    )


def _check(context: Context, body: Body, kind: str) -> None:
    properties = body["properties"]
    workspace = workspace_of(context.store, context.id)
    for field in (*_ADDRESSES, "codeUri"):
        if properties.get(field) and not str(properties[field]).startswith("azureml://registries/"):
            places.find(context.store, workspace, str(properties[field]))
    if kind == "environments" and not (properties.get("image") or properties.get("build")):
        raise AzureRefusal(400, "UserError", "An environment needs an image or a build context.")
    if context.before is None:
        return
    wanted = _completed_properties(context, body, kind)
    for field in _FIXED[kind]:
        before = at(context.before, f"properties.{field}")
        if wanted.get(field) is not None and not _same(before, wanted[field]):
            raise _immutable(context.id, kind, field)


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, str) and isinstance(after, str):
        return before.rstrip("/") == after.rstrip("/")
    return bool(before == after)


def _immutable(version: ResourceId, kind: str, field: str) -> AzureRefusal:
    word = _WORDS[kind]
    message = (
        f"A {word} version with this name and version already exists: {version.names[-2]}:{version.name}. If you are trying to create "
        f"a new {word} version, use a different name or version. If you are trying to update an existing {word} version, the existing "
        f"asset's {field} cannot be changed. Only tags, description, and isArchived can be updated."
    )
    return AzureRefusal(400, "UserError", message)


def _complete(context: Context, body: Body, kind: str) -> Body:
    return {**body, "properties": _completed_properties(context, body, kind)}


def _completed_properties(context: Context, body: Body, kind: str) -> Body:
    shared: Body = {"description": None, "tags": {}, "properties": {}, "isArchived": False, "isAnonymous": False}
    given = {key: value for key, value in body["properties"].items() if value is not None}
    properties = {**shared, **_DEFAULTS[kind], **given, "isAnonymous": False}
    for field in ("tags", "properties"):
        properties[field] = {key: str(value) for key, value in properties[field].items() if value is not None}
    workspace = workspace_of(context.store, context.id)
    for field in _ADDRESSES:
        if properties.get(field):
            properties[field] = places.expanded(workspace, str(properties[field]))
    if properties.get("condaFile"):
        properties["condaFile"] = _conda_as_json(str(properties["condaFile"]))
    if kind == "environments" and properties.get("build"):
        properties["build"] = {"dockerfilePath": "Dockerfile", **properties["build"]}
    return properties


def _conda_as_json(text: str) -> str:
    """Azure keeps a conda file as indented JSON, whatever it was sent as."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return json.dumps(YAML(typ="safe", pure=True).load(text), indent=2)
    except YAMLError as error:
        raise AzureRefusal(400, "UserError", f"The conda file is not valid YAML: {error}") from error


def _make_container(context: Context, body: Body) -> None:
    """The container of a version is made with the first and knows the latest."""
    parent = context.id.parent
    if parent is None:
        return
    with context.store.transaction():
        container = context.store.get(parent) or {
            "id": str(parent),
            "name": parent.name,
            "type": parent.type,
            "systemData": body.get("systemData"),
            "properties": {"description": None, "tags": {}, "properties": {}, "isArchived": False},
        }
        container["properties"] |= {"provisioningState": "Succeeded", **_versions(context.store, parent)}
        context.store.put(parent, container)


def _complete_container(context: Context, body: Body) -> Body:
    shared: Body = {"description": None, "tags": {}, "properties": {}, "isArchived": False}
    given = {key: value for key, value in (body.get("properties") or {}).items() if value is not None}
    return {**body, "properties": {**shared, **given, **_versions(context.store, context.id)}}


def register_output(job: Context, workspace: Workspace, output: Body, address: str) -> None:
    """An output of a job that asked to become a version of an asset: a model, or data."""
    kind = "models" if str(output.get("jobOutputType")).endswith("_model") else "data"
    container = workspace.child(f"{kind}/{output['assetName']}")
    version = output.get("assetVersion") or _versions(job.store, container)["nextVersion"]
    resource = ResourceId(f"{container}/versions/{version}")
    context = replace(job, id=resource, before=None)
    address_field, type_field = ("modelUri", "modelType") if kind == "models" else ("dataUri", "dataType")
    properties = {address_field: address, type_field: output.get("jobOutputType"), "provisioningState": "Succeeded"}
    envelope = {"id": str(resource), "name": str(version), "type": f"{WORKSPACE}/{kind}/versions"}
    made = _complete(
        context, {**envelope, "systemData": (job.before or {}).get("systemData"), "properties": properties}, kind
    )
    job.store.put(resource, made)
    _make_container(context, made)


def _versions(store: Store, container: ResourceId) -> Body:
    names = [one["name"] for one in store.children(container, f"{container.type}/versions")]
    numbers = [int(name) for name in names if name.isdigit()]
    return {"latestVersion": names[-1] if names else None, "nextVersion": str(max(numbers, default=0) + 1)}


def _listed(bodies: list[Body], query: Mapping[str, str]) -> list[Body]:
    """`listViewType` shows or hides what was archived, `$orderBy` sorts by creation."""
    view = str(query.get("listViewType") or "ActiveOnly")
    if view != "All":
        archived = view == "ArchivedOnly"
        bodies = [one for one in bodies if bool(at(one, "properties.isArchived")) == archived]
    if "desc" in str(query.get("$orderBy", "")).lower():
        bodies = list(reversed(bodies))
    return bodies


def _collected_code(store: Store, scope: ResourceId, query: Mapping[str, str]) -> list[Body]:
    """With a `hash`, any code of the workspace that has this content, whatever name was asked for."""
    if "hash" not in query:
        return store.children(scope, f"{WORKSPACE}/codes/versions")
    found = store.children(workspace_id(scope), f"{WORKSPACE}/codes/versions")
    return [one for one in found if at(one, "properties.properties.hash_sha256") == query["hash"]]


def _start_upload(services: Services, context: Context, _request: Request) -> Response:
    """Where the content of an asset may be put, and a signature that lets it."""
    workspace = workspace_of(context.store, context.id)
    container = workspace.blob_container
    folder = f"https://{workspace.account}.blob.core.windows.net/{container}"
    uri = f"{folder}?{services.blobs.sas(workspace.account, container)}"
    shown = {
        "pendingUploadId": "",
        "pendingUploadType": "TemporaryBlobReference",
        "blobReferenceForConsumption": {
            "blobUri": folder,
            "storageAccountArmId": str(at(context.store.get(workspace.id), "properties.storageAccount")),
            "credential": {"credentialType": "SAS", "sasUri": uri},
        },
    }
    return Response.json(200, shown)
