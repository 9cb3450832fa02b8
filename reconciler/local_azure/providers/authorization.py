"""Role assignments: one a principal, role and scope; a principal must exist; nothing but its text may change."""

from __future__ import annotations

import re

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.identity import Identity
from reconciler.local_azure.providers.bodies import at, now
from reconciler.local_azure.providers.identity import IDENTITY
from reconciler.local_azure.roles import ROLES
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import AzureRefusal

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


def behaviours(services: Services) -> dict[str, Behaviour]:
    return {ASSIGNMENT: Behaviour(check=lambda context, body: _check(services, context, body), complete=_complete)}


def _scope(assignment: ResourceId) -> str:
    return str(assignment).rpartition("/providers/")[0]


def _check(services: Services, context: Context, body: Body) -> None:
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", context.id.name):
        raise AzureRefusal(
            400,
            "InvalidRoleAssignmentId",
            f"The role assignment ID '{context.id.name}' is not valid. The role assignment ID must be a GUID.",
        )
    properties = body["properties"]
    role, principal = properties["roleDefinitionId"].rpartition("/")[2].lower(), properties["principalId"].lower()
    if role not in ROLES:
        raise AzureRefusal(
            404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{role}' does not exist."
        )
    if context.before is not None:
        old = context.before["properties"]
        if old["principalId"].lower() != principal or old["roleDefinitionId"].rpartition("/")[2].lower() != role:
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise AzureRefusal(400, "RoleAssignmentUpdateNotPermitted", message)
    if principal not in _principals(services):
        message = f"Principal {principal} does not exist in the directory {context.caller.tenant_id}. Check that you have the correct principal ID."
        raise AzureRefusal(400, "PrincipalNotFound", message)
    scope = _scope(context.id).lower()
    for other in services.store.of_type(ASSIGNMENT):
        own = other["properties"]
        same = own["scope"].lower() == scope and own["principalId"].lower() == principal
        if (
            same
            and own["roleDefinitionId"].rpartition("/")[2].lower() == role
            and ResourceId(other["id"]) != context.id
        ):
            message = f"The role assignment already exists. The ID of the existing role assignment is {other['name'].replace('-', '')}."
            raise AzureRefusal(409, "RoleAssignmentExists", message)


def _principals(services: Services) -> set[str]:
    seeded = {one.object_id.lower() for one in Identity(services.state_dir).principals.values()}
    return seeded | {one["properties"]["principalId"].lower() for one in services.store.of_type(IDENTITY)}


def _complete(context: Context, body: Body) -> Body:
    made = at(context.before, "properties.createdOn") or now()
    caller = context.caller.object_id
    added = {
        "scope": _scope(context.id),
        "principalType": body["properties"].get("principalType") or "ServicePrincipal",
        "createdOn": made,
        "updatedOn": now(),
        "createdBy": at(context.before, "properties.createdBy") or caller,
        "updatedBy": caller,
    }
    return {**body, "properties": {**body["properties"], **added}}
