"""Training as an Azure ML job, and model versions registered from it.

azure-ai-ml submits the job and uploads its code; metrics are read back from the workspace's MLflow, not from the job's files.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.adapters.arm import Arm
from reconciler.adapters.artefacts import Artefacts
from reconciler.adapters.azure_errors import azure_errors
from reconciler.adapters.azure_ml import API_VERSION, quiet
from reconciler.adapters.manifest import manifest_sha256
from reconciler.core.model_version import Model, ModelVersion
from reconciler.core.resource import Body, ResourceId
from reconciler.errors import AzureError, ReconcilerError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

POLL_S = 0.5
FINAL = ("Completed", "Failed", "Canceled")
LOG = "user_logs/std_log.txt"
OUTPUT = "model"
FORMAT = "lightgbm-text"


class NotBetter(ReconcilerError):
    """The challenger does not pass the gate in model.yaml: the author acts."""


def connect(workspace: ResourceId) -> MLClient:
    """Signed in as whoever DefaultAzureCredential finds."""
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    with quiet():
        return MLClient(
            DefaultAzureCredential(),
            workspace.subscription,
            workspace.resource_group,
            workspace.name,
            enable_telemetry=False,
            show_progress=False,
        )


def train(client: MLClient, spec: Path, variant: str, on_line: Callable[[str], None]) -> str:
    """Submits the job and waits for it; `on_line` gets its state as it changes. Returns the job's name.

    Raises AzureError when it does not complete.
    """
    from azure.ai.ml import load_job

    with azure_errors("submit", spec.name), quiet():
        job = load_job(spec, params_override=[{"inputs.variant": variant}])
        name = str(client.jobs.create_or_update(job).name)
    on_line(f"job {name} submitted to {client.workspace_name}")
    state = ""
    while state not in FINAL:
        time.sleep(POLL_S)
        with azure_errors("follow", name), quiet():
            status = client.jobs.get(name).status
        now = str(getattr(status, "value", status))  # an enum or text, as the SDK pleases
        if now != state:
            on_line(f"job {name} {now.lower()}")
        state = now
    if state != "Completed":
        message = f"job {name} ended as {state}\n    Next: read its log, {LOG}, in Azure ML studio or with `az ml job stream --name {name}`"
        raise AzureError(message, code="JobFailed", target=name)
    return name


@dataclass(frozen=True)
class Registration:
    """What a version is made from. `champion` is the version it must not be worse than."""

    root: Path
    arm: Arm
    workspace: ResourceId
    environment: str
    commit: str
    allow_worse: bool = False


def register(request: Registration, model: str, job: str) -> Path:
    """Writes models/MODEL/versions/N.yaml. Raises NotBetter when the gate refuses, ReconcilerError for a job without a model."""
    from reconciler.adapters.model_files import read_catalogue, write_version

    catalogue, _ = read_catalogue(request.root)
    if model not in catalogue.models:
        raise ReconcilerError(f"there is no model {model}: models/ has {', '.join(sorted(catalogue.models)) or 'none'}")
    body = _finished(request, job)
    metrics = _metrics(request, job)
    if not request.allow_worse:
        check_gate(catalogue.models[model], metrics)
    number = max(catalogue.models[model].versions, default=0) + 1
    with tempfile.TemporaryDirectory(prefix="reconciler-model-") as folder:
        uri = _output_uri(request, job)
        output = Artefacts(request.arm, request.root).download(uri, Path(folder))
        described = _described(request, body, uri, output)
    version = ModelVersion.model_validate(
        {
            "version": number,
            "code": {"commit": request.commit.removesuffix("-dirty"), "path": f"models/{model}/training"},
            "job": {"name": job, "environment": request.environment},
            "metrics": {name: round(value, 4) for name, value in sorted(metrics.items())},
            **described,
        }
    )
    return write_version(request.root, model, version)


def check_gate(model: Model, metrics: Mapping[str, float]) -> None:
    """Raises NotBetter unless the metric of model.yaml improves on the newest version's by what the gate asks."""
    if not model.versions:
        return
    champion = model.versions[max(model.versions)]
    metric, least = model.spec.metric, model.spec.gate.improve_percent
    old, new = champion.metrics.get(metric.name), metrics.get(metric.name)
    if old is None or new is None:
        missing = "the champion" if old is None else "the challenger"
        raise NotBetter(
            f"{model.spec.name}: {missing} has no metric {metric.name}, which models/{model.spec.name}/model.yaml compares by"
        )
    gain = (old - new if metric.direction == "lower" else new - old) / abs(old) * 100
    if gain < least or gain <= 0:
        raise NotBetter(
            f"{model.spec.name}: {metric.name} {new:.3f} against {old:.3f} of version {champion.version}: {gain:+.1f} %, "
            f"at least {max(least, 0):g} % better is asked (models/{model.spec.name}/model.yaml)\n"
            "    Next: train a better one, or say --allow-worse and why in the pull request"
        )


def _finished(request: Registration, job: str) -> Body:
    body = request.arm.get(ResourceId(f"{request.workspace}/jobs/{job}"), API_VERSION)
    if body is None:
        raise ReconcilerError(f"{request.workspace.name} has no job {job}")
    status = body["properties"]["status"]
    if status != "Completed":
        raise ReconcilerError(f"job {job} is {status}: a version is registered from a completed job")
    return body


def _output_uri(request: Registration, job: str) -> str:
    where = (
        f"azureml://subscriptions/{request.workspace.subscription}/resourcegroups/{request.workspace.resource_group}"
    )
    return f"{where}/workspaces/{request.workspace.name}/datastores/workspaceblobstore/paths/azureml/{job}/{OUTPUT}"


def _metrics(request: Registration, job: str) -> dict[str, float]:
    """As MLflow recorded them; a job's run has the job's name as its id."""
    import mlflow

    workspace = request.arm.get(request.workspace, API_VERSION) or {}
    client = mlflow.MlflowClient(tracking_uri=str(workspace["properties"]["mlFlowTrackingUri"]))
    try:
        found: dict[str, float] = client.get_run(job).data.metrics
    except mlflow.MlflowException as error:
        raise ReconcilerError(f"job {job} has no run in the workspace's MLflow: {error.message}") from error
    if not found:
        raise ReconcilerError(f"job {job} logged no metrics to MLflow: nothing to compare a version by")
    return found


def _described(request: Registration, body: Body, uri: str, output: Path) -> dict[str, Any]:
    """Artefact, data and smoke cases, from what the job wrote and what it was given."""
    folder = output / "model"
    smoke = output / "smoke.json"
    if not (folder / "model.json").is_file() or not smoke.is_file():
        raise ReconcilerError(f"{uri} holds no model/model.json or no smoke.json: the training code did not write them")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    asset = _data_asset(str(body["properties"]["inputs"]["data"]["uri"]))
    return {
        "artefact": {"path": f"{uri}/model", "sha256": manifest_sha256(folder), "size_bytes": size, "format": FORMAT},
        "data": {"asset": asset, "sha256": _data_sha256(request.root, asset)},
        "smoke": json.loads(smoke.read_text()),
    }


def _data_asset(uri: str) -> str:
    """`name:version` from a job's input, however Azure spells it."""
    found = re.search(r"/data/([^/]+)/versions/([^/]+)$", uri) or re.search(r"azureml:([^:/]+):([^:/]+)$", uri)
    if found is None:
        raise ReconcilerError(f"the job's input {uri} is no versioned data asset: its lineage cannot be recorded")
    return f"{found[1]}:{found[2]}"


def _data_sha256(root: Path, asset: str) -> str:
    """Of the contract that names the data: the environments agree on it."""
    from reconciler.adapters.data_contract import read_contract
    from reconciler.adapters.yaml_files import load_all

    name = asset.partition(":")[0]
    contracts = {loaded.state.data[name].contract for loaded in load_all(root).values() if name in loaded.state.data}
    if not contracts:
        raise ReconcilerError(f"no environment declares the data asset {name} any more")
    return read_contract(root / sorted(contracts)[0]).sha256
