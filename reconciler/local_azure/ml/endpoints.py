"""Online endpoints: names, keys, traffic. https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online (2026-07)."""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.ml.identities import check_identity, completed_identity
from reconciler.local_azure.ml.kinds import DEPLOYMENT, ENDPOINT
from reconciler.local_azure.ml.serving import Serving
from reconciler.local_azure.providers.bodies import at, defaulted, location
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal, Request, Response

NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,30}[A-Za-z0-9]")
KEYS, TOKEN = "ml-endpoint-keys", "ml-endpoint-token"
MOST_MIRRORED_PERCENT = 50
_BUSY = ("Creating", "Updating", "Deleting")
_TOKEN_LIFETIME_S = 8 * 3600


def behaviour(services: Services, serving: Serving) -> Behaviour:
    return Behaviour(
        check=lambda context, body: _check(services.store, context, body),
        complete=_complete,
        settle=lambda _context, _body: None,
        stored=_keep_keys,
        remove=lambda context, _body: _remove(services.store, serving, context.id),
        actions={"listkeys": _list_keys, "regeneratekeys": _regenerate_keys, "token": _token},
        patch=False,
    )


def _check(store: Store, context: Context, body: Body) -> None:
    name, properties = context.id.name, body["properties"]
    if not NAME.fullmatch(name):
        message = (
            f"Endpoint name '{name}' is invalid: it must begin with a letter, hold letters, digits and single dashes, "
            "and have 3 to 32 characters."
        )
        raise AzureRefusal(400, "BadArgument", message)
    place = location(body["location"])
    taken = [
        one
        for one in store.of_type(ENDPOINT)
        if one["name"].lower() == name.lower() and one["location"] == place and ResourceId(one["id"]) != context.id
    ]
    if taken:
        raise AzureRefusal(409, "EndpointAlreadyExists", f"The endpoint name '{name}' is already in use in {place}.")
    refuse_busy(context)
    _refuse_immutable(context, body)
    check_identity(store, body)
    check_traffic(store, context.id, properties.get("traffic") or {}, properties.get("mirrorTraffic") or {})


def refuse_busy(context: Context) -> None:
    """Raises AzureRefusal(409) while another operation is under way."""
    state = at(context.before, "properties.provisioningState")
    if state in _BUSY:
        message = f"The request conflicts with an operation in progress: '{context.id.name}' is {state}."
        raise AzureRefusal(409, "Conflict", message)


def _refuse_immutable(context: Context, body: Body) -> None:
    if context.before is None:
        return
    before, after = (str(at(one, "properties.authMode") or "").lower() for one in (context.before, body))
    if after and before != after:
        raise AzureRefusal(
            400, "BadRequest", "The authentication mode of an endpoint cannot be changed after creation."
        )
    if "identity" in body and _identity_key(context.before) != _identity_key(body):
        raise AzureRefusal(400, "BadRequest", "The identity of an endpoint cannot be changed after creation.")


def _identity_key(body: Body) -> tuple[str, tuple[str, ...]]:
    identity = body.get("identity") or {"type": "SystemAssigned"}
    assigned = sorted(text.lower() for text in identity.get("userAssignedIdentities") or {})
    return str(identity["type"]).lower(), tuple(assigned)


def check_traffic(store: Store, endpoint: ResourceId, traffic: Body, mirror: Body) -> None:
    """Sums to 0 or 100, over deployments that exist and succeeded; at most half is mirrored, to one of them."""
    states = {
        one["name"].lower(): at(one, "properties.provisioningState") for one in store.children(endpoint, DEPLOYMENT)
    }
    for name, percent in [*traffic.items(), *mirror.items()]:
        if not isinstance(percent, int) or not 0 <= percent <= 100:
            raise AzureRefusal(400, "BadRequest", f"The traffic of '{name}' must be a whole number from 0 to 100.")
        if name.lower() not in states:
            message = (
                f"The deployment '{name}' that traffic is sent to does not exist in the endpoint '{endpoint.name}'."
            )
            raise AzureRefusal(400, "BadRequest", message)
        if percent and states[name.lower()] != "Succeeded":
            message = (
                f"The deployment '{name}' is {states[name.lower()]}: only a deployment that succeeded can have traffic."
            )
            raise AzureRefusal(400, "BadRequest", message)
    if sum(traffic.values()) not in (0, 100):
        message = f"The traffic percentages sum to {sum(traffic.values())}: they must sum to 0 or 100."
        raise AzureRefusal(400, "BadRequest", message)
    _check_mirror(traffic, {name: percent for name, percent in mirror.items() if percent})


def _check_mirror(traffic: Body, mirror: Body) -> None:
    if len(mirror) > 1:
        raise AzureRefusal(400, "BadRequest", "Traffic can be mirrored to one deployment only.")
    for name, percent in mirror.items():
        if percent > MOST_MIRRORED_PERCENT:
            message = f"At most {MOST_MIRRORED_PERCENT} percent of traffic can be mirrored, not {percent}."
            raise AzureRefusal(400, "BadRequest", message)
        if any(one.lower() == name.lower() and share for one, share in traffic.items()):
            message = f"The deployment '{name}' cannot have live traffic and mirrored traffic at once."
            raise AzureRefusal(400, "BadRequest", message)


def _complete(context: Context, body: Body) -> Body:
    place = location(body["location"])
    host = f"https://{context.id.name.lower()}.{place}.inference.ml.azure.com"
    properties = {key: value for key, value in body["properties"].items() if key != "keys"}
    own = {"azureml.onlineendpointid": context.id.key}
    defaults = {
        "publicNetworkAccess": "Enabled",
        "traffic": {},
        "mirrorTraffic": {},
        "scoringUri": f"{host}/score",
        "swaggerUri": f"{host}/swagger.json",
    }
    described = {"description": None, "compute": None, **defaulted(properties, defaults)}
    described["properties"] = {**(properties.get("properties") or {}), **own}
    identity = body.get("identity") or at(context.before, "identity") or {"type": "SystemAssigned"}
    whole = {**body, "location": place, "kind": body.get("kind") or "Managed", "tags": body.get("tags") or {}}
    return completed_identity(context, {**whole, "identity": identity, "properties": described})


def _keep_keys(context: Context, _body: Body) -> None:
    if context.store.document(KEYS, context.id.key) is None:
        keys = {f"{name}Key": secrets.token_urlsafe(24) for name in ("primary", "secondary")}
        context.store.put_document(KEYS, context.id.key, keys)


def _remove(store: Store, serving: Serving, endpoint: ResourceId) -> None:
    """With the endpoint go its deployments, their traffic or not."""
    for one in store.children(endpoint, DEPLOYMENT):
        serving.stop(ResourceId(one["id"]))
    for kind in (KEYS, TOKEN):
        store.delete_document(kind, endpoint.key)


def _mode(context: Context) -> str:
    return str(at(context.before, "properties.authMode")).lower()


def _refuse_without_keys(context: Context) -> None:
    if _mode(context) != "key":
        message = f"The endpoint '{context.id.name}' does not use key authentication."
        raise AzureRefusal(400, "BadRequest", message)


def _list_keys(context: Context, _request: Request) -> Response:
    _refuse_without_keys(context)
    return Response.json(200, context.store.document(KEYS, context.id.key) or {})


def _regenerate_keys(context: Context, request: Request) -> Response:
    _refuse_without_keys(context)
    asked: Any = request.json()
    kind = str(asked.get("keyType", "")).lower()
    if kind not in ("primary", "secondary"):
        raise AzureRefusal(400, "BadRequest", "The key type must be Primary or Secondary.")
    keys = context.store.document(KEYS, context.id.key) or {}
    # azure-ai-ml sends the key that is to go as the value: a value that is no change asks for a fresh one.
    wanted = asked.get("keyValue")
    fresh = wanted if wanted and wanted not in keys.values() else secrets.token_urlsafe(24)
    context.store.put_document(KEYS, context.id.key, {**keys, f"{kind}Key": fresh})
    return Response(200)


def _token(context: Context, _request: Request) -> Response:
    if _mode(context) != "amltoken":
        message = f"The endpoint '{context.id.name}' does not use Azure ML tokens."
        raise AzureRefusal(400, "BadRequest", message)
    until = int(time.time()) + _TOKEN_LIFETIME_S
    token = secrets.token_urlsafe(48)
    context.store.put_document(TOKEN, context.id.key, {"token": token, "until": until})
    shown = {
        "accessToken": token,
        "tokenType": "Bearer",
        "expiryTimeUtc": until,
        "refreshAfterTimeUtc": int(datetime.now(UTC).timestamp()) + _TOKEN_LIFETIME_S // 2,
    }
    return Response.json(200, shown)
