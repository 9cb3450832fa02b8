"""What is refused unless somebody consents to it by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.plan import Action, Class, Plan, Step
from reconciler.core.resource import Body, ResourceId
from reconciler.core.rollout import DEPLOYMENT, ENDPOINT
from reconciler.core.rules import Rules
from reconciler.errors import PlanRefused

DELETES_AT_MOST = 5
"""In one apply, without consent to each: more looks like a mistake in the YAML, not like a decision."""


@dataclass(frozen=True)
class Consent:
    """Resources, by id or by name, that somebody agreed to lose."""

    to: frozenset[str] = frozenset()

    def covers(self, resource: ResourceId) -> bool:
        return any(one.lower() in (resource.key, resource.name.lower()) for one in self.to)


def guard(plan: Plan, consent: Consent, rules: Rules, traffic: Mapping[ResourceId, int]) -> None:
    """Raises PlanRefused with every reason at once. `traffic` is the live share of each deployment, in percent."""
    reasons = [reason for step in plan.steps for reason in _reasons(step, consent, rules, traffic)]
    deletes = [step for step in plan.steps if step.action is Action.DELETE and not consent.covers(step.id)]
    if len(deletes) > DELETES_AT_MOST:
        reasons.append(
            f"{len(deletes)} resources would be deleted, more than {DELETES_AT_MOST}: name each with --consent"
        )
    if reasons:
        raise PlanRefused(
            "\n".join(["Nothing was applied: the plan is refused.", *(f"    {reason}" for reason in reasons)])
        )


def _reasons(step: Step, consent: Consent, rules: Rules, traffic: Mapping[ResourceId, int]) -> list[str]:
    where = f" ({step.origin})" if step.origin else ""
    if step.cls in (Class.CONFLICT, Class.PRUNE_CONFLICT, Class.ADOPTION) and step.action is Action.NONE:
        return [f"{step.label}{where}: {step.cls.value}: {step.reason}"]
    if step.action not in (Action.DELETE, Action.REPLACE):
        return []
    share = traffic.get(step.id, 0)
    if share and (step.action is Action.REPLACE or step.resource is None):
        what = "replaced" if step.action is Action.REPLACE else "deleted"
        return [f"{step.label}{where}: would be {what} while it has {share} % of the traffic. {step.reason}".rstrip()]
    if step.id.type.lower() == DEPLOYMENT or consent.covers(step.id):
        return []
    if rules.is_stateful(step.id) or step.action is Action.REPLACE:
        return [
            f"{step.label}{where}: {step.action.value} loses what it holds ({step.reason}). To agree: --consent {step.id.name}"
        ]
    return []


def live_traffic(live: Mapping[ResourceId, Body]) -> dict[ResourceId, int]:
    """The share of each deployment that gets any, of traffic or of its mirror, in percent, from the live endpoints."""
    return {
        ResourceId(f"{resource}/deployments/{name}"): share
        for resource, body in live.items()
        if resource.type.lower() == ENDPOINT
        for key in ("mirrorTraffic", "traffic")
        for name, share in ((body.get("properties") or {}).get(key) or {}).items()
        if share
    }
