"""Checks of endpoints, their deployments and their traffic, by the limits of managed online endpoints.

Source: https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas (read 2026-07).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.core.desired import Deployment, DesiredState, Endpoint
from reconciler.core.model_version import Catalogue
from reconciler.core.names import names
from reconciler.core.problems import Path, Problem, dashed_name, did_you_mean, listed, min_above_max, unknown
from reconciler.core.sizes import SERVING_SIZES, SIZES

MOST_DEPLOYMENTS = 20
MOST_MIRRORED_PERCENT = 50
LONGEST_NAME = 32


def check_endpoints(state: DesiredState, catalogue: Catalogue) -> Iterator[Problem]:
    derived = names(state).endpoints
    for name, endpoint in state.endpoints.items():
        path: Path = ("endpoints", name)
        yield from dashed_name(path, "endpoint", name)
        if len(name) <= LONGEST_NAME < len(derived[name]):
            length = f"{len(derived[name])} characters: Azure allows {LONGEST_NAME}"
            yield Problem(path, f'endpoint "{name}" would be "{derived[name]}", {length}', at_key=True)
        if len(endpoint.deployments) > MOST_DEPLOYMENTS:
            message = f"{len(endpoint.deployments)} deployments: an endpoint has at most {MOST_DEPLOYMENTS}"
            yield Problem((*path, "deployments"), message, at_key=True)
        for colour, deployment in endpoint.deployments.items():
            yield from _deployment((*path, "deployments", colour), deployment, state, catalogue)
        yield from _traffic(path, endpoint)
        yield from _mirror(path, endpoint)


def _deployment(path: Path, deployment: Deployment, state: DesiredState, catalogue: Catalogue) -> Iterator[Problem]:
    yield from dashed_name(path, "deployment", str(path[-1]))
    yield from _size((*path, "size"), deployment.size)
    yield from _model((*path, "model"), deployment.model, state.environment, catalogue)
    if deployment.instances.min > deployment.instances.max:
        yield min_above_max((*path, "instances"), "instances", deployment.instances.min, deployment.instances.max)
    image = state.runtime_images.get(deployment.runtime_image)
    if image is None:
        yield unknown((*path, "runtime_image"), "runtime image", deployment.runtime_image, state.runtime_images)
    elif not image.serves:
        serving = listed(name for name, other in state.runtime_images.items() if other.serves) or "none"
        message = f'runtime image "{deployment.runtime_image}" does not serve (serves: true): those that do: {serving}'
        yield Problem((*path, "runtime_image"), message)


def _size(path: Path, size: str) -> Iterator[Problem]:
    if size not in SIZES:
        yield unknown(path, "size", size, SERVING_SIZES)
    elif size not in SERVING_SIZES:
        hint = did_you_mean(size, (name for name, other in SERVING_SIZES.items() if other.cores == SIZES[size].cores))
        yield Problem(path, f'managed online endpoints do not accept the size "{size}"{hint}')


def _model(path: Path, reference: str, environment: str, catalogue: Catalogue) -> Iterator[Problem]:
    found = re.fullmatch(r"(?P<name>[^:@]+)(:(?P<version>[0-9]+|latest)|@latest)", reference)
    if not found:
        yield Problem(path, f'model must be name:version, such as "retail-forecast:1", found "{reference}"')
        return
    name, version = found["name"], found["version"] or "latest"
    if version == "latest" and environment != "dev":
        message = f'"{reference}" names no fixed version: only dev may follow the latest; write {name}:N'
        yield Problem(path, message)
    elif name not in catalogue.models:
        yield unknown(path, "model", name, catalogue.models)
    elif catalogue.version(reference) is None:
        versions = catalogue.models[name].versions
        known = f"its versions are {', '.join(map(str, sorted(versions)))}" if versions else "it has no version yet"
        yield Problem(path, f'model "{name}" has no version {version}: {known}')


def _traffic(path: Path, endpoint: Endpoint) -> Iterator[Problem]:
    below: Path = (*path, "traffic")
    yield from _undeclared(below, "traffic", endpoint.traffic, endpoint)
    negative = [name for name, percent in endpoint.traffic.items() if percent < 0]
    for name in negative:
        yield Problem((*below, name), f'traffic to "{name}" is negative: {endpoint.traffic[name]}')
    total = sum(endpoint.traffic.values())
    if total not in (0, 100) and not negative:
        marks = tuple((*below, name) for name in endpoint.traffic)
        yield Problem(below, f"traffic adds up to {total}, not 100 or 0", marks)


def _mirror(path: Path, endpoint: Endpoint) -> Iterator[Problem]:
    below: Path = (*path, "mirror")
    yield from _undeclared(below, "mirror", endpoint.mirror, endpoint)
    if len(endpoint.mirror) > 1:
        yield Problem(below, f"mirror names {len(endpoint.mirror)} deployments: traffic is mirrored to one at most")
    for name, percent in endpoint.mirror.items():
        if not 0 <= percent <= MOST_MIRRORED_PERCENT:
            message = f"mirror must be 0 to {MOST_MIRRORED_PERCENT} percent, found {percent}"
            yield Problem((*below, name), message)
        if endpoint.traffic.get(name) == 100:
            yield Problem((*below, name), f'"{name}" gets all traffic already: nothing is left to mirror to it')


def _undeclared(below: Path, noun: str, split: dict[str, int], endpoint: Endpoint) -> Iterator[Problem]:
    for name in split:
        if name not in endpoint.deployments:
            message = f'{noun} to "{name}", which is no deployment of this endpoint'
            yield Problem((*below, name), message + did_you_mean(name, endpoint.deployments), at_key=True)
