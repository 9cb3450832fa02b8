"""Online deployments: what Azure refuses, the defaults it fills in, and the container that must get ready."""

from __future__ import annotations

from reconciler.core.resource import ResourceId
from reconciler.core.sizes import SERVING_SIZES
from reconciler.local_azure import permissions
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.blobs import ACCOUNTS, CONTAINERS
from reconciler.local_azure.ml import places
from reconciler.local_azure.ml.durations import seconds
from reconciler.local_azure.ml.endpoints import NAME, refuse_busy
from reconciler.local_azure.ml.identities import principals
from reconciler.local_azure.ml.kinds import DEPLOYMENT, asset_version, workspace_of
from reconciler.local_azure.ml.serving import Serving
from reconciler.local_azure.providers.bodies import at, defaulted, location
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal, Request, Response

MOST_DEPLOYMENTS, MOST_INSTANCES, LONGEST_REQUEST_S = 20, 50, 180
_SIZES = {name.lower(): name for name in SERVING_SIZES}
_PROBE = {"failureThreshold": 30, "successThreshold": 1, "timeout": "PT2S", "period": "PT10S", "initialDelay": "PT10S"}
_DEFAULTS: Body = {
    "properties": {},
    "environmentVariables": {},
    "scaleSettings": {"scaleType": "Default"},
    "requestSettings": {"maxQueueWait": "PT0S", "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1},
    "appInsightsEnabled": False,
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "egressPublicNetworkAccess": "Enabled",
}
_ABSENT = ("description", "codeConfiguration", "environmentId", "modelMountPath", "model")


def behaviour(services: Services, serving: Serving) -> Behaviour:
    return Behaviour(
        check=lambda context, body: _check(services.store, context, body),
        complete=_complete,
        settle=lambda context, body: _settle(services, serving, context, body),
        removable=_refuse_with_traffic,
        remove=lambda context, _body: _remove(serving, context),
        actions={"getlogs": lambda context, request: _get_logs(serving, context, request)},
        patch=False,
    )


def _check(store: Store, context: Context, body: Body) -> None:
    name, properties = context.id.name, body["properties"]
    if not NAME.fullmatch(name):
        message = (
            f"Deployment name '{name}' is invalid: it must begin with a letter, hold letters, digits and single dashes, "
            "and have 3 to 32 characters."
        )
        raise AzureRefusal(400, "BadArgument", message)
    if properties.get("endpointComputeType") != "Managed":
        raise AzureRefusal(400, "BadArgument", "The embedded Azure keeps managed online deployments only.")
    refuse_busy(context)
    siblings = store.children(context.id.parent or context.id, DEPLOYMENT)
    if context.before is None and len(siblings) >= MOST_DEPLOYMENTS:
        raise AzureRefusal(400, "OutOfQuota", f"An endpoint can have {MOST_DEPLOYMENTS} deployments at most.")
    _check_size(context, body)
    _check_settings(properties)
    _check_asset(store, properties.get("model"), "models", "model")
    if not properties.get("environmentId"):
        raise AzureRefusal(
            400, "BadArgument", "An environment is required for a model that is not of type mlflow_model."
        )
    _check_asset(store, properties["environmentId"], "environments", "environment")


def _check_size(context: Context, body: Body) -> None:
    size, capacity = str(body["properties"].get("instanceType") or ""), at(body, "sku.capacity")
    if size.lower() not in _SIZES:
        message = (
            f"Instance type '{size}' is not supported for managed online endpoints. "
            "See https://aka.ms/ml-endpoint-sku for the supported ones."
        )
        raise AzureRefusal(400, "BadArgument", message)
    before = str(at(context.before, "properties.instanceType") or size)
    if before.lower() != size.lower():
        message = f"The instance type of a deployment cannot be changed: '{context.id.name}' has {before}."
        raise AzureRefusal(400, "BadRequest", message)
    if capacity is not None and not 1 <= int(capacity) <= MOST_INSTANCES:
        message = f"The instance count {capacity} is not valid: it must be between 1 and {MOST_INSTANCES}."
        raise AzureRefusal(400, "BadArgument", message)


def _check_settings(properties: Body) -> None:
    if at(properties, "scaleSettings.scaleType") not in (None, "Default"):
        message = "Managed online deployments scale through Azure Monitor autoscale: the scale type must be 'Default'."
        raise AzureRefusal(400, "BadArgument", message)
    timeout = at(properties, "requestSettings.requestTimeout")
    if timeout and not 0 < seconds(timeout) <= LONGEST_REQUEST_S:
        message = f"The request timeout {timeout} is not valid: it must be at most {LONGEST_REQUEST_S} seconds."
        raise AzureRefusal(400, "BadArgument", message)
    for probe in ("livenessProbe", "readinessProbe"):
        for field in ("initialDelay", "period", "timeout"):
            seconds(at(properties, f"{probe}.{field}") or "PT0S")


def _check_asset(store: Store, reference: str | None, kind: str, word: str) -> None:
    if not reference:
        return
    found = asset_version(store, reference)
    if found is None or f"/{kind}/versions" not in found["type"]:
        raise AzureRefusal(404, "ResourceNotFound", f"The {word} '{reference}' of the deployment does not exist.")


def _complete(_context: Context, body: Body) -> Body:
    properties = defaulted(body["properties"], _DEFAULTS)
    properties["instanceType"] = _SIZES[str(properties["instanceType"]).lower()]
    properties = {**dict.fromkeys(_ABSENT), **properties}
    sku = {"name": "Default", "tier": "Standard", "capacity": at(body, "sku.capacity") or 1}
    place = location(body["location"])
    return {
        **body,
        "location": place,
        "kind": "Managed",
        "sku": sku,
        "tags": body.get("tags") or {},
        "properties": properties,
    }


def _settle(services: Services, serving: Serving, context: Context, body: Body) -> None:
    _check_rights(services, context, body)
    serving.deploy(context.id, body)


def _check_rights(services: Services, context: Context, body: Body) -> None:
    """A user-assigned identity must be allowed to read the model; Azure grants a system-assigned one what it needs."""
    store = services.store
    version = asset_version(store, str(body["properties"].get("model") or ""))
    endpoint = store.get(context.id.parent or context.id)
    if version is None or endpoint is None:
        return
    place = places.find(store, workspace_of(store, context.id), str(at(version, "properties.modelUri")))
    account = next((one for one in store.of_type(ACCOUNTS) if one["name"] == place.account), None)
    for principal in principals(endpoint):
        scope = f"{account['id'] if account else ''}/blobServices/default/containers/{place.container}"
        if not permissions.is_allowed(store, principal, f"{CONTAINERS}/blobs/read", scope, data=True):
            message = (
                f"The identity {principal} of the endpoint may not read the model: "
                f"it needs the role Storage Blob Data Reader on '{place.account}'."
            )
            raise AzureRefusal(403, "AuthorizationFailed", message)


def _refuse_with_traffic(context: Context, _body: Body) -> None:
    endpoint = context.store.get(context.id.parent or context.id)
    for field in ("traffic", "mirrorTraffic"):
        for name, percent in (at(endpoint, f"properties.{field}") or {}).items():
            if name.lower() == context.id.name.lower() and percent:
                message = (
                    f"The deployment '{context.id.name}' has {percent} percent of the endpoint's {field}: "
                    "set it to 0 before you delete it."
                )
                raise AzureRefusal(400, "BadRequest", message)


def _remove(serving: Serving, context: Context) -> None:
    """The endpoint forgets a share of nothing with it."""
    serving.stop(context.id)
    parent = context.id.parent or context.id
    with context.store.transaction():
        endpoint = context.store.get(parent)
        if endpoint is None:
            return
        for field in ("traffic", "mirrorTraffic"):
            shares = endpoint["properties"].get(field) or {}
            name = context.id.name.lower()
            endpoint["properties"][field] = {one: share for one, share in shares.items() if one.lower() != name}
        context.store.put(parent, endpoint)


def _get_logs(serving: Serving, context: Context, request: Request) -> Response:
    tail = int(request.json().get("tail") or 500)
    return Response.json(200, {"content": serving.logs(ResourceId(context.id.text), tail)})
