"""The whole flow on one page: YAML to files to resources; resources, ledger and live Azure to a plan; a plan to a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.plan import Plan
from reconciler.core.resource import Resource, ResourceId
from reconciler.errors import ExitCode, PlanStale

if TYPE_CHECKING:
    from reconciler.adapters.arm import Arm
    from reconciler.adapters.yaml_files import Loaded
    from reconciler.apply import Event, Report
    from reconciler.core.safety import Consent


@dataclass(frozen=True)
class Desired:
    """What git says of one environment: its YAML, what it renders to, the resources that follow."""

    root: Path
    loaded: Loaded
    files: dict[str, str]
    resources: list[Resource]
    commit: str

    @property
    def group(self) -> ResourceId:
        """The resource group: everything of an environment lives in one."""
        return next(item.id for item in self.resources if item.type == "Microsoft.Resources/resourceGroups")


@dataclass(frozen=True)
class Planned:
    """A plan, and how long reading and comparing took."""

    plan: Plan
    desired: Desired
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What an apply did, and the plan made after it: the proof that live equals declared."""

    report: Report
    after: Plan | None

    @property
    def verified(self) -> bool:
        return self.after is not None and not self.after.has_changes

    @property
    def exit_code(self) -> ExitCode:
        if not self.report.ok:
            return self.report.exit_code
        return ExitCode.CLEAN if self.verified else ExitCode.CHANGES


def rendered(root: Path, environment: str) -> tuple[Loaded, dict[str, str]]:
    """YAML -> files. Offline and without the Azure SDKs. Raises DesiredStateError with every mistake at once."""
    from reconciler.adapters.jinja import render_files
    from reconciler.adapters.yaml_files import load

    loaded = load(root, environment)
    return loaded, render_files(loaded, root)


def desire(root: Path, environment: str) -> Desired:
    """YAML -> files -> resources. Offline."""
    from reconciler.adapters.git import commit
    from reconciler.render import resources

    loaded, files = rendered(root, environment)
    return Desired(root, loaded, files, resources(loaded, root, files), commit(root))


def make_plan(desired: Desired, arm: Arm) -> Planned:
    """Reads Azure and the ledger, and compares. Writes nothing."""
    from reconciler.adapters import ledger
    from reconciler.adapters.rule_files import load_rules
    from reconciler.core import planner

    started = time.monotonic()
    environment = desired.loaded.state.environment
    applied = ledger.read(arm, desired.group).applied
    live = arm.read_live(desired.group, desired.resources, applied)
    plan = planner.make_plan(environment, desired.commit, desired.resources, applied, live, load_rules())
    return Planned(plan, desired, time.monotonic() - started)


@dataclass(frozen=True)
class Request:
    """What an apply was asked for. `approve` is shown the plan and answers the digest that somebody approved."""

    approve: Callable[[Planned], str]
    consent: Consent
    wait_s: int = 0


def apply_approved(
    desired: Desired, arm: Arm, request: Request, on_event: Callable[[Event], None] = lambda _event: None
) -> Outcome:
    """Plan, approve, bootstrap, lock, plan again, apply, and plan a last time. Writes nothing when nothing differs."""
    from reconciler.adapters import ledger
    from reconciler.bootstrap import bootstrap, lock_container
    from reconciler.core.safety import guard

    first = make_plan(desired, arm)
    approval = request.approve(first)
    check_approval(first.plan, approval, first.ledger.interrupted)
    guard(first.plan, request.consent)
    if not first.plan.has_changes:
        return Outcome(Report(()), first.plan)
    bootstrap({resource.id: resource for resource in desired.resources}, arm)
    run_id = new_run_id()
    lock = Lock(
        arm,
        lock_container(desired.resources),
        run_id.lease,
        wait_s=request.wait_s,
        holder=lambda: ledger.holder_of(ledger.read(arm, desired.group)),
    )
    with lock:
        second = make_plan(desired, arm)
        check_approval(second.plan, approval, second.ledger.interrupted)
        guard(second.plan, request.consent)
        report = apply(second.plan, _means(desired, arm, second, lock, run_id, approval), on_event)
    return Outcome(report, make_plan(desired, arm).plan)
