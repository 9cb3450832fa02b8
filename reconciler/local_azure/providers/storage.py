"""Storage accounts, their blob service, containers and lifecycle rules; the lease that the project's lock relies on.

Defaults as recorded live (api-versions 2022-09-01 to 2025-08-01).
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.providers.bodies import at, defaulted, location, now, refuse_change
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import AzureRefusal, Request, Response

ACCOUNT = "Microsoft.Storage/storageAccounts"
SERVICE = f"{ACCOUNT}/blobServices"
CONTAINER = f"{SERVICE}/containers"
POLICY = f"{ACCOUNT}/managementPolicies"
_ENDPOINTS = ("dfs", "web", "blob", "queue", "table", "file")


def behaviours(services: Services) -> dict[str, Behaviour]:
    return {
        ACCOUNT: Behaviour(
            check=lambda context, body: _check_account(services, context, body),
            complete=_complete_account,
            stored=_make_service,
            actions={"listkeys": _list_keys},
        ),
        SERVICE: Behaviour(check=_check_service, complete=_complete_service),
        CONTAINER: Behaviour(
            check=_check_container,
            complete=_complete_container,
            actions={"lease": _lease},
            removable=_refuse_leased,
        ),
        POLICY: Behaviour(check=_check_policy, complete=_complete_policy),
    }


def _check_account(services: Services, context: Context, body: Body) -> None:
    name = context.id.name
    if not re.fullmatch(r"[a-z0-9]{3,24}", name):
        message = f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only."
        raise AzureRefusal(400, "AccountNameInvalid", message)
    taken = [
        one for one in services.store.of_type(ACCOUNT) if one["name"] == name and ResourceId(one["id"]) != context.id
    ]
    if taken:
        raise AzureRefusal(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
    if context.before:
        refuse_change(
            {"location": location(context.before["location"])},
            {"location": location(body["location"])},
            "location",
            "InvalidResourceLocation",
        )
    refuse_change(context.before, body, "kind", "AccountPropertyCannotBeUpdated")
    for name in ("isHnsEnabled", "isNfsV3Enabled"):
        path = f"properties.{name}"
        # An account that was made without it has it off, though it does not say so.
        before = context.before and {"properties": {name: bool(at(context.before, path))}}
        refuse_change(before, body, path, "AccountPropertyCannotBeUpdated")


def _complete_account(context: Context, body: Body) -> Body:
    name, place = context.id.name, location(body["location"])
    made = at(context.before, "properties.creationTime") or now()
    sku = body["sku"]["name"]
    properties: Body = {
        "minimumTlsVersion": "TLS1_0",
        "allowBlobPublicAccess": False,
        "supportsHttpsTrafficOnly": True,
        "networkAcls": {
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": [],
            "ipv6Rules": [],
            "defaultAction": "Allow",
        },
        "encryption": {
            "services": {
                key: {"keyType": "Account", "enabled": True, "lastEnabledTime": made} for key in ("file", "blob")
            },
            "keySource": "Microsoft.Storage",
        },
        "accessTier": "Hot",
        "keyCreationTime": {"key1": made, "key2": made},
        "privateEndpointConnections": [],
        "creationTime": made,
        "primaryEndpoints": {kind: f"https://{name}.{kind}.core.windows.net/" for kind in _ENDPOINTS},
        "primaryLocation": place,
        "statusOfPrimary": "available",
    }
    return defaulted(
        {**body, "location": place, "sku": {"name": sku, "tier": sku.partition("_")[0]}},
        {"properties": properties, "tags": {}},
    )


def _make_service(context: Context, body: Body) -> None:
    """Every account has a blob service; nobody makes it."""
    service = ResourceId(f"{body['id']}/blobServices/default")
    if context.store.get(service) is None:
        envelope = {"id": str(service), "name": "default", "type": SERVICE}
        context.store.put(service, _complete_service(context, {**envelope, "sku": body["sku"], "properties": {}}))


def _check_service(context: Context, _body: Body) -> None:
    if context.id.name.lower() != "default":
        raise AzureRefusal(400, "InvalidResourceName", "The name of a blob service is 'default'.")
    account = context.store.get(context.id.parent) if context.id.parent else None
    if at(account, "properties.isHnsEnabled") and at(_body, "properties.isVersioningEnabled"):
        raise AzureRefusal(
            400,
            "FeatureNotSupportedForAccount",
            "Blob versioning is not supported for accounts with a hierarchical namespace.",
        )


def _complete_service(context: Context, body: Body) -> Body:
    account = (
        context.store.get(context.id)
        if context.id.type == ACCOUNT
        else context.store.get(context.id.parent or context.id)
    )
    defaults = {"cors": {"corsRules": []}, "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False}}
    sku = (account or body).get("sku")
    return {**body, **({"sku": sku} if sku else {}), "properties": defaulted(body.get("properties") or {}, defaults)}


def _check_container(context: Context, _body: Body) -> None:
    if not re.fullmatch(r"\$root|\$web|\$logs|[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]", context.id.name):
        raise AzureRefusal(400, "ContainerNameInvalid", f"The container name '{context.id.name}' is not valid.")


def _complete_container(context: Context, body: Body) -> Body:
    properties: Body = {
        "publicAccess": "None",
        "leaseStatus": "Unlocked",
        "leaseState": "Available",
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
        "defaultEncryptionScope": "$account-encryption-key",
        "denyEncryptionScopeOverride": False,
        "immutableStorageWithVersioning": {"enabled": False},
        "deleted": False,
        "remainingRetentionDays": 0,
        "lastModifiedTime": now(),
    }
    kept = {
        key: value for key, value in ((context.before or {}).get("properties") or {}).items() if key.startswith("lease")
    }
    return {**body, "properties": defaulted(body.get("properties") or {}, {**properties, **kept})}


def _check_policy(context: Context, _body: Body) -> None:
    if context.id.name.lower() != "default":
        raise AzureRefusal(400, "InvalidRequestPropertyValue", "The name of a management policy is 'default'.")


def _complete_policy(_context: Context, body: Body) -> Body:
    return {**body, "properties": {**(body.get("properties") or {}), "lastModifiedTime": now()}}


def _list_keys(_context: Context, _request: Request) -> Response:
    """Keys that no data plane of this Azure accepts: requests are signed with tokens here."""
    keys = [{"keyName": name, "value": uuid.uuid4().hex, "permissions": "FULL"} for name in ("key1", "key2")]
    return Response.json(200, {"keys": keys})


# The lease: https://learn.microsoft.com/rest/api/storagerp/blob-containers/lease (2026-10).


def _lease(context: Context, request: Request) -> Response:
    """Acquire, renew, change, release or break. Expiry is by the clock, whenever somebody asks."""
    body = request.json()
    with context.store.transaction():
        held = _current_lease(context)
        action = str(body.get("action", "")).lower()
        match action:
            case "acquire":
                return _acquire(context, held, body)
            case "renew" | "release" | "change":
                return _with_own_lease(context, held, action, body)
            case "break":
                if held is None:
                    raise AzureRefusal(
                        409, "LeaseNotPresentWithLeaseOperation", "There is currently no lease on the container."
                    )
                _set_lease(context, None)
                return Response.json(200, {"leaseTimeSeconds": "0"})
    raise AzureRefusal(
        400, "InvalidRequestPropertyValue", f"The value '{body.get('action')}' of 'action' is not valid."
    )


def _acquire(context: Context, held: Body | None, body: Body) -> Response:
    duration = int(body.get("leaseDuration") or -1)
    if duration != -1 and not 15 <= duration <= 60:
        raise AzureRefusal(400, "InvalidHeaderValue", "The lease duration must be between 15 and 60 seconds, or -1.")
    wanted = str(body.get("proposedLeaseId") or uuid.uuid4())
    if held and held["id"].lower() != wanted.lower():
        raise AzureRefusal(409, "LeaseAlreadyPresent", "There is already a lease present.")
    _set_lease(context, {"id": wanted, "duration": duration, "until": _until(duration)})
    return Response.json(200, {"leaseId": wanted})


def _with_own_lease(context: Context, held: Body | None, action: str, body: Body) -> Response:
    asked = str(body.get("leaseId") or "")
    last = context.store.document("lease", context.id.key)
    if last is None or last["id"].lower() != asked.lower():
        raise AzureRefusal(
            409,
            "LeaseIdMismatchWithLeaseOperation",
            "The lease ID specified did not match the lease ID for the container.",
        )
    if action == "release":
        _set_lease(context, None)
        return Response.json(200, {})
    if held is None and action == "change":
        raise AzureRefusal(409, "LeaseNotPresentWithLeaseOperation", "There is currently no lease on the container.")
    identity = str(body.get("proposedLeaseId") or asked) if action == "change" else asked
    # An expired lease may be renewed while nobody else has taken one.
    _set_lease(context, {**last, "id": identity, "until": _until(last["duration"])})
    return Response.json(200, {"leaseId": identity})


def _until(duration: int) -> float:
    return time.time() + duration if duration > 0 else float("inf")


def _current_lease(context: Context) -> Body | None:
    lease = context.store.document("lease", context.id.key)
    return lease if lease and lease["until"] > time.time() else None


def _set_lease(context: Context, lease: Body | None) -> None:
    if lease is None:
        context.store.delete_document("lease", context.id.key)
    else:
        context.store.put_document("lease", context.id.key, lease)
    container: dict[str, Any] = context.store.get(context.id) or {}
    state = (
        {"leaseStatus": "Locked", "leaseState": "Leased"}
        if lease
        else {"leaseStatus": "Unlocked", "leaseState": "Available"}
    )
    context.store.put(context.id, {**container, "properties": {**container["properties"], **state}})


def _refuse_leased(context: Context, _body: Body) -> None:
    if _current_lease(context):
        message = "There is currently a lease on the container and no lease ID was specified in the request."
        raise AzureRefusal(409, "ContainerOperationFailure", message)
