"""Azure ML specs -> wire bodies, through azure-ai-ml: it validates, loads and converts; we send.

The conversion is private API of azure-ai-ml: its version is pinned exactly, and a contract test a kind guards it
(docs/decisions/0003-private-wire-conversion.md).
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reconciler.core.resource import Body, Origin
from reconciler.errors import DesiredStateError, Finding

API_VERSION = "2026-05-01"
NAMESPACE = "Microsoft.MachineLearningServices/workspaces"

_REFERENCE = re.compile(r"^(?:azureml:)?([^:/]+):([^:/]+)$")
"""`azureml:name:version`; some of the client's models drop the scheme."""

_ACCESS = {"enabled": "Enabled", "disabled": "Disabled"}
"""The client's models spell these in lower case, the stable API does not."""


def compute_body(path: Path, _location: str) -> Body:
    from azure.ai.ml import load_compute

    return _wire(load_compute(path)._to_rest_object())


def environment_body(path: Path, _location: str) -> Body:
    from azure.ai.ml import load_environment

    return _wire(load_environment(path)._to_rest_object())


def data_body(path: Path, _location: str) -> Body:
    from azure.ai.ml import load_data

    return _wire(load_data(path)._to_rest_object())


def model_body(path: Path, _location: str) -> Body:
    from azure.ai.ml import load_model

    return _wire(load_model(path)._to_rest_object())


def endpoint_body(path: Path, location: str) -> Body:
    """With its traffic maps, empty ones too: an empty map means that nobody gets anything."""
    from azure.ai.ml import load_online_endpoint

    wire = load_online_endpoint(path)._to_rest_online_endpoint(location)
    body = _wire(wire)
    body["kind"] = "Managed"
    for key in ("traffic", "mirrorTraffic"):
        body["properties"].setdefault(key, {})
    return body


def deployment_body(path: Path, location: str) -> Body:
    from azure.ai.ml import load_online_deployment

    deployment: Any = load_online_deployment(path)  # of the base class, whose conversion takes no location
    return _wire(deployment._to_rest_object(location=location))


CONVERT: dict[str, Callable[[Path, str], Body]] = {
    "compute": compute_body,
    "environment": environment_body,
    "data": data_body,
    "model": model_body,
    "endpoint": endpoint_body,
    "deployment": deployment_body,
}
"""By the kind that a rendered spec's file name begins with. Jobs are submitted, never declared."""


def wire_body(kind: str, path: Path, location: str, workspace: str, origin: Origin) -> Body:
    """The body to send at API_VERSION. References become ids in `workspace`. Raises DesiredStateError at `origin` for what
    azure-ai-ml refuses.
    """
    from azure.ai.ml.exceptions import MlException
    from marshmallow.exceptions import ValidationError

    with quiet():
        try:
            body = CONVERT[kind](path, location)
        except (MlException, ValidationError, ValueError) as error:
            message = f"azure-ai-ml refuses the rendered {kind}: {_first_line(error)}"
            raise DesiredStateError([Finding(origin.file, origin.line, 1, message)]) from error
    resolved = _resolved(body, workspace)
    if not isinstance(resolved, dict):
        raise TypeError(f"{kind} became {type(resolved).__name__}")
    return resolved


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """azure-ai-ml logs notices about experimental classes to handlers of its own, and prints to stdout and stderr."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("azure.ai.ml"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.setLevel(logging.CRITICAL)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _wire(model: Any) -> Body:
    """The client's model as plain JSON without what says nothing."""
    from azure.ai.ml._restclient.arm_ml_service._utils.model_base import SdkJSONEncoder

    body = _pruned(json.loads(json.dumps(model, cls=SdkJSONEncoder, exclude_readonly=True)))
    if not isinstance(body, dict):
        raise TypeError(f"{type(model).__name__} is no object on the wire")
    return body


def _pruned(value: Any) -> Any:
    """Without nulls and empty containers, except the identities, whose empty objects are keys with a meaning."""
    match value:
        case dict():
            kept = {key: item if key == "userAssignedIdentities" else _pruned(item) for key, item in value.items()}
            return {key: _spelled(key, item) for key, item in kept.items() if item not in (None, {}, [], "")}
        case list():
            return [_pruned(item) for item in value]
    return value


def _spelled(key: str, value: Any) -> Any:
    if key in ("publicNetworkAccess", "egressPublicNetworkAccess") and isinstance(value, str):
        return _ACCESS.get(value.lower(), value)
    return value


def _resolved(value: Any, workspace: str, key: str = "") -> Any:
    """`azureml:name:version` as the id of that asset in the workspace."""
    match value:
        case dict():
            return {name: _resolved(item, workspace, name) for name, item in value.items()}
        case list():
            return [_resolved(item, workspace, key) for item in value]
        case str() if (found := _REFERENCE.match(value)) and key in ("model", "environmentId"):
            collection = {"model": "models", "environmentId": "environments"}[key]
            return f"{workspace}/{collection}/{found[1]}/versions/{found[2]}"
    return value


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:500]
