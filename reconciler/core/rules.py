"""How a field of a resource type behaves, as data with a reason. `reconciler/rules/*.yaml` holds them; this reads none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from reconciler.core.equality import is_empty, same
from reconciler.core.plan import ABSENT
from reconciler.core.resource import Body, ResourceId


class Kind(StrEnum):
    """What a rule says of the field it names."""

    IMMUTABLE = "immutable"  # another value needs another resource
    WRITE_ONLY = "write-only"  # sent, never answered
    DEFAULT = "default"  # these declared values come back as these live ones
    SERVICE_OWNED = "service-owned"  # Azure or an autoscaler moves it on its own
    CLOSED = "closed"  # a map in which an undeclared entry is a finding
    STAGED = "staged"  # a closed map written in a step of its own, after what it depends on
    ORDERED = "ordered"  # a list whose order means something
    DOCUMENT = "document"  # text that holds YAML or JSON: the documents are compared


SILENCING = (Kind.WRITE_ONLY, Kind.DEFAULT, Kind.SERVICE_OWNED, Kind.DOCUMENT)


@dataclass(frozen=True)
class Said:
    """What a resource is declared as, and in which API version it is read."""

    body: Body
    api_version: str = ""


@dataclass(frozen=True)
class FieldRule:
    """`type` and `path` are globs, lower case; a `*` in a path stands for one segment. `declared` and `live`, when given,
    are the only values the rule speaks of: an absent value is spelled None. `when` are values that the declared body must
    have at other paths; `api_versions` those in which the service behaves so.
    """

    id: str
    type: str
    path: str
    kind: Kind
    reason: str
    link: str = ""
    declared: tuple[Any, ...] | None = None
    live: tuple[Any, ...] | None = None
    when: Mapping[str, Any] = field(default_factory=dict)
    api_versions: tuple[str, ...] | None = None

    @cached_property
    def _segments(self) -> list[str]:
        return self.path.split(".")

    def speaks_of_type(self, resource_type: str) -> bool:
        return fnmatchcase(resource_type.lower(), self.type)

    def speaks_of_path(self, path: str) -> bool:
        asked = path.lower().split(".")
        return len(self._segments) == len(asked) and all(map(fnmatchcase, asked, self._segments))

    def silences(self, declared: Any, live: Any, said: Said) -> bool:
        """Whether a difference of these two values is none, in a resource of which that was said."""
        if self.api_versions is not None and said.api_version not in self.api_versions:
            return False
        if self.kind is Kind.WRITE_ONLY and not is_empty(live):
            return False
        if not all(same(at(said.body, path), value) for path, value in self.when.items()):
            return False
        return _among(declared, self.declared) and _among(live, self.live)


def _among(value: Any, values: tuple[Any, ...] | None) -> bool:
    return values is None or any(same(value, one) for one in values)


def at(body: Any, path: str) -> Any:
    """The value at a dotted path, whatever the casing of the names; ABSENT where it ends early."""
    for part in path.lower().split("."):
        folded = {name.lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
        body = folded.get(part, ABSENT)
    return body


@dataclass(frozen=True)
class ServiceMade:
    """Resources that Azure or the reconciler itself makes: never unmanaged, never pruned. `id` is a glob on the lower-case id."""

    id: str
    reason: str


@dataclass(frozen=True)
class Rules:
    """Every rule, in the order of their ids. `parse` reads the text of a DOCUMENT and raises ValueError on what is none."""

    fields: tuple[FieldRule, ...] = ()
    service_made: tuple[ServiceMade, ...] = ()
    stateful: frozenset[str] = field(default_factory=frozenset)
    """Types, lower case, whose deletion loses what nobody can bring back."""
    retained: frozenset[str] = field(default_factory=frozenset)
    """Types, lower case, that stay in Azure when they are no longer declared: they are history."""
    untagged: frozenset[str] = field(default_factory=frozenset)
    """Types, lower case, that cannot carry tags: they belong to whom the resource belongs that they are set on."""
    parse: Callable[[str], Any] = field(default=str, compare=False)

    @cached_property
    def _by_type(self) -> dict[str, tuple[FieldRule, ...]]:
        return {}

    def of_type(self, resource_type: str) -> tuple[FieldRule, ...]:
        """Worked out once a type: a plan asks it for every path."""
        if resource_type not in self._by_type:
            self._by_type[resource_type] = tuple(rule for rule in self.fields if rule.speaks_of_type(resource_type))
        return self._by_type[resource_type]

    def of(self, resource_type: str, path: str, *kinds: Kind) -> FieldRule | None:
        """The first rule of those kinds that speaks of the path."""
        rules = self.of_type(resource_type)
        return next((rule for rule in rules if rule.kind in kinds and rule.speaks_of_path(path)), None)

    def silencer(self, resource_type: str, path: str, values: tuple[Any, Any], said: Said) -> FieldRule | None:
        """The rule by which `values`, declared and live, are no difference in a resource of which that was said."""
        for rule in self.of_type(resource_type):
            if rule.kind not in SILENCING or not rule.speaks_of_path(path) or not rule.silences(*values, said):
                continue
            if rule.kind is not Kind.DOCUMENT or self._same_document(*values):
                return rule
        return None

    def _same_document(self, declared: Any, live: Any) -> bool:
        if not isinstance(declared, str) or not isinstance(live, str):
            return False
        try:
            return bool(self.parse(declared) == self.parse(live))
        except ValueError:
            return False

    def is_service_made(self, resource: ResourceId) -> bool:
        return any(fnmatchcase(resource.key, one.id) for one in self.service_made)

    def is_stateful(self, resource: ResourceId) -> bool:
        return resource.type.lower() in self.stateful

    def is_retained(self, resource: ResourceId) -> bool:
        return resource.type.lower() in self.retained

    def is_untagged(self, resource: ResourceId) -> bool:
        return resource.type.lower() in self.untagged
