"""What happens outside the reconciler's verbs in the demo: asking the endpoint, counting answers, changing Azure by hand."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.names import names
from reconciler.core.resource import ResourceId
from reconciler.demo.counting import binomial_bounds
from reconciler.demo.narrator import DemoFailed
from reconciler.local_azure import daemon

if TYPE_CHECKING:
    from reconciler.adapters.arm import Arm
    from reconciler.adapters.yaml_files import Loaded

STORAGE_API = "2026-04-01"
ANSWERED_BY = "azureml-model-deployment"


def point_sdks_at_embedded_azure(state: Path) -> None:
    """What `eval "$(reconciler local env)"` does to a shell, done to this process."""
    os.environ.update(daemon.environment(state))


def stop_embedded_azure(state: Path) -> None:
    daemon.down(state)


def forget(folder: Path) -> None:
    """Removes the demo's own folder."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _azure(root: Path, environment: str) -> Iterator[tuple[Arm, Loaded]]:
    from reconciler.adapters.arm import connect
    from reconciler.adapters.yaml_files import load

    loaded = load(root, environment)
    with connect(loaded.state.subscription_id, read_only=False) as arm:
        yield arm, loaded


def _endpoint(loaded: Loaded, name: str) -> ResourceId:
    from reconciler.adapters.jinja import ids

    return ResourceId(f"{ids(loaded).workspace}/onlineEndpoints/{names(loaded.state).endpoints[name]}")


def _question(loaded: Loaded, model: str, version: int) -> Mapping[str, Any]:
    """A real store's last weeks: the first known case of the version file."""
    return loaded.catalogue.models[model].versions[version].smoke.cases[0].request


def ask_for_a_forecast(root: Path, environment: str, model: str, *, version: int) -> str:
    """One forecast over HTTPS, as a table: week, price, promotion, packages."""
    from reconciler.adapters.scoring_client import open_endpoint

    with _azure(root, environment) as (arm, loaded), open_endpoint(arm, _endpoint(loaded, model)) as endpoint:
        question = _question(loaded, model, version)
        answer = endpoint.ask(question)
    series = question["series"][0]
    lines = [f"store {series['store']}, brand {series['brand']}", "week         price  deal  packages"]
    for week, packages in zip(series["future"], answer["forecast"], strict=False):
        lines.append(
            f"{week['week_start']}  {week['price']:6.2f}  {'yes' if week['deal'] else 'no':<4}  {packages:8.1f}"
        )
    return "\n".join(lines)


def count_answers(root: Path, environment: str, endpoint: str, split: Mapping[str, int], *, requests: int) -> str:
    """How many of `requests` each deployment answered, against the 99 % binomial bounds of its share. An honest split misses
    them once in a hundred times: then all is counted anew, once. Raises DemoFailed when it misses again.
    """
    for attempt in (1, 2):
        counts = _count(root, environment, endpoint, requests)
        lines, fits = _judged(counts, split, requests)
        if fits:
            return "\n".join(lines)
        if attempt == 1:
            lines.append("outside the bounds, which chance alone does once in a hundred times: counted once more")
            print("\n".join(f"    {line}" for line in lines))
    raise DemoFailed("the split is not the declared one:\n" + "\n".join(lines))


def _count(root: Path, environment: str, endpoint: str, requests: int) -> Counter[str]:
    from reconciler.adapters.scoring_client import open_endpoint

    with _azure(root, environment) as (arm, loaded), open_endpoint(arm, _endpoint(loaded, endpoint)) as opened:
        question = _question(loaded, endpoint, min(loaded.catalogue.models[endpoint].versions))
        return Counter(opened.answered_by(question) for _ in range(requests))


def _judged(counts: Counter[str], split: Mapping[str, int], requests: int) -> tuple[list[str], bool]:
    lines, fits = [f"{requests} requests, counted by the answering process"], True
    for name, share in sorted(split.items()):
        low, high = binomial_bounds(requests, share / 100)
        inside = low <= counts[name] <= high
        fits &= inside
        lines.append(
            f"{name:<6} {share:>3} %   {counts[name]:>3} answers   expected {low} to {high}   {'ok' if inside else 'NO'}"
        )
    return lines, fits and set(counts) <= set(split)


def change_by_hand(root: Path, environment: str) -> None:
    """What somebody does in the portal: through the plain SDK clients, knowing nothing of the reconciler."""
    from reconciler.adapters import training
    from reconciler.adapters.azure_ml import quiet
    from reconciler.adapters.jinja import ids

    with _azure(root, environment) as (arm, loaded):
        own = names(loaded.state)
        group = f"/subscriptions/{loaded.state.subscription_id}/resourceGroups/{own.resource_group}"
        account = ResourceId(f"{group}/providers/Microsoft.Storage/storageAccounts/{own.workspace_account}")
        arm.client.resources.begin_update_by_id(
            str(account), {"properties": {"allowBlobPublicAccess": True}}, api_version=STORAGE_API
        ).result()
        workspace = ResourceId(ids(loaded).workspace)
        endpoints = training.connect(workspace).online_endpoints
        with quiet():
            endpoint = endpoints.get(own.endpoints[next(iter(loaded.state.endpoints))])
            endpoint.traffic = {"blue": 50, "green": 50}
            endpoints.begin_create_or_update(endpoint).result()
