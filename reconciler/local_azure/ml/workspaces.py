"""Workspaces: what Azure asks of their dependencies, the defaults it fills in, the datastores that come with one."""

from __future__ import annotations

import re
import uuid

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.ml.identities import check_identity, completed_identity
from reconciler.local_azure.ml.job_runs import JobRuns
from reconciler.local_azure.ml.kinds import (
    ARTIFACT_CONTAINER,
    ARTIFACT_STORE,
    BLOB_STORE,
    DATASTORE,
    DEPLOYMENT,
    Workspace,
    workspace,
)
from reconciler.local_azure.ml.serving import Serving
from reconciler.local_azure.ml.tracking import Tracking
from reconciler.local_azure.providers import storage
from reconciler.local_azure.providers.bodies import at, defaulted, location, refuse_change
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal, Request, Response

_DEPENDENCIES = {
    "storageAccount": "Microsoft.Storage/storageAccounts",
    "keyVault": "Microsoft.KeyVault/vaults",
    "applicationInsights": "Microsoft.Insights/components",
    "containerRegistry": "Microsoft.ContainerRegistry/registries",
    "primaryUserAssignedIdentity": "Microsoft.ManagedIdentity/userAssignedIdentities",
}


def behaviour(services: Services, serving: Serving, runs: JobRuns, tracking: Tracking) -> Behaviour:
    def remove(context: Context, body: Body) -> None:
        """With a workspace end its jobs, its containers and its MLflow."""
        runs.cancel_all(context.id)
        for one in services.store.children(context.id, DEPLOYMENT):
            serving.stop(ResourceId(one["id"]))
        tracking.forget(workspace(body))

    return Behaviour(
        check=lambda context, body: _check(services.store, context, body),
        complete=_complete,
        stored=lambda context, body: _make_datastores(services, context, workspace(body)),
        remove=remove,
        actions={"listkeys": _list_keys},
    )


def _check(store: Store, context: Context, body: Body) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{2,32}", context.id.name):
        message = f"Workspace name '{context.id.name}' is invalid: 3 to 33 letters, digits, '-' or '_', the first a letter or digit."
        raise AzureRefusal(400, "ValidationError", message)
    properties = body.get("properties") or {}
    for name in ("storageAccount", "keyVault"):
        if not properties.get(name):
            raise AzureRefusal(400, "ValidationError", f"Missing dependent resources in workspace json: {name}")
    for name, kind in _DEPENDENCIES.items():
        _check_dependency(store, name, kind, properties.get(name))
    if at(store.get(ResourceId(properties["storageAccount"])), "properties.isHnsEnabled"):
        message = (
            f"Storage account {properties['storageAccount']} with hierarchical namespace enabled is not supported "
            "as the workspace's default storage account."
        )
        raise AzureRefusal(400, "BadRequest", message)
    for name in ("storageAccount", "keyVault"):
        _refuse_other_dependency(context, body, name)
    check_identity(store, body)
    _check_primary_identity(body)


def _check_dependency(store: Store, name: str, kind: str, text: str | None) -> None:
    if not text:
        return
    named = ResourceId(text)
    if named.type.lower() != kind.lower() or store.get(named) is None:
        raise AzureRefusal(400, "ValidationError", f"The resource '{text}' given as {name} is no {kind} that exists.")


def _refuse_other_dependency(context: Context, body: Body, name: str) -> None:
    """Ids are compared as ARM does, whatever their casing."""
    before, after = (ResourceId(at(one, f"properties.{name}") or "").key for one in (context.before, body))
    refuse_change({name: before} if context.before else None, {name: after}, name, "ValidationError")


def _check_primary_identity(body: Body) -> None:
    primary = at(body, "properties.primaryUserAssignedIdentity")
    assigned = {text.lower() for text in at(body, "identity.userAssignedIdentities") or {}}
    if primary and primary.lower() not in assigned:
        message = "The primary user assigned identity must be one of the workspace's user assigned identities."
        raise AzureRefusal(400, "ValidationError", message)


def _complete(context: Context, body: Body) -> Body:
    place = location(body["location"])
    guid = at(context.before, "properties.workspaceId") or str(uuid.uuid4())
    fqdn = f"ml-{context.id.name[:15]}-{place}-{guid}.{place}.notebooks.azure.net"
    defaults = {
        "friendlyName": context.id.name,
        "description": "",
        "hbiWorkspace": False,
        "tenantId": context.caller.tenant_id,
        "managedNetwork": {"isolationMode": "Disabled"},
        "v1LegacyMode": False,
        "notebookInfo": {"resourceId": uuid.UUID(guid).hex, "fqdn": fqdn, "isPrivateLinkEnabled": False},
        "storageHnsEnabled": False,
        "workspaceId": guid,
        "privateLinkCount": 0,
        "publicNetworkAccess": "Enabled",
        "discoveryUrl": f"https://{place}.api.azureml.ms/discovery",
        "mlFlowTrackingUri": f"azureml://{place}.api.azureml.ms/mlflow/v1.0{context.id}",
        "enableDataIsolation": False,
    }
    envelope = {
        "location": place,
        "sku": {"name": "Basic", "tier": "Basic"},
        "kind": body.get("kind") or "Default",
        "tags": body.get("tags") or {},
    }
    return completed_identity(context, {**body, **envelope, "properties": defaulted(body["properties"], defaults)})


def _make_datastores(services: Services, context: Context, made: Workspace) -> None:
    """Every workspace has a datastore for data and one for the artifacts of runs, each on a container of its account."""
    body = context.store.get(made.id) or {}
    by_identity = str(at(body, "properties.systemDatastoresAuthMode") or "").lower() == "identity"
    account = ResourceId(str(at(body, "properties.storageAccount")))
    for name, container in ((BLOB_STORE, made.blob_container), (ARTIFACT_STORE, ARTIFACT_CONTAINER)):
        _make_container(services, context, account, container)
        resource = made.child(f"datastores/{name}")
        properties = {
            "description": None,
            "tags": {},
            "properties": None,
            "isDefault": name == BLOB_STORE,
            "credentials": {"credentialsType": "None" if by_identity else "AccountKey"},
            "datastoreType": "AzureBlob",
            "accountName": made.account,
            "containerName": container,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "subscriptionId": account.subscription,
            "resourceGroup": account.resource_group,
            "serviceDataAccessAuthIdentity": "None",
        }
        envelope = {"id": str(resource), "name": name, "type": DATASTORE, "systemData": body.get("systemData")}
        context.store.put(resource, {**envelope, "properties": properties})


def _make_container(services: Services, context: Context, account: ResourceId, name: str) -> None:
    resource = ResourceId(f"{account}/blobServices/default/containers/{name}")
    if context.store.get(resource) is not None:
        return
    inside = Context(context.store, resource, "", context.caller, None, context.state_dir)
    body = {"id": str(resource), "name": name, "type": storage.CONTAINER, "properties": {}}
    context.store.put(resource, storage.behaviours(services)[storage.CONTAINER].complete(inside, body))


def _list_keys(context: Context, _request: Request) -> Response:
    """Ids only: no data plane here accepts an account key."""
    return Response.json(200, {"userStorageResourceId": at(context.before, "properties.storageAccount")})
