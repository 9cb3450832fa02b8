"""Key vaults: soft delete, names that stay taken, purge protection that never goes."""

from __future__ import annotations

import re

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.providers.bodies import at, defaulted
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import AzureRefusal

VAULT = "Microsoft.KeyVault/vaults"
_DELETED = "deleted-vault"


def behaviours(services: Services) -> dict[str, Behaviour]:
    return {
        VAULT: Behaviour(
            check=lambda context, body: _check(services, context, body),
            complete=_complete,
            remove=_remember_deleted,
        )
    }


def _check(services: Services, context: Context, body: Body) -> None:
    name = context.id.name
    if not re.fullmatch(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]", name):
        message = f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens."
        raise AzureRefusal(400, "VaultNameNotValid", message)
    if any(
        one["name"].lower() == name.lower() and ResourceId(one["id"]) != context.id
        for one in services.store.of_type(VAULT)
    ):
        raise AzureRefusal(
            409, "VaultAlreadyExists", f"The vault name '{name}' is already in use. Vault names are globally unique."
        )
    recovers = at(body, "properties.createMode") == "recover"
    if context.before is None and services.store.document(_DELETED, name) and not recovers:
        message = (
            f"A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault '{name}'. "
            "Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete."
        )
        raise AzureRefusal(409, "ConflictError", message)
    if at(body, "properties.enablePurgeProtection") is False:
        message = 'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.'
        raise AzureRefusal(400, "BadRequest", message)
    if at(context.before, "properties.enablePurgeProtection") and not at(body, "properties.enablePurgeProtection"):
        body["properties"]["enablePurgeProtection"] = True


def _complete(context: Context, body: Body) -> Body:
    properties = {key: value for key, value in body["properties"].items() if key != "createMode"}
    defaults = {
        "accessPolicies": [],
        "enabledForDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "enableRbacAuthorization": False,
        "publicNetworkAccess": "Enabled",
        "vaultUri": f"https://{context.id.name.lower()}.vault.azure.net/",
    }
    return {**body, "tags": body.get("tags") or {}, "properties": defaulted(properties, defaults)}


def _remember_deleted(context: Context, body: Body) -> None:
    context.store.put_document(_DELETED, context.id.name, {"id": body["id"]})
