"""What Azure adds to the identity of a workspace or an endpoint."""

from __future__ import annotations

import json
import uuid

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Body, Context
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal


def check_identity(store: Store, body: Body) -> None:
    """Raises AzureRefusal when a user-assigned identity is missing, or named by a type that has none."""
    identity = body.get("identity") or {}
    assigned = identity.get("userAssignedIdentities") or {}
    if "userassigned" in _folded(identity) and not assigned:
        raise AzureRefusal(
            400,
            "InvalidIdentity",
            "The identity type 'UserAssigned' needs at least one entry in 'userAssignedIdentities'.",
        )
    for text in assigned:
        if store.get(ResourceId(text)) is None:
            message = f"The identity '{text}' was not found."
            raise AzureRefusal(400, "FailedIdentityOperation", message)


def completed_identity(context: Context, body: Body) -> Body:
    """The body with the principal ids that Azure makes up; they stay the same from one PUT to the next."""
    identity = body.get("identity")
    if not identity:
        return body
    whole = dict(identity)
    tenant = context.caller.tenant_id
    if "systemassigned" in _folded(identity):
        kept = at(context.before, "identity.principalId")
        whole |= {"principalId": kept or str(uuid.uuid4()), "tenantId": tenant}
    if "userassigned" in _folded(identity):
        whole["userAssignedIdentities"] = {
            text: _principal(context.store, text) for text in identity["userAssignedIdentities"]
        }
        whole.setdefault("tenantId", tenant)
    return {**body, "identity": whole}


def principals(body: Body) -> list[str]:
    """The object ids of the user-assigned identities that a completed body runs as."""
    assigned = at(body, "identity.userAssignedIdentities") or {}
    return [one["principalId"] for one in assigned.values() if one.get("principalId")]


def _principal(store: Store, text: str) -> Body:
    stored = store.get(ResourceId(text))
    return {"principalId": at(stored, "properties.principalId"), "clientId": at(stored, "properties.clientId")}


def _folded(identity: Body) -> str:
    return json.dumps(identity.get("type") or "").lower()
