"""Container registries."""

from __future__ import annotations

import re

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.providers.bodies import at, defaulted, now
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import AzureRefusal, Request, Response

REGISTRY = "Microsoft.ContainerRegistry/registries"


def behaviours(services: Services) -> dict[str, Behaviour]:
    return {
        REGISTRY: Behaviour(
            check=lambda context, body: _check(services, context, body),
            complete=_complete,
            actions={"listcredentials": _list_credentials},
        )
    }


def _check(services: Services, context: Context, _body: Body) -> None:
    name = context.id.name
    if not re.fullmatch(r"[A-Za-z0-9]{5,50}", name):
        message = f"The specified registry name {name} is invalid: it may contain alpha numeric characters only and must be between 5 and 50 characters."
        raise AzureRefusal(400, "InvalidResourceName", message)
    if any(
        one["name"].lower() == name.lower() and ResourceId(one["id"]) != context.id
        for one in services.store.of_type(REGISTRY)
    ):
        raise AzureRefusal(409, "AlreadyInUse", f"The registry DNS name {name.lower()}.azurecr.io is already in use.")


def _complete(context: Context, body: Body) -> Body:
    made = at(context.before, "properties.creationDate") or now()
    sku = body["sku"]["name"]
    defaults: Body = {
        "loginServer": f"{context.id.name.lower()}.azurecr.io",
        "creationDate": made,
        "adminUserEnabled": False,
        "anonymousPullEnabled": False,
        "dataEndpointEnabled": False,
        "dataEndpointHostNames": [],
        "encryption": {"status": "disabled"},
        "networkRuleBypassOptions": "AzureServices",
        "publicNetworkAccess": "Enabled",
        "zoneRedundancy": "Disabled",
        "privateEndpointConnections": [],
        "policies": {
            "quarantinePolicy": {"status": "disabled"},
            "trustPolicy": {"type": "Notary", "status": "disabled"},
            "retentionPolicy": {"days": 7, "lastUpdatedTime": made, "status": "disabled"},
            "exportPolicy": {"status": "enabled"},
            "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
        },
    }
    return {
        **body,
        "sku": {"name": sku, "tier": sku},
        "tags": body.get("tags") or {},
        "properties": defaulted(body.get("properties") or {}, defaults),
    }


def _list_credentials(context: Context, _request: Request) -> Response:
    if not at(context.before, "properties.adminUserEnabled"):
        raise AzureRefusal(
            400,
            "UnAuthorizedForCredentialOperations",
            f"Cannot perform credential operations for {context.id} as admin user is disabled.",
        )
    raise AzureRefusal(
        501,
        "NotImplemented",
        "The embedded Azure keeps no admin credentials: the project's registries have no admin user.",
    )
