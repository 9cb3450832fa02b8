"""What a plan is made from, and whose each resource in it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.diff import Applied
from reconciler.core.plan import ABSENT
from reconciler.core.resource import Body, Reference, Resource, ResourceId
from reconciler.core.rules import Rules, at

MANAGED_BY, ENVIRONMENT = "managed-by", "environment"
OURS = "reconciler"


@dataclass(frozen=True)
class World:
    """What a plan is made from. `live` holds every declared or recorded id that exists, and whatever else the resource
    group lists. `bootstrap` are the resources that are made before the lock can be taken: creating them needs no approval.
    """

    environment: str
    desired: Sequence[Resource]
    applied: Mapping[ResourceId, Applied]
    live: Mapping[ResourceId, Body]
    rules: Rules
    adopt: bool = False
    bootstrap: frozenset[ResourceId] = frozenset()
    policy_set: str = ""

    def resolve(self, reference: Reference) -> Any:
        """The live value that a reference stands for; ABSENT while nobody knows it."""
        value = at(self.live.get(reference.resource), reference.path)
        if value is ABSENT or reference.template == "{}":
            return value
        return reference.template.replace("{}", str(value))

    def is_ours(self, resource: ResourceId) -> bool:
        """By its own tags. What carries none, and lives in or on another resource, belongs to whom that one belongs; what
        lies in the resource group by itself is nobody's.
        """
        if tags := tags_of(self.live.get(resource, {})):
            return tags.get(MANAGED_BY) == OURS and tags.get(ENVIRONMENT) == self.environment
        belongs = len(resource.names) > 1 or self.rules.is_untagged(resource)
        return belongs and resource.parent is not None and self.is_ours(resource.parent)

    def is_tagged_ours(self, resource: ResourceId) -> bool:
        return bool(tags_of(self.live.get(resource, {}))) and self.is_ours(resource)

    def strangers(self) -> list[ResourceId]:
        """Live, neither declared nor recorded, and not made by a service: sorted."""
        known = {resource.id for resource in self.desired} | set(self.applied)
        return sorted(id_ for id_ in self.live if id_ not in known and not self.rules.is_service_made(id_))


def tags_of(body: Body) -> Mapping[str, str]:
    """Most types carry tags at the top; Azure ML's assets among their properties."""
    properties = body.get("properties")
    return body.get("tags") or (properties.get("tags") if isinstance(properties, dict) else None) or {}
