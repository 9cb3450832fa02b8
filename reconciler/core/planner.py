"""Desired, applied and live in; a Plan out. Pure: three values, one answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.diff import Applied, Comparison, compare
from reconciler.core.equality import is_empty
from reconciler.core.plan import ABSENT, Action, Change, Class, Plan, Stage, Step, sha256_of
from reconciler.core.resource import Body, Resource, ResourceId
from reconciler.core.rollout import rollout_steps
from reconciler.core.rules import Kind, at
from reconciler.core.world import World

__all__ = ["Applied", "World", "make_plan"]

_SEVERITY = (Class.CONFLICT, Class.ADOPTION, Class.MISSING, Class.DRIFT, Class.PENDING, Class.CONVERGED)


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
    found = compare(resource.body, live, _comparison(resource.id, world, resource.api_version))
    odd = tuple(change for change in found.changes if change.cls is Class.NON_CONVERGENT)
    changes = tuple(change for change in found.changes if change.cls is not Class.NON_CONVERGENT)
    is_foreign = applied is None and not (world.is_ours(resource.id) or resource.id in world.bootstrap)
    if is_foreign and not world.adopt:
        reason = "exists, and is not ours: say `adopt: true` in the YAML to take it over"
        steps = [_step(resource, Action.NONE, Class.ADOPTION, changes, live, reason)]
    elif changes:
        steps = _staged(_update(resource, changes, live, world), resource, world)
    elif applied is None or found.converged:
        steps = [_step(resource, Action.RECORD, Class.CONVERGED, live=live)]
    else:
        steps = []
    if is_foreign and world.adopt:
        steps = [replace(step, reason=step.reason or "taken over") for step in steps]
    return _Judged(resource.id, tuple(steps), found.suppressed, tuple(_odd(resource, change) for change in odd))


def _comparison(resource: ResourceId, world: World, api_version: str) -> Comparison:
    return Comparison(resource.type, world.rules, world.resolve, world.applied.get(resource), api_version)


def _step(
    resource: Resource,
    action: Action,
    cls: Class,
    changes: tuple[Change, ...] = (),
    live: Body | None = None,
    reason: str = "",
) -> Step:
    return Step(resource.id.key, Stage.RESOURCE, action, cls, resource.id, resource, changes, reason=reason, live=live)


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
    rules = [rule for rule in world.rules.of_type(resource.type) if rule.kind is Kind.STAGED]
    if not rules or step.action is Action.NONE:
        return [step]
    later = [
        c
        for c in step.changes
        if any(c.path.lower() == r.path or c.path.lower().startswith(f"{r.path}.") for r in rules)
    ]
    if step.action is Action.CREATE:
        declared = [(rule.path, at(resource.body, rule.path)) for rule in rules]
        later = [
            Change(path, value, ABSENT, Class.PENDING)
            for path, value in declared
            if not is_empty(None if value is ABSENT else value)
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
    orphans = [id_ for id_ in world.strangers() if world.is_tagged_ours(id_)]
    return [_prune(id_, world) for id_ in sorted([*recorded, *orphans])]


def _prune(resource: ResourceId, world: World) -> Step:
    live, applied = world.live.get(resource), world.applied.get(resource)
    action, cls, reason, changes = Action.DELETE, Class.PRUNE, "no longer declared", tuple[Change, ...]()
    if live is None or world.rules.is_retained(resource):
        action, reason = Action.RECORD, "already gone" if live is None else "kept in Azure as history"
    elif not world.is_ours(resource):
        action, cls, reason = Action.NONE, Class.PRUNE_CONFLICT, "no longer declared, and no longer tagged as ours"
    elif applied and (changes := _changed_since(resource, applied, live, world)):
        reason = "no longer declared, and changed since it was applied: look at it before it goes"
        action, cls = Action.NONE, Class.PRUNE_CONFLICT
    return Step(resource.key, Stage.RESOURCE, action, cls, resource, None, changes, reason=reason, live=live)


def _changed_since(resource: ResourceId, applied: Applied, live: Body, world: World) -> tuple[Change, ...]:
    """Of what we once sent, what Azure answers otherwise now: node counts and etags are not ours."""
    answered = _projected(applied.sent, applied.answered)
    known = Applied(answered, answered, applied.api_version)
    comparison = replace(_comparison(resource, world, applied.api_version), applied=known)
    return compare(answered, live, comparison).changes


def _unmanaged(world: World) -> tuple[ResourceId, ...]:
    return tuple(id_ for id_ in world.strangers() if not world.is_tagged_ours(id_))


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
