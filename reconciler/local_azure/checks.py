"""What ARM and its providers refuse in any request body: a wrong shape, a reference to what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure import shapes
from reconciler.local_azure.roles import ROLES
from reconciler.local_azure.store import Body, Store
from reconciler.local_azure.wire import AzureRefusal

_REFERENCE = re.compile(
    r"^/subscriptions/[^/]+(/resourcegroups/[^/]+)?/providers/[^/]+/[^/]+/[^/]+(/[^/]+/[^/]+)*$", re.IGNORECASE
)
_ROLE = "microsoft.authorization/roledefinitions"


def check_body(resource: ResourceId, api_version: str, body: Any) -> Body:
    """The body without read-only properties, in Azure's own casing. A preview version that the table lacks is held to the
    newest stable shape, and may say more than that knows.
    """
    if not isinstance(body, dict):
        raise AzureRefusal(400, "InvalidRequestContent", "The request content was invalid: an object was expected.")
    number = shapes.exact(resource.type, api_version)
    found = shapes.misfits(number if number is not None else shapes.newest(resource.type), body)
    if number is None:
        found = [one for one in found if one.kind == "type"]
    if found:
        raise _refusal(found)
    if number is None:
        return body
    kept: Body = shapes.project(number, body, drop=shapes.READ_ONLY)
    return {key: value for key, value in kept.items() if key not in ("id", "name", "type")}


def _refusal(found: list[shapes.Misfit]) -> AzureRefusal:
    first = found[0]
    details = [{"code": _CODES[one.kind], "target": one.path, "message": _message(one)} for one in found]
    return AzureRefusal(400, _CODES[first.kind], _message(first), details)


_CODES = {
    "unknown": "InvalidRequestContent",
    "type": "InvalidRequestContent",
    "value": "InvalidParameter",
    "missing": "MissingRequiredParameter",
}


def _message(misfit: shapes.Misfit) -> str:
    name = misfit.path.rpartition(".")[2]
    match misfit.kind:
        case "unknown":
            return (
                "The request content was invalid and could not be deserialized: 'Could not find member "
                f"'{name}' on object of type 'ResourceDefinition'. Path '{misfit.path}'.'."
            )
        case "missing":
            return f"The required property '{misfit.path}' is missing."
        case "value":
            return f"The value of parameter '{misfit.path}' is not valid: {misfit.detail}."
    return f"The request content was invalid: '{misfit.path}': {misfit.detail}."


def check_location(resource: ResourceId, body: Body) -> None:
    """A tracked resource of a group lies somewhere; what lives in another resource may leave it to that one."""
    is_top = resource.type.count("/") == 1 and not resource.type.lower().startswith("microsoft.authorization/")
    if is_top and shapes.has(shapes.newest(resource.type), "location") and not body.get("location"):
        raise AzureRefusal(400, "LocationRequired", "The location property is required for this definition.")


def check_references(resource: ResourceId, body: Body, store: Store) -> None:
    """Every id in the body must be a resource that exists; its own id, its children's and built-in roles do.

    A template spec holds documents that Azure keeps without reading them.
    """
    if resource.type.lower().startswith("microsoft.resources/templatespecs"):
        return
    for text in _ids(body):
        named = ResourceId(text)
        if named == resource or named.key.startswith(f"{resource.key}/") or _is_built_in(named):
            continue
        if store.get(named) is None:
            message = f"The resource '{text}' that '{resource}' refers to was not found."
            raise AzureRefusal(404, "LinkedResourceNotFound", message)


def _is_built_in(named: ResourceId) -> bool:
    return named.type.lower() == _ROLE and named.name.lower() in ROLES


def _ids(value: Any) -> Iterator[str]:
    match value:
        case str() if _REFERENCE.match(value):
            yield value
        case dict():
            for name, item in value.items():
                if _REFERENCE.match(name):
                    yield name
                yield from _ids(item)
        case list():
            for item in value:
                yield from _ids(item)
