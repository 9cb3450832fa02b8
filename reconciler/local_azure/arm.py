"""Azure Resource Manager for every type alike: permissions, shapes, parents, references, envelopes, states, operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure import permissions, shapes
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.checks import check_body, check_location, check_references
from reconciler.local_azure.operations import POLL_MS, Operations
from reconciler.local_azure.paths import canonical, parse
from reconciler.local_azure.services import Services
from reconciler.local_azure.throttle import Throttle
from reconciler.local_azure.wire import AzureRefusal, Caller, Request, Response

HOST = "management.azure.com"
GROUPS = "Microsoft.Resources/resourceGroups"
PLAIN = Behaviour()
MERGED_BY_PATCH = ("tags", "sku", "identity", "kind")


@dataclass
class Arm:
    """Resources by id. `behaviours` by lower-case type."""

    services: Services
    behaviours: Mapping[str, Behaviour]
    subscriptions: frozenset[str]
    operations: Operations
    throttle: Throttle = field(default_factory=Throttle)

    def resource(self, request: Request) -> Response:
        """Any path with a provider in it: a resource, a collection, or an action."""
        target = parse(request.path, request.method)
        self.check_subscription(target.id)
        self._check_version(target.collection or target.id.type, request)
        if target.collection:
            return self._list(request, target.id, target.collection)
        if target.action:
            return self._act(request, target.id, target.action)
        match request.method:
            case "GET" | "HEAD":
                return self._get(request, target.id)
            case "PUT":
                return self._put(request, target.id, request.json())
            case "PATCH":
                return self._patch(request, target.id)
            case "DELETE":
                return self._delete(request, target.id)
        raise AzureRefusal(405, "MethodNotAllowed", f"The method {request.method} is not allowed.")

    def check_subscription(self, resource: ResourceId) -> None:
        if resource.subscription.lower() not in self.subscriptions:
            message = f"The subscription '{resource.subscription}' could not be found."
            raise AzureRefusal(404, "SubscriptionNotFound", message)

    def allowed(self, request: Request, resource: ResourceId, verb: str) -> Caller:
        """Raises AzureRefusal(403) unless the caller may do `{type}/{verb}` there."""
        caller = caller_of(request)
        kind = shapes.known_types().get(resource.type.lower(), resource.type)
        kind = "Microsoft.Resources/subscriptions/resourceGroups" if kind == GROUPS else kind
        permissions.check(self.services.store, caller, f"{kind}/{verb}", str(resource))
        return caller

    def behaviour(self, resource: ResourceId) -> Behaviour:
        return self.behaviours.get(resource.type.lower(), PLAIN)

    def existing(self, resource: ResourceId) -> Body:
        """Raises AzureRefusal(404) with the code ARM gives for what is missing: the group, or the resource."""
        group = resource.resource_group
        if group and self.services.store.get(_group_id(resource)) is None:
            raise AzureRefusal(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        body = self.services.store.get(resource)
        if body is None:
            shown = f"{resource.type.partition('/')[0]}/{resource.type.partition('/')[2]}/{'/'.join(resource.names)}"
            message = f"The Resource '{shown}' under resource group '{group}' was not found."
            raise AzureRefusal(404, "ResourceNotFound", message)
        return body

    def _check_version(self, resource_type: str, request: Request) -> None:
        asked = request.query.get("api-version", "")
        if not asked:
            raise AzureRefusal(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        namespace, _, kind = resource_type.partition("/")
        if not shapes.versions(resource_type):
            message = f"The resource type '{kind}' could not be found in the namespace '{namespace}' for api version '{asked}'."
            raise AzureRefusal(404, "InvalidResourceType", message)

    def answer(self, request: Request, body: Body) -> Body:
        """The stored body as the asked api-version knows it."""
        kind, version = body["type"], request.query.get("api-version", "")
        number = shapes.exact(kind, version)
        known: Body = shapes.project(shapes.newest(kind) if number is None else number, body)
        return known

    def _get(self, request: Request, resource: ResourceId) -> Response:
        self.allowed(request, resource, "read")
        return Response.json(200, self.answer(request, self.existing(resource)))

    def _list(self, request: Request, scope: ResourceId, kind: str) -> Response:
        caller = caller_of(request)
        proper = shapes.known_types()[kind.lower()]
        permissions.check(self.services.store, caller, f"{proper}/read", str(scope))
        behaviour = self.behaviours.get(kind.lower(), PLAIN)
        if scope.resource_group:
            self.existing((scope.parent if behaviour.makes_parent else None) or scope)
        held = behaviour.collected
        found = held(scope, request.query) if held else self.services.store.children(scope, proper)
        if behaviour.listed:
            found = behaviour.listed(found, request.query)
        return page(request, [self.answer(request, body) for body in found])

    def _act(self, request: Request, resource: ResourceId, action: str) -> Response:
        behaviour = self.behaviour(resource)
        body = None if action in behaviour.acts_unmade else self.existing(resource)
        caller = self.allowed(request, resource, f"{action}/action")
        run = behaviour.actions.get(action)
        if run is None:
            raise AzureRefusal(404, "NotFound", f"The action '{action}' is not known for the type '{resource.type}'.")
        return run(self._context(request, ResourceId(body["id"]) if body else resource, caller, body), request)

    def _context(self, request: Request, resource: ResourceId, caller: Caller, before: Body | None) -> Context:
        version = request.query.get("api-version", "")
        return Context(self.services.store, resource, version, caller, before, self.services.state_dir)

    def _put(self, request: Request, asked: ResourceId, body: Body) -> Response:
        caller = self.allowed(request, asked, "write")
        self._check_parents(asked)
        store = self.services.store
        before = store.get(asked)
        resource = ResourceId(before["id"]) if before else canonical(asked, store)
        wanted = check_body(resource, request.query["api-version"], body)
        check_references(resource, wanted, store)
        context = self._context(request, resource, caller, before)
        behaviour = self.behaviour(resource)
        with store.transaction():
            whole = self._enveloped(resource, wanted, before, caller)
            check_location(resource, whole)
            behaviour.check(context, whole)
            whole = behaviour.complete(context, whole)
            if behaviour.settle:
                whole = with_state(whole, "Updating" if before else "Creating")
            store.put(resource, whole)
        if behaviour.stored:
            behaviour.stored(context, whole)
        return self._accepted(request, context, behaviour, whole)

    def _accepted(self, request: Request, context: Context, behaviour: Behaviour, whole: Body) -> Response:
        status = 200 if context.before else 201
        settle = behaviour.settle
        if settle is None:
            return Response.json(status, self.answer(request, whole))
        operation = self.operations.start(
            lambda: settle(context, whole), lambda refusal: self._settled(context.id, refusal)
        )
        return Response.json(
            status, self.answer(request, whole), self._operation_headers(request, context.id, operation)
        )

    def _settled(self, resource: ResourceId, refusal: AzureRefusal | None) -> None:
        with self.services.store.transaction():
            body = self.services.store.get(resource)
            if body is not None:
                self.services.store.put(resource, with_state(body, "Failed" if refusal else "Succeeded"))

    def _operation_headers(
        self, request: Request, resource: ResourceId, operation: str, *, location: bool = False
    ) -> dict[str, str]:
        namespace = resource.type.partition("/")[0]
        base = f"https://{HOST}/subscriptions/{resource.subscription}/providers/{namespace}/locations/global"
        version = request.query["api-version"]
        headers = {
            "azure-asyncoperation": f"{base}/operationStatuses/{operation}?api-version={version}",
            "x-ms-retry-after-ms": POLL_MS,
        }
        if location:
            headers["location"] = f"{base}/operationResults/{operation}?api-version={version}"
        return headers

    def _check_parents(self, resource: ResourceId) -> None:
        parent = resource.parent
        if resource.resource_group and self.services.store.get(_group_id(resource)) is None:
            message = f"Resource group '{resource.resource_group}' could not be found."
            raise AzureRefusal(404, "ResourceGroupNotFound", message)
        if parent is None or self.services.store.get(parent) is not None:
            return
        if self.behaviour(resource).makes_parent:
            return
        kind, name = parent.type, "/".join(parent.names)
        message = (
            f"Failed to perform '{resource.type}/write' on resource(s) of type '{resource.type}', because the parent resource "
            f"'{kind}/{name}' could not be found."
        )
        raise AzureRefusal(404, "ParentResourceNotFound", message)

    def _enveloped(self, resource: ResourceId, wanted: Body, before: Body | None, caller: Caller) -> Body:
        """The body with what ARM adds to every resource. Where the caller said no location, the old one stays."""
        kept = {key: before[key] for key in ("location",) if before and key in before}
        body = {**kept, **wanted, "id": str(resource), "name": resource.name, "type": resource.type}
        number = shapes.newest(resource.type)
        if shapes.has(number, "properties.provisioningState"):
            body = with_state(body, "Succeeded")
        if shapes.has(number, "systemData"):
            body["systemData"] = _system_data(before, caller)
        return body

    def _patch(self, request: Request, asked: ResourceId) -> Response:
        before = self.existing(asked)
        self.allowed(request, asked, "write")
        patch = request.json()
        if not self.behaviour(asked).patch:
            patch = {key: value for key, value in patch.items() if key in MERGED_BY_PATCH}
        number = shapes.newest(before["type"])
        writable = shapes.project(number, before, drop=shapes.READ_ONLY)
        return self._put(request, asked, _merged(writable, patch))

    def _delete(self, request: Request, asked: ResourceId) -> Response:
        caller = self.allowed(request, asked, "delete")
        body = self.services.store.get(asked)
        if body is None:
            return Response(204)
        resource = ResourceId(body["id"])
        context = self._context(request, resource, caller, body)
        behaviour = self.behaviour(resource)
        behaviour.removable(context, body)
        remove = behaviour.remove
        if remove is None:
            self.forget(resource)
            return Response(200)
        self.services.store.put(resource, with_state(body, "Deleting"))

        def ended(refusal: AzureRefusal | None) -> None:
            if refusal is None:
                self.forget(resource)
            else:
                self.services.store.put(resource, with_state(body, "Failed"))

        operation = self.operations.start(lambda: remove(context, body), ended)
        return Response(202, b"", self._operation_headers(request, resource, operation, location=True))

    def forget(self, resource: ResourceId) -> None:
        """The resource and all that lives in it, role assignments at its scope included."""
        store = self.services.store
        with store.transaction():
            for child in store.children(resource):
                store.delete(ResourceId(child["id"]))
            store.delete(resource)


def caller_of(request: Request) -> Caller:
    if request.caller is None:
        raise AzureRefusal(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    return request.caller


def page(request: Request, values: list[Any], size: int = 100) -> Response:
    """One page, with an absolute `nextLink` when there are more."""
    skip = int(request.query.get("$skiptoken", "0") or "0")
    top = int(request.query.get("$top", "0") or "0")
    if top:
        values = values[:top]
    shown: dict[str, Any] = {"value": values[skip : skip + size]}
    if skip + size < len(values):
        query = "&".join(f"{key}={value}" for key, value in request.query.items() if key != "$skiptoken")
        shown["nextLink"] = f"https://{HOST}{request.path}?{query}&$skiptoken={skip + size}"
    return Response.json(200, shown)


def with_state(body: Body, state: str) -> Body:
    return {**body, "properties": {**(body.get("properties") or {}), "provisioningState": state}}


def _group_id(resource: ResourceId) -> ResourceId:
    return ResourceId(f"/subscriptions/{resource.subscription}/resourceGroups/{resource.resource_group}")


def _system_data(before: Body | None, caller: Caller) -> Body:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    mine = {"By": caller.client_id, "ByType": "Application", "At": now}
    created = {f"created{key}": value for key, value in mine.items()}
    kept = {key: value for key, value in ((before or {}).get("systemData") or {}).items() if key.startswith("created")}
    return {**(kept or created), **{f"lastModified{key}": value for key, value in mine.items()}}


def _merged(body: Any, patch: Any) -> Any:
    """RFC 7396, as ARM means it: null removes."""
    if not isinstance(body, dict) or not isinstance(patch, dict):
        return patch
    merged = {**body, **{key: _merged(body.get(key, {}), value) for key, value in patch.items()}}
    return {key: value for key, value in merged.items() if value is not None}
