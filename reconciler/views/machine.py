"""A plan and a report as JSON for machines. `schema` grows by one when a key changes its meaning."""

from __future__ import annotations

import json
from typing import Any

from reconciler.apply import Report
from reconciler.core.plan import ABSENT, Change, Plan, Step
from reconciler.core.resource import Reference, ResourceId
from reconciler.views.masking import masked

SCHEMA = 1


def plan_json(plan: Plan) -> str:
    """The whole plan, sorted, secrets masked."""
    shown = {
        "schema": SCHEMA,
        "environment": plan.environment,
        "commit": plan.commit,
        "digest": plan.digest,
        "in_sync": plan.in_sync,
        "steps": [_step(step) for step in plan.steps],
        "suppressed": [{"id": str(resource), **_change(change)} for resource, change in plan.suppressed],
        "unmanaged": [str(resource) for resource in plan.unmanaged],
        "warnings": list(plan.warnings),
    }
    return json.dumps(shown, indent=2, sort_keys=True, default=_spell)


def report_json(report: Report, *, environment: str, verified: bool) -> str:
    """What an apply did, a line a step."""
    shown = {
        "schema": SCHEMA,
        "environment": environment,
        "ok": report.ok,
        "verified": verified,
        "results": [
            {
                "key": result.step.key,
                "label": result.step.label,
                "outcome": result.outcome,
                "seconds": round(result.seconds, 1),
                "message": result.message,
            }
            for result in report.results
        ],
    }
    return json.dumps(shown, indent=2, sort_keys=True)


def _step(step: Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "id": str(step.id),
        "stage": step.stage,
        "action": step.action,
        "class": step.cls,
        "origin": str(step.origin) if step.origin else None,
        "reason": step.reason,
        "needs": sorted(step.needs),
        "changes": [_change(change) for change in step.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    shown = {
        "path": change.path,
        "declared": _masked_deep(change.path, change.declared),
        "live": _masked_deep(change.path, change.live),
        "class": change.cls,
        "rule": change.rule,
    }
    return {key: value for key, value in shown.items() if value is not ABSENT}


def _masked_deep(path: str, value: Any) -> Any:
    match value:
        case str():
            return masked(path, value)
        case dict():
            return {key: _masked_deep(f"{path}.{key}", item) for key, item in value.items()}
        case list():
            return [_masked_deep(path, item) for item in value]
    return value


def _spell(value: object) -> object:
    match value:
        case Reference():
            return value.to_json()
        case ResourceId():
            return str(value)
    if value is ABSENT:
        return None
    raise TypeError(f"no JSON for {type(value).__name__}")
