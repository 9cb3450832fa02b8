"""What each verb does: call the flow, print a view, say the exit code."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.plan import Class, Plan
from reconciler.errors import ExitCode, ReconcilerError

if TYPE_CHECKING:
    from reconciler.adapters.arm import Arm
    from reconciler.pipeline import Desired, Planned


def run(arguments: argparse.Namespace, main: Callable[[Sequence[str]], int]) -> ExitCode:
    """Dispatches to the verb; `main` runs a whole command line, for the demo. Raises ReconcilerError for everything a person
    can mend.
    """
    match arguments.verb:
        case "validate":
            return validate(arguments.root, arguments.environments)
        case "render":
            return render(arguments.root, arguments.environment)
        case "plan":
            return plan(arguments)
        case "apply":
            return apply(arguments)
        case "drift":
            return drift(arguments)
        case "promote":
            return promote(arguments)
        case "traffic":
            return traffic(arguments)
        case "models":
            from reconciler.model_verbs import run as models

            return models(arguments)
        case "local":
            from reconciler.local_verbs import run as local

            return local(arguments)
        case "demo":
            from reconciler.demo import tell

            return tell(arguments.root, main, keep=arguments.keep, record=arguments.record)
    raise AssertionError(arguments.verb)


def validate(root: Path, names: list[str]) -> ExitCode:
    """Offline: YAML, models and templates."""
    from reconciler.pipeline import check_files

    for environment, count in check_files(root, names):
        print(f"{environment}: valid, renders to {count} files")
    return ExitCode.CLEAN


def render(root: Path, environment: str) -> ExitCode:
    from reconciler.adapters.jinja import write_files
    from reconciler.pipeline import rendered

    folder = root / "build" / environment
    _, files = rendered(root, environment)
    write_files(files, folder)
    print(f"{len(files)} files in {folder.relative_to(root)}")
    return ExitCode.CLEAN


def plan(arguments: argparse.Namespace) -> ExitCode:
    planned = _planned(arguments)
    _show_plan(arguments, planned)
    return _detailed(planned.plan) if arguments.detailed_exitcode else ExitCode.CLEAN


def drift(arguments: argparse.Namespace) -> ExitCode:
    """Only what somebody changed in Azure: what git wants differently is the plan's business."""
    from dataclasses import replace

    planned = _planned(arguments)
    kept = planned.plan.of_class(Class.DRIFT, Class.MISSING, Class.CONFLICT, Class.PRUNE_CONFLICT)
    _show_plan(arguments, replace(planned, plan=replace(planned.plan, steps=kept, digest=planned.plan.digest)))
    return _worst(planned.plan, ignore_pending=True)


def _planned(arguments: argparse.Namespace) -> Planned:
    from reconciler.pipeline import desire, make_plan

    desired = desire(arguments.root, arguments.environment)
    with _connect(desired, read_only=True) as arm:
        return make_plan(desired, arm)


def _connect(desired: Desired, *, read_only: bool) -> Arm:
    from reconciler.adapters.arm import connect

    return connect(desired.loaded.state.subscription_id, read_only=read_only)


def _show_plan(arguments: argparse.Namespace, planned: Planned) -> None:
    from reconciler.views.machine import plan_json

    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(plan_json(planned.plan) + "\n")
    if arguments.format == "json":
        print(plan_json(planned.plan))
        return
    print(_plan_text(planned, show_suppressed=arguments.show == "suppressed"))
    print(f"\n{_next_step(planned.plan)}")


def _plan_text(planned: Planned, *, show_suppressed: bool = False) -> str:
    from reconciler.views.style import style_for
    from reconciler.views.text import plan_text

    return plan_text(
        planned.plan,
        resources=len(planned.desired.resources),
        seconds=planned.seconds,
        style=style_for(sys.stdout),
        show_suppressed=show_suppressed,
    )


def _next_step(plan: Plan) -> str:
    from reconciler.views.text import APPROVAL_LENGTH

    if not plan.has_changes:
        return "Live equals declared: nothing to do."
    return f"Next: reconciler apply {plan.environment} --approve {plan.digest[:APPROVAL_LENGTH]}"


def _worst(plan: Plan, *, ignore_pending: bool = False) -> ExitCode:
    if plan.of_class(Class.CONFLICT, Class.PRUNE_CONFLICT, Class.ADOPTION):
        return ExitCode.CONFLICT
    if plan.of_class(Class.DRIFT, Class.MISSING):
        return ExitCode.DRIFT
    return ExitCode.CHANGES if plan.has_changes and not ignore_pending else ExitCode.CLEAN


_detailed = _worst


def apply(arguments: argparse.Namespace) -> ExitCode:
    """Plans again, holds the approval against it, applies, plans a last time to prove that live equals declared."""
    from reconciler.core.safety import Consent
    from reconciler.pipeline import Request, apply_approved, desire
    from reconciler.views.machine import report_json
    from reconciler.views.progress import Progress
    from reconciler.views.style import style_for
    from reconciler.views.text import report_text

    approved = None if arguments.approve is None else _approved(arguments.approve)
    desired = desire(arguments.root, arguments.environment)
    request = Request(lambda planned: approved or _ask(planned), Consent(frozenset(arguments.consent)), arguments.wait)
    to_json = arguments.format == "json"
    with _connect(desired, read_only=False) as arm, Progress(sys.stderr if to_json else sys.stdout) as progress:
        outcome = apply_approved(desired, arm, request, progress)
    if to_json:
        print(report_json(outcome.report, environment=arguments.environment, verified=outcome.verified))
    else:
        print(
            report_text(outcome.report, verified=outcome.verified, commit=desired.commit, style=style_for(sys.stdout))
        )
    return outcome.exit_code


def _approved(approval: str) -> str:
    """The digest somebody approved: given on the command line, or read from a plan file."""
    if re.fullmatch(r"[0-9a-fA-F]{8,64}", approval):
        return approval
    path = Path(approval)
    if not path.is_file():
        raise ReconcilerError(
            f"--approve {approval}: neither a digest (8 to 64 hexadecimal digits) nor a file that `plan --out` wrote"
        )
    try:
        return str(json.loads(path.read_text())["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReconcilerError(f"{path} is not a plan: write one with `reconciler plan ENV --out {path}`") from error


def _ask(planned: Planned) -> str:
    from reconciler.views.text import APPROVAL_LENGTH

    digest = planned.plan.digest
    print(_plan_text(planned))
    if not planned.plan.has_changes:
        return digest
    if not sys.stdin.isatty():
        raise ReconcilerError(
            f"Nothing was applied: say which plan you approve, --approve {digest[:APPROVAL_LENGTH]} for the one above."
        )
    answer = input(f"\nApply this plan? Type {digest[:4]} to approve: ")
    if answer.strip().lower() != digest[:4]:
        raise ReconcilerError("Not approved; nothing was applied.")
    return digest


def promote(arguments: argparse.Namespace) -> ExitCode:
    from reconciler.adapters.yaml_edit import promote as edit

    endpoint = arguments.endpoint or _only_endpoint(arguments.root, arguments.environment)
    deployment = arguments.deployment or _idle_deployment(arguments.root, arguments.environment, endpoint)
    change = edit(
        arguments.root,
        arguments.environment,
        endpoint,
        deployment,
        arguments.model,
        size=arguments.size,
        instances=arguments.instances,
    )
    print(change)
    return ExitCode.CLEAN


def traffic(arguments: argparse.Namespace) -> ExitCode:
    from reconciler.adapters.yaml_edit import set_traffic

    endpoint = arguments.endpoint or _only_endpoint(arguments.root, arguments.environment)
    print(set_traffic(arguments.root, arguments.environment, endpoint, _split(arguments.split)))
    return ExitCode.CLEAN


def _split(words: list[str]) -> dict[str, int]:
    split: dict[str, int] = {}
    for word in words:
        name, _, percent = word.partition("=")
        if not name or not percent.isdecimal():
            raise ReconcilerError(f"{word}: write DEPLOYMENT=PERCENT with a whole number, for example green=10")
        split[name] = int(percent)
    return split


def _only_endpoint(root: Path, environment: str) -> str:
    from reconciler.adapters.yaml_files import load

    endpoints = list(load(root, environment).state.endpoints)
    if len(endpoints) != 1:
        raise ReconcilerError(
            f"{environment} has {len(endpoints)} endpoints ({', '.join(endpoints)}): say which with --endpoint"
        )
    return endpoints[0]


def _idle_deployment(root: Path, environment: str, endpoint: str) -> str:
    """The colour that can be changed without anybody noticing."""
    from reconciler.adapters.yaml_files import load

    endpoints = load(root, environment).state.endpoints
    if endpoint not in endpoints:
        raise ReconcilerError(f"{environment} has no endpoint {endpoint}: it has {', '.join(endpoints)}")
    spec = endpoints[endpoint]
    idle = [name for name in spec.deployments if not spec.traffic.get(name)]
    if len(idle) != 1:
        raise ReconcilerError(
            f"{len(idle)} deployments of {endpoint} are without traffic: say which with --deployment, for example green"
        )
    return idle[0]
