"""Traffic: what a valid split is, which deployments must be tested first, whether a forecast is the expected one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.core.plan import Action, Class, Stage, Step
from reconciler.core.resource import Body, Resource, ResourceId

ENDPOINT = "microsoft.machinelearningservices/workspaces/onlineendpoints"
DEPLOYMENT = f"{ENDPOINT}/deployments"

WRITES = (Action.CREATE, Action.UPDATE, Action.REPLACE)


def split_problems(split: Mapping[str, int], deployments: Sequence[str]) -> list[str]:
    """Why a traffic map is not one Azure can serve; empty when it is."""
    problems = [f"{name} is not a deployment" for name in sorted(split) if name not in deployments]
    problems += [f"{name} gets {share}, below 0" for name, share in sorted(split.items()) if share < 0]
    if (total := sum(split.values())) not in (0, 100):
        problems.append(f"traffic adds up to {total}, not 100 or 0")
    return problems


def compare_forecasts(expected: Sequence[float], got: Sequence[float], tolerance_percent: float) -> str:
    """Why `got` is not the expected forecast; empty when every value is within the tolerance. Below one unit of demand the
    tolerance is absolute: a percentage of nearly nothing says nothing.
    """
    if len(expected) != len(got):
        return f"{len(got)} values where {len(expected)} were expected"
    for week, (wanted, answered) in enumerate(zip(expected, got, strict=True), 1):
        if not abs(answered - wanted) <= max(abs(wanted), 1.0) * tolerance_percent / 100:
            return (
                f"week {week}: {answered:.2f} where {wanted:.2f} was expected, more than {tolerance_percent:g} % apart"
            )
    return ""


def rollout_steps(steps: Sequence[Step], desired: Sequence[Resource], live: Mapping[ResourceId, Body]) -> list[Step]:
    """`steps` with a smoke test after each deployment that is written or is about to get more traffic, and every traffic
    step behind the deployments and tests it relies on.
    """
    deployments = [resource for resource in desired if resource.type.lower() == DEPLOYMENT]
    written = {step.id for step in steps if step.action in WRITES}
    rising = {id_ for step in steps if step.stage is Stage.TRAFFIC for id_ in _rising(step, live)}
    tests = [_smoke_test(resource) for resource in deployments if resource.id in written | rising]
    return [*(_behind(step, deployments, tests) for step in steps), *tests]


def _rising(step: Step, live: Mapping[ResourceId, Body]) -> list[ResourceId]:
    """Deployments that get a larger share than they have now, of traffic or of its mirror."""
    if step.resource is None:
        return []
    now = live.get(step.id, {})
    names = {
        name
        for key in ("traffic", "mirrorTraffic")
        for name, share in _shares(step.resource.body, key).items()
        if share > _shares(now, key).get(name, 0)
    }
    return [ResourceId(f"{step.id}/deployments/{name}") for name in sorted(names)]


def _shares(body: Mapping[str, Any], key: str) -> Mapping[str, int]:
    properties = body.get("properties") or {}
    return properties.get(key) or {}


def _smoke_test(resource: Resource) -> Step:
    return Step(
        key=f"{resource.id.key}#smoke",
        stage=Stage.SMOKE_TEST,
        action=Action.UPDATE,
        cls=Class.PENDING,
        id=resource.id,
        resource=resource,
        reason="asked for known forecasts before it gets more traffic",
    )


def _behind(step: Step, deployments: Sequence[Resource], tests: Sequence[Step]) -> Step:
    if step.stage is not Stage.TRAFFIC:
        return step
    own = {resource.id.key for resource in deployments if resource.id.parent == step.id}
    return replace(step, needs=step.needs | own | {test.key for test in tests if test.id.key in own})
