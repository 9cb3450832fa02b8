"""Datastores: names for containers. Secrets are asked for one at a time and never shown."""

from __future__ import annotations

from typing import Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.ml.kinds import ARTIFACT_STORE, BLOB_STORE
from reconciler.local_azure.providers.bodies import at, defaulted
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import AzureRefusal, Request, Response

_ACCOUNT = "Microsoft.Storage/storageAccounts"


def behaviour(services: Services) -> Behaviour:
    return Behaviour(
        check=lambda context, body: _check(services, context, body),
        complete=_complete,
        removable=_refuse_built_in,
        listed=_listed,
        actions={"listsecrets": lambda context, request: _list_secrets(services, context, request)},
    )


def _account(services: Services, name: str) -> Body | None:
    return next((one for one in services.store.of_type(_ACCOUNT) if one["name"].lower() == name.lower()), None)


def _check(services: Services, context: Context, body: Body) -> None:
    properties = body["properties"]
    kind = str(properties.get("datastoreType"))
    container = properties.get("containerName") or properties.get("filesystem")
    if kind not in ("AzureBlob", "AzureDataLakeGen2"):
        raise AzureRefusal(400, "UserError", f"The embedded Azure keeps no datastores of type {kind}.")
    if not properties.get("accountName") or not container:
        raise AzureRefusal(400, "UserError", "A datastore needs the names of its account and its container.")
    account = _account(services, str(properties["accountName"]))
    if account is None:
        raise AzureRefusal(400, "UserError", f"The storage account '{properties['accountName']}' could not be found.")
    if context.store.get(ResourceId(f"{account['id']}/blobServices/default/containers/{container}")) is None:
        message = f"The container '{container}' could not be found in the storage account '{account['name']}'."
        raise AzureRefusal(400, "UserError", message)


def _complete(context: Context, body: Body) -> Body:
    properties = body["properties"]
    credentials = {key: value for key, value in properties["credentials"].items() if key != "secrets"}
    defaults = {
        "tags": {},
        "isDefault": bool(at(context.before, "properties.isDefault")),
        "endpoint": "core.windows.net",
        "protocol": "https",
        "serviceDataAccessAuthIdentity": "None",
        "subscriptionId": context.id.subscription,
        "resourceGroup": context.id.resource_group,
    }
    nothing = {"description": None, "properties": None}
    return {**body, "properties": {**nothing, **defaulted({**properties, "credentials": credentials}, defaults)}}


def _refuse_built_in(context: Context, _body: Body) -> None:
    if context.id.name.lower() in (BLOB_STORE, ARTIFACT_STORE):
        raise AzureRefusal(400, "UserError", f"The built-in datastore '{context.id.name}' cannot be deleted.")


def _listed(bodies: list[Body], query: Any) -> list[Body]:
    """`isDefault=true` asks for the default one; `names` for some."""
    wanted = {name.lower() for name in str(query.get("names", "")).split(",") if name}
    found = [body for body in bodies if not wanted or body["name"].lower() in wanted]
    if str(query.get("isDefault", "")).lower() == "true":
        found = [body for body in found if at(body, "properties.isDefault")]
    return found


def _list_secrets(services: Services, context: Context, _request: Request) -> Response:
    """A shared access signature; an identity-based datastore has nothing to give."""
    properties = (context.before or {})["properties"]
    if properties["credentials"]["credentialsType"] == "None":
        raise AzureRefusal(400, "UserError", f"No secrets for credentials of type None: '{context.id.name}'.")
    account = str(properties["accountName"])
    if at(_account(services, account), "properties.allowSharedKeyAccess") is False:
        message = "Key based authentication is not permitted on this storage account."
        raise AzureRefusal(403, "KeyBasedAuthenticationNotPermitted", message)
    container = str(properties.get("containerName") or properties.get("filesystem"))
    return Response.json(200, {"secretsType": "Sas", "sasToken": services.blobs.sas(account, container)})
