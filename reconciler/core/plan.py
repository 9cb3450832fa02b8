"""The nouns of a plan. Types only: `planner` makes them, `safety` judges them, `apply` walks them, `views` show them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.core.resource import Body, Origin, Reference, Resource, ResourceId


class Class(StrEnum):
    """How desired, applied and live stand to each other (docs: architecture, "Three states")."""

    IN_SYNC = "in-sync"
    PENDING = "pending"
    DRIFT = "drift"
    CONVERGED = "converged"
    CONFLICT = "conflict"
    MISSING = "missing"
    PRUNE = "prune"
    PRUNE_CONFLICT = "prune-conflict"
    UNMANAGED = "unmanaged"
    ADOPTION = "adoption"
    SUPPRESSED = "suppressed"
    NON_CONVERGENT = "non-convergent"


class Action(StrEnum):
    """What apply does to one resource."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    RECORD = "record"  # ledger only


class Stage(StrEnum):
    """One resource may need several steps: an endpoint is written, its deployments are tested, then traffic moves."""

    RESOURCE = "resource"
    SMOKE_TEST = "smoke test"
    TRAFFIC = "traffic"


class _Absent:
    """The value of a path that a body does not have: unlike null, which a body may say."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


@dataclass(frozen=True)
class Change:
    """One path of one resource where two states differ. `rule` is set when a field rule suppresses or classifies it."""

    path: str
    declared: Any
    live: Any
    cls: Class
    applied: Any = ABSENT
    rule: str | None = None


@dataclass(frozen=True)
class Step:
    """One thing apply does. `key` is unique within a plan and `needs` are keys of other steps."""

    key: str
    stage: Stage
    action: Action
    cls: Class
    id: ResourceId
    resource: Resource | None  # None: a delete of something no longer declared
    changes: tuple[Change, ...] = ()
    needs: frozenset[str] = frozenset()
    reason: str = ""
    live: Body | None = None

    @property
    def origin(self) -> Origin | None:
        return self.resource.origin if self.resource else None

    @property
    def label(self) -> str:
        return (self.resource.label if self.resource else "") or f"{self.id.type.rpartition('/')[2]} {self.id.name}"


@dataclass(frozen=True)
class Plan:
    """Everything that differs, what would be done about it, and the digest an approval names.

    `steps` is sorted by key; those with `Action.NONE` are not in it, conflicts and adoptions are (apply refuses them).
    """

    environment: str
    commit: str
    steps: tuple[Step, ...]
    in_sync: int
    suppressed: tuple[tuple[ResourceId, Change], ...] = ()
    unmanaged: tuple[ResourceId, ...] = ()
    warnings: tuple[str, ...] = ()
    policy_set: str = ""
    digest: str = field(default="", compare=False)

    @property
    def has_changes(self) -> bool:
        return bool(self.steps)

    def of_class(self, *classes: Class) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.cls in classes)


def canonical_json(value: object) -> str:
    """Same value, same text: sorted keys, references spelled, absent values named."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_spell)


def _spell(value: object) -> object:
    match value:
        case Reference():
            return value.to_json()
        case ResourceId():
            return value.key
        case _Absent():
            return {"$absent": True}
    raise TypeError(f"no canonical spelling for {type(value).__name__}")


def sha256_of(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
