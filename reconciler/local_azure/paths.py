"""What a path of ARM addresses: a resource, a collection of them, an action, a resource group, a listing."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.resource import ResourceId
from reconciler.local_azure import shapes
from reconciler.local_azure.store import Store


@dataclass(frozen=True)
class Target:
    """`id` is a resource; or, with `collection`, the scope or parent that the collection of that type lives in."""

    id: ResourceId
    collection: str = ""
    action: str = ""


def parse(path: str, method: str) -> Target:
    """A path with a provider in it. Segments after the last `providers`: namespace, then type and name in turn; one left over
    is an action of a POST, else a collection.
    """
    segments = [part for part in path.split("/") if part]
    lowered = [part.lower() for part in segments]
    start = len(lowered) - lowered[::-1].index("providers")
    own = segments[start:]
    if len(own) % 2 == 1 and len(own) >= 3:
        return Target(ResourceId("/" + "/".join(segments)))
    head = ResourceId("/" + "/".join(segments[:-1]))
    if method == "POST" and len(own) > 2:
        return Target(head, action=own[-1].lower())
    if len(own) == 2:
        scope = ResourceId("/" + "/".join(segments[: start - 1]))
        return Target(scope, collection=f"{own[0]}/{own[1]}")
    return Target(head, collection=f"{head.type}/{own[-1]}")


def canonical(resource: ResourceId, store: Store) -> ResourceId:
    """The id as Azure spells it: its parent's spelling, the type's own casing, the name as it was given."""
    parent = resource.parent
    own_type = shapes.known_types().get(resource.type.lower(), resource.type)
    if parent is None:
        return resource
    stored = store.get(parent)
    prefix = str(stored["id"]) if stored else str(parent)
    namespace, _, kinds = own_type.partition("/")
    last = kinds.rpartition("/")[2]
    if parent.type.lower() == own_type.lower().rpartition("/")[0]:
        return ResourceId(f"{prefix}/{last}/{resource.name}")
    return ResourceId(f"{prefix}/providers/{namespace}/{last}/{resource.name}")
