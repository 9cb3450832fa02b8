"""User-assigned identities: Azure makes up the principal that role assignments then name."""

from __future__ import annotations

import uuid

from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.services import Services

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"


def behaviours(_services: Services) -> dict[str, Behaviour]:
    return {IDENTITY: Behaviour(complete=_complete)}


def _complete(context: Context, body: Body) -> Body:
    made = {
        "tenantId": context.caller.tenant_id,
        "principalId": at(context.before, "properties.principalId") or str(uuid.uuid4()),
        "clientId": at(context.before, "properties.clientId") or str(uuid.uuid4()),
    }
    return {**body, "tags": body.get("tags") or {}, "properties": {**(body.get("properties") or {}), **made}}
