"""Desired, applied and live in; a Plan out. Pure: three values, one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.diff import Applied, Comparison, compare
from reconciler.core.plan import ABSENT, Action, Change, Class, Plan, Stage, Step, sha256_of
from reconciler.core.resource import Body, Reference, Resource, ResourceId
from reconciler.core.rollout import rollout_steps
from reconciler.core.rules import Kind, Rules

__all__ = ["Applied", "World", "make_plan"]

MANAGED_BY, ENVIRONMENT = "managed-by", "environment"
OURS = "reconciler"

_SEVERITY = (Class.CONFLICT, Class.ADOPTION, Class.MISSING, Class.DRIFT, Class.PENDING, Class.CONVERGED)


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
        value: Any = self.live.get(reference.resource, ABSENT)
        for part in reference.path.split("."):
            value = value.get(part, ABSENT) if isinstance(value, dict) else ABSENT
        if value is ABSENT or reference.template == "{}":
            return value
        return reference.template.replace("{}", str(value))

    def is_ours(self, resource: ResourceId) -> bool:
        """By its own tags; what carries none belongs to whom its parent belongs."""
        step: ResourceId | None = resource
        while step is not None:
            tags = _tags(self.live.get(step, {}))
            if tags:
                return tags.get(MANAGED_BY) == OURS and tags.get(ENVIRONMENT) == self.environment
            step = step.parent
        return False


def make_plan(world: World, commit: str) -> Plan:
    """Steps for everything that differs, with the digest that an approval names."""
    judged = [_judge(resource, world) for resource in sorted(world.desired, key=lambda r: r.id)]
    steps = [step for one in judged for step in one.steps]
    steps += _prunes(world)
    steps = rollout_steps(steps, world.desired, world.live)
    plan = Plan(
        environment=world.environment,
        commit=commit,
        steps=tuple(sorted(_with_needs(steps), key=lambda step: step.key)),
        in_sync=sum(not one.steps for one in judged),
        suppressed=tuple((one.id, change) for one in judged for change in one.suppressed),
        unmanaged=_unmanaged(world),
        warnings=tuple(warning for one in judged for warning in one.warnings),
        policy_set=world.policy_set,
    )
    return replace(plan, digest=_digest(plan, world))


@dataclass(frozen=True)
class _Judged:
    id: ResourceId
    steps: tuple[Step, ...] = ()
    suppressed: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()


def _judge(resource: Resource, world: World) -> _Judged:
    live, applied = world.live.get(resource.id), world.applied.get(resource.id)
    if live is None:
        cls = Class.PENDING if applied is None else Class.MISSING
        return _Judged(resource.id, tuple(_staged(_step(resource, Action.CREATE, cls), resource, world)))
    found = compare(resource.body, live, Comparison(resource.type, world.rules, world.resolve, applied))
    odd = tuple(change for change in found.changes if change.cls is Class.NON_CONVERGENT)
    changes = tuple(change for change in found.changes if change.cls is not Class.NON_CONVERGENT)
    if applied is None and not (world.is_ours(resource.id) or resource.id in world.bootstrap):
        steps = [_adoption(resource, changes, live, world)]
    elif changes:
        steps = _staged(_update(resource, changes, live, world), resource, world)
    elif applied is None or found.converged:
        steps = [_step(resource, Action.RECORD, Class.CONVERGED, live=live)]
    else:
        steps = []
    return _Judged(resource.id, tuple(steps), found.suppressed, tuple(_odd(resource, change) for change in odd))


def _step(
    resource: Resource,
    action: Action,
    cls: Class,
    changes: tuple[Change, ...] = (),
    live: Body | None = None,
    reason: str = "",
) -> Step:  # noqa: PLR0913
    return Step(resource.id.key, Stage.RESOURCE, action, cls, resource.id, resource, changes, reason=reason, live=live)


def _adoption(resource: Resource, changes: tuple[Change, ...], live: Body, world: World) -> Step:
    if not world.adopt:
        reason = "exists, and is not ours: say `adopt: true` in the YAML to take it over"
        return _step(resource, Action.NONE, Class.ADOPTION, changes, live, reason)
    return _step(resource, Action.UPDATE if changes else Action.RECORD, Class.PENDING, changes, live, "taken over")


def _update(resource: Resource, changes: tuple[Change, ...], live: Body, world: World) -> Step:
    cls = min((change.cls for change in changes), key=_SEVERITY.index)
    if cls is Class.CONFLICT:
        reason = "both git and Azure changed it: put git back to what is live, or Azure back to what was applied"
        return _step(resource, Action.NONE, cls, changes, live, reason)
    immutable = [rule for c in changes if (rule := world.rules.of(resource.type, c.path, Kind.IMMUTABLE))]
    if immutable:
        return _step(resource, Action.REPLACE, cls, changes, live, immutable[0].reason)
    return _step(resource, Action.UPDATE, cls, changes, live)


def _staged(step: Step, resource: Resource, world: World) -> list[Step]:
    """Cuts what must be written later out of a step, into one of its own."""
    rules = [
        rule for rule in world.rules.fields if rule.kind is Kind.STAGED and rule.speaks_of(resource.type, rule.path)
    ]
    if not rules or step.action is Action.NONE:
        return [step]
    later = [
        c
        for c in step.changes
        if any(c.path.lower() == r.path or c.path.lower().startswith(f"{r.path}.") for r in rules)
    ]
    if step.action is Action.CREATE:
        declared = [(rule.path, _at(resource.body, rule.path)) for rule in rules]
        later = [
            Change(path, value, ABSENT, Class.PENDING) for path, value in declared if value not in (ABSENT, {}, None)
        ]
    now = tuple(change for change in step.changes if change not in later)
    steps = [replace(step, changes=now)] if now or step.action is not Action.UPDATE else []
    if later:
        cls = min((change.cls for change in later), key=_SEVERITY.index)
        key = f"{resource.id.key}#traffic"
        steps.append(Step(key, Stage.TRAFFIC, Action.UPDATE, cls, resource.id, resource, tuple(later), live=step.live))
    return steps


def _odd(resource: Resource, change: Change) -> str:
    return (
        f"{resource.label or resource.id.name}: {change.path} was sent as {change.declared!r} and Azure keeps {change.live!r} "
        f"({resource.origin}): a field rule may say why"
    )


def _prunes(world: World) -> list[Step]:
    """What we made and no longer declare. Assets are history: their record goes, they stay."""
    declared = {resource.id for resource in world.desired}
    recorded = [id_ for id_ in world.applied if id_ not in declared]
    orphans = [
        id_
        for id_ in world.live
        if id_ not in declared
        and id_ not in world.applied
        and not world.rules.is_service_made(id_)
        and _tags(world.live[id_])
        and world.is_ours(id_)
    ]
    return [_prune(id_, world) for id_ in sorted([*recorded, *orphans])]


def _prune(resource: ResourceId, world: World) -> Step:
    live, applied = world.live.get(resource), world.applied.get(resource)
    if live is None or world.rules.is_retained(resource):
        reason = "already gone" if live is None else "kept in Azure as history"
        return Step(resource.key, Stage.RESOURCE, Action.RECORD, Class.PRUNE, resource, None, reason=reason, live=live)
    changes: tuple[Change, ...] = ()
    if applied:
        found = compare(applied.answered, live, Comparison(resource.type, world.rules, world.resolve, applied))
        changes = tuple(c for c in found.changes if not world.rules.of(resource.type, c.path, Kind.SERVICE_OWNED))
    if changes:
        reason = "no longer declared, and changed since it was applied: look at it before it goes"
        return Step(
            resource.key,
            Stage.RESOURCE,
            Action.NONE,
            Class.PRUNE_CONFLICT,
            resource,
            None,
            changes,
            reason=reason,
            live=live,
        )
    return Step(
        resource.key, Stage.RESOURCE, Action.DELETE, Class.PRUNE, resource, None, reason="no longer declared", live=live
    )


def _unmanaged(world: World) -> tuple[ResourceId, ...]:
    declared = {resource.id for resource in world.desired}
    return tuple(
        sorted(
            id_
            for id_ in world.live
            if id_ not in declared
            and id_ not in world.applied
            and not world.rules.is_service_made(id_)
            and not world.is_ours(id_)
        )
    )


def _with_needs(steps: list[Step]) -> list[Step]:
    """References between resources become an order between steps; a parent is deleted after what lives in it."""
    keys = {step.key for step in steps}
    deletes = [step for step in steps if step.action is Action.DELETE]
    ordered = []
    for step in steps:
        needs = set(step.needs)
        if step.action is Action.DELETE:
            needs |= {other.key for other in deletes if other.id.key.startswith(f"{step.id.key}/")}
        elif step.resource:
            needs |= {id_.key for id_ in step.resource.needs}
            if step.stage is not Stage.RESOURCE:
                needs.add(step.id.key)
        ordered.append(replace(step, needs=frozenset(needs & keys - {step.key})))
    return ordered


def _digest(plan: Plan, world: World) -> str:
    """Over what would be done and what it would be done to. What only the ledger or the bootstrap does is left out, so that a
    run that was killed is still the run that was approved. The commit is metadata: merging changes nothing of it.
    """
    counted = [step for step in plan.steps if step.action is not Action.RECORD and not _is_bootstrap(step, world)]
    return sha256_of(
        {
            "environment": plan.environment,
            "policy_set": plan.policy_set,
            "bootstrap": {r.id.key: r.body for r in world.desired if r.id in world.bootstrap},
            "steps": [
                {
                    "key": step.key,
                    "action": step.action,
                    "class": step.cls,
                    "declared": step.resource.body if step.resource else None,
                    "live": _projected(step.resource.body if step.resource else {}, step.live),
                    "changes": [[change.path, change.declared, change.live] for change in step.changes],
                }
                for step in counted
            ],
        }
    )


def _is_bootstrap(step: Step, world: World) -> bool:
    """Making bootstrap resources, or completing what a killed run left of them: their bodies are counted on their own."""
    made = step.action in (Action.CREATE, Action.UPDATE)
    return made and step.id in world.bootstrap and step.id not in world.applied


def _projected(declared: Any, live: Any) -> Any:
    """The part of live that we declare: the rest moves by itself (etags, node counts) and is not ours."""
    if isinstance(declared, dict) and isinstance(live, dict):
        folded = {name.lower(): value for name, value in live.items()}
        return {name: _projected(value, folded.get(name.lower())) for name, value in declared.items()}
    return live


def _tags(body: Body) -> Mapping[str, str]:
    """Most types carry tags at the top; Azure ML's assets among their properties."""
    properties = body.get("properties")
    return body.get("tags") or (properties.get("tags") if isinstance(properties, dict) else None) or {}


def _at(body: Any, path: str) -> Any:
    for part in path.split("."):
        folded = {name.lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
        body = folded.get(part.lower(), ABSENT)
    return body
