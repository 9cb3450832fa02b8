"""How a field of a resource type behaves, as data with a reason. `reconciler/rules/*.yaml` holds them; this reads none."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from reconciler.core.equality import is_empty, same
from reconciler.core.resource import ResourceId


class Kind(StrEnum):
    """What a rule says of the field it names."""

    IMMUTABLE = "immutable"  # another value needs another resource
    WRITE_ONLY = "write-only"  # sent, never answered
    DEFAULT = "default"  # these declared values come back as these live ones
    SERVICE_OWNED = "service-owned"  # Azure or an autoscaler moves it on its own
    CLOSED = "closed"  # a map or list in which an undeclared entry is a finding
    STAGED = "staged"  # written in a step of its own, after what it depends on


SILENCING = (Kind.WRITE_ONLY, Kind.DEFAULT, Kind.SERVICE_OWNED)


@dataclass(frozen=True)
class FieldRule:
    """`type` and `path` are globs, lower case; a `*` in a path stands for one segment. `declared` and `live`, when given,
    are the only values the rule speaks of: an absent value is spelled None.
    """

    id: str
    type: str
    path: str
    kind: Kind
    reason: str
    link: str = ""
    declared: tuple[Any, ...] | None = None
    live: tuple[Any, ...] | None = None

    def speaks_of(self, resource_type: str, path: str) -> bool:
        own, asked = self.path.split("."), path.lower().split(".")
        return (
            fnmatchcase(resource_type.lower(), self.type)
            and len(own) == len(asked)
            and all(fnmatchcase(part, pattern) for pattern, part in zip(own, asked, strict=True))
        )

    def silences(self, declared: Any, live: Any) -> bool:
        if self.kind not in SILENCING:
            return False
        if self.kind is Kind.WRITE_ONLY and not is_empty(live):
            return False
        return _among(declared, self.declared) and _among(live, self.live)


def _among(value: Any, values: tuple[Any, ...] | None) -> bool:
    return values is None or any(same(value, one) or (is_empty(value) and one is None) for one in values)


@dataclass(frozen=True)
class ServiceMade:
    """Resources that Azure or the reconciler itself makes: never unmanaged, never pruned. `id` is a glob on the lower-case id."""

    id: str
    reason: str


@dataclass(frozen=True)
class Rules:
    """Every rule, in the order of their ids."""

    fields: tuple[FieldRule, ...] = ()
    service_made: tuple[ServiceMade, ...] = ()
    stateful: frozenset[str] = field(default_factory=frozenset)
    """Types, lower case, whose deletion loses what nobody can bring back."""
    retained: frozenset[str] = field(default_factory=frozenset)
    """Types, lower case, that stay in Azure when they are no longer declared: they are history."""

    def of(self, resource_type: str, path: str, *kinds: Kind) -> FieldRule | None:
        """The first rule of those kinds that speaks of the path."""
        return next((r for r in self.fields if r.kind in kinds and r.speaks_of(resource_type, path)), None)

    def silencer(self, resource_type: str, path: str, declared: Any, live: Any) -> FieldRule | None:
        candidates = (r for r in self.fields if r.kind in SILENCING and r.speaks_of(resource_type, path))
        return next((r for r in candidates if r.silences(declared, live)), None)

    def is_service_made(self, resource: ResourceId) -> bool:
        return any(fnmatchcase(resource.key, one.id) for one in self.service_made)

    def is_stateful(self, resource: ResourceId) -> bool:
        return resource.type.lower() in self.stateful

    def is_retained(self, resource: ResourceId) -> bool:
        return resource.type.lower() in self.retained
