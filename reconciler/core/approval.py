"""Whether the plan that would be applied is the plan that was approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.plan import Action, Plan, Step, sha256_of
from reconciler.errors import PlanStale

DIGITS_AT_LEAST = 8
"""Of a digest, in an approval: fewer, or none, name no plan in particular."""


@dataclass(frozen=True)
class Interrupted:
    """An approved run that ended before its plan was done: its digest, and the fingerprint of each step it meant to do."""

    digest: str
    planned: Mapping[str, str]


def fingerprints(plan: Plan) -> dict[str, str]:
    """What each step would do, whatever Azure looks like by then: by step key."""
    return {step.key: _fingerprint(step) for step in plan.steps if step.action is not Action.RECORD}


def _fingerprint(step: Step) -> str:
    destroys = step.action in (Action.DELETE, Action.REPLACE)
    return sha256_of([step.stage, destroys, step.resource.body if step.resource else None])


def check_approval(plan: Plan, approval: str, interrupted: Interrupted | None) -> None:
    """`approval` is the beginning of a digest. Raises PlanStale unless it names this plan, or the interrupted run whose rest
    this plan is: going on after a crash needs no second approval.
    """
    if _names(approval, plan.digest) or not plan.has_changes:
        return
    if interrupted and _names(approval, interrupted.digest) and _is_rest(plan, interrupted):
        return
    raise PlanStale(
        f"This is not the plan that was approved: approved {approval or 'nothing'}, now {plan.digest[: max(len(approval), 12)]}.\n"
        f"    Azure or the YAML changed since. Read it with `reconciler plan {plan.environment}` and approve that."
    )


def _names(approval: str, digest: str) -> bool:
    return len(approval) >= DIGITS_AT_LEAST and digest.startswith(approval.lower())


def _is_rest(plan: Plan, interrupted: Interrupted) -> bool:
    return all(interrupted.planned.get(key) == fingerprint for key, fingerprint in fingerprints(plan).items())
