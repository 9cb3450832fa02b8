"""The whole flow on one page: YAML to files to resources; resources, ledger and live Azure to a plan; a plan to a report."""

from __future__ import annotations

import getpass
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.approval import check_approval, fingerprints
from reconciler.core.plan import Action, Plan
from reconciler.core.resource import Body, Resource, ResourceId
from reconciler.core.safety import Consent, guard, live_traffic
from reconciler.errors import DesiredStateError, ExitCode, Finding

if TYPE_CHECKING:
    from reconciler.adapters.arm import Arm
    from reconciler.adapters.ledger import Ledger
    from reconciler.adapters.lock import Lock
    from reconciler.adapters.yaml_files import Loaded
    from reconciler.apply import Event, Report
    from reconciler.execute import Means


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
    """A plan, what it was made from, and how long reading and comparing took."""

    plan: Plan
    desired: Desired
    ledger: Ledger
    live: Mapping[ResourceId, Body]
    seconds: float


@dataclass(frozen=True)
class Request:
    """What an apply was asked for. `approve` is shown the plan and answers the digest that somebody approved."""

    approve: Callable[[Planned], str]
    consent: Consent
    wait_s: int = 0


@dataclass(frozen=True)
class Outcome:
    """What an apply did, and the plan made after it: the proof that live equals declared."""

    report: Report
    after: Plan

    @property
    def verified(self) -> bool:
        return not self.after.has_changes

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


def check_files(root: Path, names: list[str]) -> Iterator[tuple[str, int]]:
    """Each environment and how many files it renders to. Offline. Raises DesiredStateError with the mistakes of them all."""
    from reconciler.adapters.yaml_files import environments

    findings: list[Finding] = []
    for environment in names or environments(root):
        try:
            _, files = rendered(root, environment)
        except DesiredStateError as error:
            findings += [one for one in error.findings if one not in findings]
            continue
        findings += _official_findings(environment, files)
        yield environment, len(files)
    if findings:
        raise DesiredStateError(findings, f"{len(findings)} mistakes; nothing was rendered.")


def _official_findings(environment: str, files: dict[str, str]) -> list[Finding]:
    """What the official Bicep compiler says of the rendered files, where it is on the path; plans never depend on it."""
    from reconciler.adapters import official_bicep
    from reconciler.adapters.jinja import write_files

    compiler = official_bicep.find()
    if compiler is None:
        return []
    with tempfile.TemporaryDirectory(prefix="reconciler-validate-") as folder:
        directory = Path(folder) / environment
        write_files({name: text for name, text in files.items() if "/" not in name}, directory)
        return official_bicep.check(compiler, directory)


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
    from reconciler.bootstrap import chain
    from reconciler.core import planner

    started = time.monotonic()
    state = desired.loaded.state
    known = ledger.read(arm, desired.group)
    live = arm.read_live(desired.group, desired.resources, known.applied)
    world = planner.World(
        environment=state.environment,
        desired=desired.resources,
        applied=known.applied,
        live=live,
        rules=load_rules(),
        adopt=state.adopt,
        bootstrap=frozenset(one.id for one in chain({one.id: one for one in desired.resources})),
    )
    plan = planner.make_plan(world, desired.commit)
    return Planned(plan, desired, known, live, time.monotonic() - started)


def apply_approved(
    desired: Desired, arm: Arm, request: Request, on_event: Callable[[Event], None] = lambda _event: None
) -> Outcome:
    """Plan, approve, bootstrap, lock, plan again, apply, and plan a last time. Writes nothing when nothing differs."""
    from reconciler.adapters import ledger
    from reconciler.adapters.lock import Lock
    from reconciler.apply import Report, apply
    from reconciler.bootstrap import bootstrap, lock_container

    first = make_plan(desired, arm)
    approval = request.approve(first)
    _check(first, approval, request.consent)
    if not first.plan.has_changes:
        return Outcome(Report(()), first.plan)
    _check_data(desired, first.plan)
    bootstrap({one.id: one for one in desired.resources}, arm)
    lock = Lock(
        arm,
        lock_container(desired.resources),
        str(uuid.uuid4()),
        wait_s=request.wait_s,
        holder=lambda: ledger.holder_of(ledger.read(arm, desired.group)),
    )
    with lock:
        second = make_plan(desired, arm)
        _check(second, approval, request.consent)
        report = apply(second.plan, _means(second, arm, lock, approval), on_event)
    return Outcome(report, make_plan(desired, arm).plan)


def _check(planned: Planned, approval: str, consent: Consent) -> None:
    from reconciler.adapters.rule_files import load_rules

    check_approval(planned.plan, approval, planned.ledger.interrupted)
    guard(planned.plan, consent, load_rules(), live_traffic(planned.live))


def _check_data(desired: Desired, plan: Plan) -> None:
    """Data are held against their contract before they are registered."""
    from reconciler.adapters.data_contract import check_data

    state = desired.loaded.state
    for step in plan.steps:
        if step.action is Action.CREATE and step.id.type.lower().endswith("/data/versions"):
            asset = state.data[step.id.names[-2]]
            check_data(desired.root / asset.contract, desired.root / asset.path, asset.path)


def _means(planned: Planned, arm: Arm, lock: Lock, approval: str) -> Means:
    """What the steps work with: the run's ledger version, the lock, artefacts, known forecasts."""
    from reconciler.adapters import ledger
    from reconciler.adapters.artefacts import Artefacts
    from reconciler.core.desired import tags
    from reconciler.execute import Means

    desired, state = planned.desired, planned.desired.loaded.state
    interrupted = planned.ledger.interrupted
    goes_on = interrupted is not None and not planned.plan.digest.startswith(approval.lower())
    started = datetime.now(UTC)
    info = ledger.RunInfo(
        run=started.strftime("%Y%m%d-%H%M%S"),
        holder=f"{getpass.getuser()}@{socket.gethostname()}",
        started=started.isoformat(timespec="seconds"),
        commit=desired.commit,
        # The rest of an interrupted run is still that run: what was approved stays approved until it is done.
        digest=interrupted.digest if interrupted and goes_on else planned.plan.digest,
        planned=interrupted.planned if interrupted and goes_on else fingerprints(planned.plan),
    )
    place = ledger.Place(arm, desired.group, state.location, tags(state))
    run = ledger.open_run(place, info, planned.ledger, template=_template(desired.files), guard=lock.check)
    return Means(arm, run, lock, Artefacts(arm, desired.root), _smoke(desired))


def _template(files: Mapping[str, str]) -> dict[str, Any]:
    import json

    template: dict[str, Any] = json.loads(files["main.json"])
    return template


def _smoke(desired: Desired) -> dict[ResourceId, Any]:
    """The known forecasts of each deployment's model version."""
    from reconciler.core.names import names

    state, catalogue = desired.loaded.state, desired.loaded.catalogue
    endpoints = names(state).endpoints
    by_place = {
        (endpoints[endpoint], colour): version.smoke
        for endpoint, spec in state.endpoints.items()
        for colour, deployment in spec.deployments.items()
        if (version := catalogue.version(deployment.model))
    }
    return {
        one.id: by_place[one.id.names[-2], one.id.name]
        for one in desired.resources
        if one.id.type.lower().endswith("/onlineendpoints/deployments")
    }
