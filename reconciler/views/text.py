"""A plan and a report as a person reads them: worst first, nothing that is in sync, the next command last."""

from __future__ import annotations

from collections import Counter
from typing import Any

from reconciler.apply import Outcome, Report
from reconciler.core.plan import ABSENT, Action, Change, Class, Plan, Stage, Step
from reconciler.core.resource import Reference
from reconciler.views.masking import masked
from reconciler.views.style import Style

APPROVAL_LENGTH = 12
"""Hexadecimal digits of the digest that an approval must name at least: 48 bits, far from guessable in one run."""

_WIDTH = 68
_VALUE_WIDTH = 60

# Worst first: what is lost, what somebody must decide, what changed behind our back, what customers feel, the rest.
_HEADINGS: tuple[tuple[str, str], ...] = (
    ("DELETE", "red"),
    ("REPLACE", "red"),
    ("CONFLICT", "red"),
    ("ADOPT", "red"),
    ("DRIFT", "yellow"),
    ("MISSING", "yellow"),
    ("TRAFFIC", "magenta"),
    ("CHANGE", "blue"),
    ("CREATE", "green"),
    ("TEST", "dim"),
    ("RECORD", "dim"),
)
_RANK = {heading: rank for rank, (heading, _) in enumerate(_HEADINGS)}
_COLOUR = dict(_HEADINGS)


def heading(step: Step) -> str:
    """The word a step is listed under."""
    match step:
        case Step(cls=Class.CONFLICT | Class.PRUNE_CONFLICT):
            return "CONFLICT"
        case Step(cls=Class.ADOPTION):
            return "ADOPT"
        case Step(action=Action.DELETE | Action.REPLACE | Action.RECORD):
            return step.action.value.upper()
        case Step(stage=Stage.SMOKE_TEST):
            return "TEST"
        case Step(cls=Class.DRIFT | Class.MISSING):
            return step.cls.value.upper()
        case Step(stage=Stage.TRAFFIC):
            return "TRAFFIC"
        case Step(action=Action.CREATE):
            return "CREATE"
    return "CHANGE"


def ranked(plan: Plan) -> list[Step]:
    """Steps in the order a reviewer wants them."""
    return sorted(plan.steps, key=lambda step: (_RANK[heading(step)], step.label, step.key))


def plan_text(plan: Plan, *, resources: int, seconds: float, style: Style, show_suppressed: bool = False) -> str:
    """The whole plan. `resources` were compared, in `seconds`."""
    commit = f"commit {plan.commit}  " if plan.commit else ""
    lines = [f"{style(plan.environment, 'bold')}  {commit}{resources} resources, read in {seconds:.1f} s", ""]
    for step in ranked(plan):
        lines += _step_lines(step, style)
    if plan.unmanaged:
        lines += [f"  {'UNMANAGED':<10}{resource.type} {resource.name}" for resource in plan.unmanaged]
    if show_suppressed:
        lines += [
            f"  {'ignored':<10}{resource.name}  {change.path}  ({change.rule})" for resource, change in plan.suppressed
        ]
    if len(lines) > 2:
        lines.append("")
    lines += [*(f"warning: {warning}" for warning in plan.warnings), summary(plan)]
    return "\n".join(lines)


def summary(plan: Plan) -> str:
    """`1 drift, 2 pending, 28 in sync, 3 differences suppressed`."""
    counts = Counter(step.cls for step in plan.steps if step.stage is not Stage.SMOKE_TEST)
    parts = [f"{counts[cls]} {cls.value}" for cls in Class if counts[cls] and cls is not Class.IN_SYNC]
    parts.append(f"{plan.in_sync} in sync")
    if plan.unmanaged:
        parts.append(f"{len(plan.unmanaged)} unmanaged")
    if plan.suppressed:
        parts.append(f"{len(plan.suppressed)} differences suppressed")
    return ", ".join(parts)


def _step_lines(step: Step, style: Style) -> list[str]:
    word = heading(step)
    origin = str(step.origin) if step.origin else ""
    label = f"{step.label}  " if origin else step.label
    lines = [f"  {style(f'{word:<10}', _COLOUR[word])}{label:<{_WIDTH - 10}}{style(origin, 'dim')}".rstrip()]
    if step.reason:
        lines.append(f"              {step.reason}")
    if step.action is not Action.CREATE or step.stage is Stage.TRAFFIC:
        lines += [f"              {line}" for line in _change_lines(step)]
    return lines


def _change_lines(step: Step) -> list[str]:
    if not step.changes:
        return []
    width = max(len(_short(change.path)) for change in step.changes)
    return [f"{_short(change.path):<{width}}  {_values(change, step)}" for change in step.changes]


def _values(change: Change, step: Step) -> str:
    live, declared = shown(change.live, change.path), shown(change.declared, change.path)
    if step.cls in (Class.DRIFT, Class.CONFLICT):
        return f"declared {declared}    live {live}"
    return f"{live} -> {declared}"


def _short(path: str) -> str:
    """`properties.` stands before nearly every path and says nothing."""
    return path.removeprefix("properties.")


def shown(value: Any, path: str = "") -> str:
    """A value in one short piece: secrets masked, long ones cut."""
    match value:
        case _ if value is ABSENT:
            return "(none)"
        case Reference():
            return f"known after apply ({value.path} of {value.resource.name})"
        case True | False:
            return str(value).lower()
        case str():
            text = masked(path, value)
        case _:
            from reconciler.core.plan import canonical_json

            text = canonical_json(value)
    return text if len(text) <= _VALUE_WIDTH else f"{text[: _VALUE_WIDTH - 3]}..."


def report_text(report: Report, *, verified: bool, commit: str, style: Style) -> str:
    """The closing lines of an apply: what was done, what is left, whether live equals declared."""
    done = len(report.of(Outcome.DONE))
    if report.ok:
        proof = "verified: live equals declared" if verified else "but live does not equal declared yet: plan again"
        what = f"applied {done} of {done}, ledger at {commit}" if done else "nothing to apply"
        return style(f"{what}, {proof}", "green" if verified else "yellow")
    lines = [style(f"applied {done} of {len(report.results)}", "red")]
    if report.stopped_by:
        lines.append(f"stopped by {report.stopped_by}: what was begun is finished and recorded, the lock is released")
    lines += [
        f"  {result.outcome.value:<8}{result.step.label}: {_first_line(result.message)}"
        for result in report.of(Outcome.LEFT)
    ]
    lines.append("Next: apply again; it goes on from here.")
    return "\n".join(lines)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
