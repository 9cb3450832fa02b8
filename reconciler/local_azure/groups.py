"""Subscriptions, resource groups, listings across types, tags: what ARM itself answers rather than a provider."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure import permissions, shapes
from reconciler.local_azure.arm import GROUPS, Arm, caller_of, page, with_state
from reconciler.local_azure.operations import POLL_MS
from reconciler.local_azure.store import Body
from reconciler.local_azure.wire import AzureRefusal, Request, Response

_FILTER = re.compile(r"^(resourceType|tagName|tagValue|name|location) eq '([^']*)'$", re.IGNORECASE)
_NAME = re.compile(r"^[-\w.()]{1,90}(?<!\.)$")


def serve(arm: Arm, request: Request) -> Response:
    """Every path of management.azure.com."""
    segments = [part for part in request.path.split("/") if part]
    lowered = [part.lower() for part in segments]
    if lowered[:1] != ["subscriptions"]:
        raise AzureRefusal(404, "InvalidRequestUri", f"The request uri '{request.path}' is not served.")
    if len(segments) > 1:
        arm.check_subscription(ResourceId("/" + "/".join(segments[:2])))
        _throttle(arm, request, segments[1])
    else:
        return page(request, [_subscription(arm, one) for one in sorted(arm.subscriptions)])
    match lowered[2:]:
        case []:
            return Response.json(200, _subscription(arm, lowered[1]))
        case ["resourcegroups"]:
            return _list_groups(arm, request, segments[1])
        case ["resourcegroups", _]:
            return _group(arm, request, ResourceId(f"/subscriptions/{segments[1]}/resourceGroups/{segments[3]}"))
        case ["resources"] | ["resourcegroups", _, "resources"]:
            return _list_resources(arm, request, ResourceId("/" + "/".join(segments[:-1])))
        case [*_, "providers", "microsoft.resources", "tags", "default"]:
            return _tags(arm, request, ResourceId("/" + "/".join(segments[:-4])))
        case ["providers", namespace]:
            return Response.json(200, _provider(segments[1], namespace))
        case ["providers", _, "locations", _, kind, key] if kind in ("operationstatuses", "operationresults"):
            return arm.operations.status(key) if kind == "operationstatuses" else arm.operations.result(key)
        case rest if "providers" in rest:
            return arm.resource(request)
    raise AzureRefusal(404, "InvalidRequestUri", f"The request uri '{request.path}' is not served.")


def _throttle(arm: Arm, request: Request, subscription: str) -> None:
    arm.throttle.check(caller_of(request).object_id, subscription, request.method)


def _subscription(arm: Arm, subscription: str) -> Body:
    caller_tenant = arm.services.process_environment()["AZURE_TENANT_ID"]
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "displayName": f"Embedded {subscription[-4:]}",
        "state": "Enabled",
        "tenantId": caller_tenant,
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": {
            "spendingLimit": "Off",
            "quotaId": "PayAsYouGo_2014-09-01",
            "locationPlacementId": "Public_2014-09-01",
        },
    }


def _list_groups(arm: Arm, request: Request, subscription: str) -> Response:
    scope = ResourceId(f"/subscriptions/{subscription}")
    permissions.check(
        arm.services.store, caller_of(request), "Microsoft.Resources/subscriptions/resourceGroups/read", str(scope)
    )
    return page(request, _filtered(arm.services.store.children(scope, GROUPS), request.query.get("$filter", "")))


def _group(arm: Arm, request: Request, group: ResourceId) -> Response:
    store = arm.services.store
    before = store.get(group)
    match request.method:
        case "PUT":
            return _put_group(arm, request, group, before)
        case "GET" | "HEAD" | "PATCH" | "DELETE" if before is None:
            arm.allowed(request, group, "read")
            raise AzureRefusal(404, "ResourceGroupNotFound", f"Resource group '{group.name}' could not be found.")
        case "GET":
            arm.allowed(request, group, "read")
            return Response.json(200, before)
        case "HEAD":
            arm.allowed(request, group, "read")
            return Response(204)
        case "PATCH":
            arm.allowed(request, group, "write")
            after = {**(before or {}), **{key: value for key, value in request.json().items() if key == "tags"}}
            store.put(group, after)
            return Response.json(200, after)
        case "DELETE":
            return _delete_group(arm, request, group)
    raise AzureRefusal(405, "MethodNotAllowed", f"The method {request.method} is not allowed.")


def _put_group(arm: Arm, request: Request, group: ResourceId, before: Body | None) -> Response:
    arm.allowed(request, group, "write")
    body = request.json()
    if not _NAME.match(group.name):
        raise AzureRefusal(
            400, "InvalidResourceGroup", f"The provided resource group name '{group.name}' has invalid characters."
        )
    location = str(body.get("location") or "").replace(" ", "").lower()
    if not location:
        raise AzureRefusal(400, "LocationRequired", "The location property is required for this definition.")
    if before and before["location"] != location:
        message = f"Invalid resource group location '{location}'. The Resource group already exists in location '{before['location']}'."
        raise AzureRefusal(409, "InvalidResourceGroupLocation", message)
    identity = str(before["id"]) if before else str(group)
    after: Body = {"id": identity, "name": identity.rpartition("/")[2], "type": GROUPS, "location": location}
    if body.get("tags") is not None:
        after["tags"] = body["tags"]
    after = with_state(after, "Succeeded")
    arm.services.store.put(group, after)
    return Response.json(200 if before else 201, after)


def _delete_group(arm: Arm, request: Request, group: ResourceId) -> Response:
    """Deletes what lives in it first, each as a DELETE of its own would end."""
    caller = arm.allowed(request, group, "delete")
    store = arm.services.store
    store.put(group, with_state(store.get(group) or {}, "Deleting"))

    def work() -> None:
        for body in reversed(store.children(group)):
            resource = ResourceId(body["id"])
            remove = arm.behaviour(resource).remove
            if remove and store.get(resource):
                remove(arm._context(request, resource, caller, body), body)
        arm.forget(group)

    def ended(refusal: AzureRefusal | None) -> None:
        if refusal is not None:
            store.put(group, with_state(store.get(group) or {}, "Succeeded"))

    operation = arm.operations.start(work, ended)
    location = f"https://management.azure.com/subscriptions/{group.subscription}/providers/Microsoft.Resources/locations/global/operationResults/{operation}?api-version=2025-04-01"
    return Response(202, b"", {"location": location, "x-ms-retry-after-ms": POLL_MS})


def _list_resources(arm: Arm, request: Request, scope: ResourceId) -> Response:
    """Top-level resources only, as Azure lists them: no children, no extensions, no properties."""
    kind = "Microsoft.Resources/subscriptions/resourceGroups/read"
    permissions.check(arm.services.store, caller_of(request), kind, str(scope))
    if scope.resource_group and arm.services.store.get(scope) is None:
        raise AzureRefusal(404, "ResourceGroupNotFound", f"Resource group '{scope.resource_group}' could not be found.")
    found = [body for body in arm.services.store.children(scope) if _is_listed(ResourceId(body["id"]))]
    expand = request.query.get("$expand", "").lower()
    shown = [_summary(body, expand) for body in _filtered(found, request.query.get("$filter", ""))]
    return page(request, shown)


def _is_listed(resource: ResourceId) -> bool:
    """Endpoints and deployments are tracked resources of their own, though they live in a workspace."""
    kind = resource.type.lower()
    if kind.startswith(("microsoft.authorization/", "microsoft.resources/resourcegroups")):
        return False
    return kind.count("/") == 1 or kind.rpartition("workspaces/")[2] in (
        "onlineendpoints",
        "onlineendpoints/deployments",
    )


def _summary(body: Body, expand: str) -> Body:
    kept = {
        key: body[key]
        for key in ("id", "name", "type", "location", "tags", "kind", "sku", "identity")
        if body.get(key) is not None
    }
    if "changedtime" in expand or "createdtime" in expand:
        now = datetime.now(UTC).isoformat()
        data: dict[str, Any] = body.get("systemData") or {}
        kept |= {"createdTime": data.get("createdAt", now), "changedTime": data.get("lastModifiedAt", now)}
    if "provisioningstate" in expand:
        kept["provisioningState"] = (body.get("properties") or {}).get("provisioningState", "Succeeded")
    return kept


def _filtered(bodies: list[Body], text: str) -> list[Body]:
    for clause in filter(None, (part.strip() for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE))):
        found = _FILTER.match(clause)
        if not found:
            raise AzureRefusal(
                400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string."
            )
        bodies = [body for body in bodies if _matches(body, found[1].lower(), found[2].lower())]
    return bodies


def _matches(body: Body, field: str, value: str) -> bool:
    tags = {key.lower(): str(item).lower() for key, item in (body.get("tags") or {}).items()}
    match field:
        case "resourcetype":
            return str(body["type"]).lower() == value
        case "tagname":
            return value in tags
        case "tagvalue":
            return value in tags.values()
    return str(body.get(field, "")).lower() == value


def _tags(arm: Arm, request: Request, resource: ResourceId) -> Response:
    """The tags of any resource as a resource of their own."""
    store = arm.services.store
    arm.allowed(request, resource, "read" if request.method == "GET" else "write")
    body = arm.existing(resource) if resource.type != GROUPS else store.get(resource) or {}
    tags: dict[str, str] = dict(body.get("tags") or {})
    asked = (request.json().get("properties") or {}).get("tags") or {} if request.body else {}
    match request.method, (request.json().get("operation") or "Replace") if request.body else "":
        case "GET", _:
            after = tags
        case "DELETE", _:
            after = {}
        case "PATCH", "Merge":
            after = {**tags, **asked}
        case "PATCH", "Delete":
            after = {key: value for key, value in tags.items() if key not in asked}
        case _:
            after = asked
    if request.method != "GET":
        store.put(resource, {**body, "tags": after})
    shown = {
        "id": f"{resource}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
    }
    return Response.json(200, shown | {"properties": {"tags": after}})


def _provider(subscription: str, namespace: str) -> Body:
    kinds = sorted({kind for kind in shapes.known_types().values() if kind.lower().startswith(f"{namespace}/")})
    if not kinds:
        raise AzureRefusal(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    return {
        "id": f"/subscriptions/{subscription}/providers/{kinds[0].partition('/')[0]}",
        "namespace": kinds[0].partition("/")[0],
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [
            {
                "resourceType": kind.partition("/")[2],
                "locations": [],
                "apiVersions": list(reversed(shapes.versions(kind))),
            }
            for kind in kinds
        ],
    }
