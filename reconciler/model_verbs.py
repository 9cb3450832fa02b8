"""`reconciler models ...`: train and register model versions, list and show them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.resource import ResourceId
from reconciler.errors import DesiredStateError, ExitCode, Finding, ReconcilerError

if TYPE_CHECKING:
    from reconciler.adapters.yaml_files import Loaded
    from reconciler.core.model_version import Catalogue


def run(arguments: argparse.Namespace) -> ExitCode:
    match arguments.action:
        case "train":
            return train(arguments)
        case "register":
            return register(arguments)
        case "list":
            return list_versions(arguments.root, arguments.model)
        case "show":
            return show(arguments.root, arguments.model)
    raise AssertionError(arguments.action)


def train(arguments: argparse.Namespace) -> ExitCode:
    """Renders the job, holds its data against their contract, submits it and follows its log."""
    from reconciler.adapters.arm import connect as connect_arm
    from reconciler.adapters.artefact_places import Places
    from reconciler.adapters.data_contract import check_data
    from reconciler.adapters.jinja import write_files
    from reconciler.adapters.training import Run, connect, register_code, train
    from reconciler.pipeline import rendered

    root: Path = arguments.root
    loaded, files = rendered(root, arguments.environment)
    name = arguments.job or _only("job", list(loaded.state.jobs), "--job")
    if name not in loaded.state.jobs:
        raise ReconcilerError(f"{arguments.environment} has no job {name}: it has {', '.join(loaded.state.jobs)}")
    asset = loaded.state.data[loaded.state.jobs[name].data]
    check_data(root / asset.contract, root / asset.path, asset.path)
    folder = root / "build" / arguments.environment
    write_files(files, folder)
    workspace = _workspace(loaded)
    with connect_arm(loaded.state.subscription_id, read_only=False) as arm:
        code = register_code(arm, root, workspace, Places.of(loaded, root).code[name])
    spec = folder / "aml" / f"job-{name}.yml"
    done = train(
        connect(workspace),
        Run(spec, arguments.variant, root / loaded.state.jobs[name].code, code),
        lambda line: print(line, flush=True),
    )
    model = Path(loaded.state.jobs[name].code).parent.name
    print(f"\nNext: reconciler models register {arguments.environment} {model} {done}")
    return ExitCode.CLEAN


def register(arguments: argparse.Namespace) -> ExitCode:
    from reconciler.adapters.arm import connect
    from reconciler.adapters.git import commit
    from reconciler.adapters.training import Registration, register
    from reconciler.adapters.yaml_files import load

    root: Path = arguments.root
    loaded = load(root, arguments.environment)
    with connect(loaded.state.subscription_id, read_only=True) as arm:
        request = Registration(
            root, arm, _workspace(loaded), arguments.environment, commit(root), allow_worse=arguments.allow_worse
        )
        path = register(request, arguments.model, arguments.job)
    number = path.stem
    print(f"{path.relative_to(root)}")
    print(_table(root, arguments.model))
    print(f"\nNext: commit it, then reconciler promote {arguments.environment} {arguments.model}:{number}")
    return ExitCode.CLEAN


def list_versions(root: Path, model: str | None) -> ExitCode:
    print(_table(root, model))
    return ExitCode.CLEAN


def _table(root: Path, model: str | None) -> str:
    from reconciler.adapters.model_files import read_catalogue
    from reconciler.views.models import versions_text

    return versions_text(_sound(read_catalogue(root)), model)


def show(root: Path, reference: str) -> ExitCode:
    from reconciler.adapters.model_files import read_catalogue
    from reconciler.views.models import version_text

    print(version_text(_sound(read_catalogue(root)), reference))
    return ExitCode.CLEAN


def _sound(found: tuple[Catalogue, list[Finding]]) -> Catalogue:
    catalogue, findings = found
    if findings:
        raise DesiredStateError(findings)
    return catalogue


def _workspace(loaded: Loaded) -> ResourceId:
    from reconciler.adapters.jinja import ids

    return ResourceId(ids(loaded).workspace)


def _only(noun: str, names: list[str], option: str) -> str:
    if len(names) != 1:
        raise ReconcilerError(f"there are {len(names)} {noun}s ({', '.join(names)}): say which with {option}")
    return names[0]
