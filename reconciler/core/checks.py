"""What the SDK's own loaders miss: checks that need more than one field, or a table of Azure's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from reconciler.core.desired import DesiredState, Job
from reconciler.core.endpoint_checks import check_endpoints
from reconciler.core.model_version import Catalogue
from reconciler.core.names import name_problems
from reconciler.core.problems import Path, Problem, dashed_name, min_above_max, unknown
from reconciler.core.regions import REGIONS
from reconciler.core.sizes import SIZES


def check(state: DesiredState, catalogue: Catalogue) -> list[Problem]:
    """Every problem, in the order of the vocabulary."""
    return [
        *_identity(state),
        *_storage(state),
        *_compute(state),
        *_assets(state),
        *_jobs(state),
        *check_endpoints(state, catalogue),
    ]


def _identity(state: DesiredState) -> Iterator[Problem]:
    for key, value in (("subscription_id", state.subscription_id), ("tenant_id", state.tenant_id)):
        if value is not None and not _is_uuid(value):
            example = "00000000-0000-0000-0000-000000000000"
            yield Problem((key,), f'{key} must be a UUID such as {example}, found "{value}"')
    if state.location not in REGIONS:
        yield unknown(("location",), "location", state.location, REGIONS)
    yield from (Problem((key,), message) for key, message in name_problems(state))


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _storage(state: DesiredState) -> Iterator[Problem]:
    for name, container in state.storage.lake.containers.items():
        path: Path = ("storage", "lake", "containers", name)
        if not re.fullmatch(r"(?=.{3,63}$)[a-z0-9](-?[a-z0-9])*", name):
            rule = "expected 3 to 63 lower-case letters, digits and single dashes"
            yield Problem(path, f'container name "{name}": {rule}', at_key=True)
        keys = ("cool_after_days", "archive_after_days", "delete_after_days")
        days = {key: value for key in keys if (value := getattr(container.lifecycle, key)) is not None}
        ordered = list(days.values())
        below: Path = (*path, "lifecycle")
        if ordered != sorted(set(ordered)):
            shown = ", ".join(map(str, ordered))
            marks = tuple((*below, key) for key in days)
            yield Problem(below, f"days must ascend from cool to archive to delete, found {shown}", marks)
        if "archive_after_days" in days and "zone" in state.storage.redundancy:
            # https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview (read 2026-07)
            message = f'redundancy "{state.storage.redundancy}" has no archive tier'
            advice = 'say archive_after_days: null, or choose "local" or "geo"'
            yield Problem((*below, "archive_after_days"), f"{message}: {advice}")


def _compute(state: DesiredState) -> Iterator[Problem]:
    for name, cluster in state.compute.items():
        path: Path = ("compute", name)
        yield from dashed_name(path, "compute", name)
        if cluster.size not in SIZES:
            yield unknown((*path, "size"), "size", cluster.size, SIZES)
        if cluster.nodes.min > cluster.nodes.max:
            yield min_above_max((*path, "nodes"), "nodes", cluster.nodes.min, cluster.nodes.max)


def _assets(state: DesiredState) -> Iterator[Problem]:
    images = state.runtime_images.items()
    assets = [(("runtime_images", name), "runtime image", image.version) for name, image in images]
    assets += [(("data", name), "data", asset.version) for name, asset in state.data.items()]
    for (kind, name), noun, version in assets:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}", name):
            rule = "expected letters, digits, dashes, dots and underscores, at most 255"
            yield Problem((kind, name), f'{noun} name "{name}": {rule}', at_key=True)
        if version == "latest" or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}", version):
            yield Problem((kind, name, "version"), f'{noun} version "{version}": expected a fixed one, such as "1"')


def _jobs(state: DesiredState) -> Iterator[Problem]:
    for name, job in state.jobs.items():
        path: Path = ("jobs", name)
        yield from dashed_name(path, "job", name)
        yield from _references(path, job, state)
        if job.schedule is not None and (reason := _cron_problem(job.schedule)):
            yield Problem((*path, "schedule"), f'schedule "{job.schedule}" is not a cron expression: {reason}')


def _references(path: Path, job: Job, state: DesiredState) -> Iterator[Problem]:
    if job.compute not in state.compute:
        yield unknown((*path, "compute"), "compute", job.compute, state.compute)
    if job.runtime_image not in state.runtime_images:
        yield unknown((*path, "runtime_image"), "runtime image", job.runtime_image, state.runtime_images)
    if job.data not in state.data:
        yield unknown((*path, "data"), "data", job.data, state.data)


def _cron_problem(expression: str) -> str | None:
    """Azure ML takes the five classic fields, without names such as @daily."""
    from croniter import CroniterError, croniter

    if len(expression.split()) != 5:
        return 'expected five fields, such as "0 3 * * 1"'
    try:
        croniter(expression)
    except CroniterError as error:
        return str(error)
    return None
