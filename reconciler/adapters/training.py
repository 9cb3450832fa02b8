"""Training as an Azure ML job, and model versions registered from it.

azure-ai-ml submits the job and uploads its code; metrics are read back from the workspace's MLflow, not from the job's files.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.adapters.arm import Arm
from reconciler.adapters.artefacts import Artefacts
from reconciler.adapters.azure_errors import azure_errors
from reconciler.adapters.azure_ml import API_VERSION, quiet
from reconciler.adapters.manifest import manifest_sha256
from reconciler.core.gate import check_gate
from reconciler.core.model_version import ModelVersion
from reconciler.core.resource import Artefact, Body, ResourceId
from reconciler.errors import AzureError, DesiredStateError, ReconcilerError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

POLL_S = 0.5
POLL_AT_MOST_S = 10.0
FINAL = ("Completed", "Failed", "Canceled")
LOG = "user_logs/std_log.txt"
LOG_LINES = 20
OUTPUT = "model"
COMMIT, DIRTY = "mlflow.source.git.commit", "azureml.git.dirty"
"""Properties of a job, by which azure-ai-ml and Azure ML studio know its source."""
FORMAT = "lightgbm-text"


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


@dataclass(frozen=True)
class Run:
    """A rendered job `spec`, one `variant` of it, the folder its code stands in, and the id of that code as registered."""

    spec: Path
    variant: str
    folder: Path
    code: ResourceId


def register_code(arm: Arm, root: Path, workspace: ResourceId, artefact: Artefact) -> ResourceId:
    """Uploads a job's code under its digest and registers it; the same code again is neither uploaded nor registered."""
    name = uuid.uuid5(uuid.NAMESPACE_OID, artefact.sha256)
    code = ResourceId(f"{workspace}/codes/{name}/versions/1")
    Artefacts(arm, root).ensure(artefact)
    if arm.get(code, API_VERSION) is None:
        uri = f"https://{artefact.account}.blob.core.windows.net/{artefact.container}/{artefact.blob_prefix}"
        arm.put(code, API_VERSION, {"properties": {"codeUri": uri, "description": artefact.source}})
    return code


def train(client: MLClient, run: Run, on_line: Callable[[str], None]) -> str:
    """Submits the job and waits for it; `on_line` gets its state as it changes. Returns the job's name.

    Raises AzureError when it does not complete, with the end of its log.
    """
    from azure.ai.ml import load_job

    with azure_errors("submit", run.spec.name), quiet():
        job = load_job(run.spec, params_override=[{"inputs.variant": run.variant}, {"code": f"azureml:{run.code}"}])
        job.properties = {**(job.properties or {}), **_source(run.folder)}
    if job.properties.get(DIRTY):
        on_line("the training code has changes that are not committed: no version can be registered from this job")
    with azure_errors("submit", run.spec.name), quiet():
        name = str(client.jobs.create_or_update(job).name)
    on_line(f"job {name} submitted to {client.workspace_name}")
    state = _followed(client, name, on_line)
    if state != "Completed":
        message = f"job {name} ended as {state}; the end of its log, {LOG}:\n{_log_tail(client, name)}"
        message += f"\n    Next: read the whole log in Azure ML studio or with `az ml job stream --name {name}`"
        raise AzureError(message, code="JobFailed", target=name)
    return name


def _source(code: Path) -> dict[str, str]:
    """Of the repository that holds the code: left to itself azure-ai-ml looks at the current directory's."""
    from reconciler.adapters.git import OUTSIDE, changed, commit

    head = commit(code)
    if head == OUTSIDE:
        return {}
    return {COMMIT: head.removesuffix("-dirty"), **({DIRTY: "True"} if changed(code) else {})}


def _followed(client: MLClient, name: str, on_line: Callable[[str], None]) -> str:
    """The job's final state. Asks seldom where the job takes long."""
    state, pause_s = "", POLL_S
    while state not in FINAL:
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.2, POLL_AT_MOST_S)
        with azure_errors("follow", name), quiet():
            status = client.jobs.get(name).status
        now = str(getattr(status, "value", status))  # an enum or text, as azure-ai-ml pleases
        if now != state:
            on_line(f"job {name} {now.lower()}")
        state = now
    return state


def _log_tail(client: MLClient, name: str) -> str:
    """The last lines, indented. A log that cannot be read does not hide that the job failed."""
    with tempfile.TemporaryDirectory(prefix="reconciler-log-") as folder:
        try:
            with azure_errors("read the log of", name), quiet():
                client.jobs.download(name, download_path=folder)
        except AzureError as error:
            return f"    ({error})"
        log = Path(folder) / "artifacts" / LOG
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    return "\n".join(f"    {line}" for line in lines[-LOG_LINES:]) or "    (it wrote none)"


@dataclass(frozen=True)
class Registration:
    """What a version is made from. `commit` is that of `root`, for jobs that somebody else submitted without naming theirs."""

    root: Path
    arm: Arm
    workspace: ResourceId
    environment: str
    commit: str
    allow_worse: bool = False


def register(request: Registration, model: str, job: str) -> Path:
    """Writes models/MODEL/versions/N.yaml. Raises NotBetter when the gate refuses, ReconcilerError for a job without a model."""
    from reconciler.adapters.model_files import read_catalogue, write_version

    catalogue, findings = read_catalogue(request.root)
    if findings:
        raise DesiredStateError(findings)
    if model not in catalogue.models:
        raise ReconcilerError(f"there is no model {model}: models/ has {', '.join(sorted(catalogue.models)) or 'none'}")
    body = _finished(request, job)
    metrics = _metrics(request, job)
    if not request.allow_worse:
        check_gate(catalogue.models[model], metrics)
    number = max(catalogue.models[model].versions, default=0) + 1
    with tempfile.TemporaryDirectory(prefix="reconciler-model-") as folder:
        uri = output_uri(request.workspace, job, body)
        output = Artefacts(request.arm, request.root).download(uri, Path(folder))
        described = _described(request, body, uri, output)
    version = ModelVersion.model_validate(
        {
            "version": number,
            "code": {"commit": _commit(request, job, body), "path": f"models/{model}/training"},
            "job": {"name": job, "environment": request.environment},
            "metrics": {name: round(value, 4) for name, value in sorted(metrics.items())},
            **described,
        }
    )
    return write_version(request.root, model, version)


def _finished(request: Registration, job: str) -> Body:
    body = request.arm.get(ResourceId(f"{request.workspace}/jobs/{job}"), API_VERSION)
    if body is None:
        raise ReconcilerError(f"{request.workspace.name} has no job {job}")
    status = body["properties"]["status"]
    if status != "Completed":
        raise ReconcilerError(f"job {job} is {status}: a version is registered from a completed job")
    return body


def output_uri(workspace: ResourceId, job: str, body: Body) -> str:
    """Where the job's folder of that name lies, in the long form that other workspaces understand too."""
    where = f"azureml://subscriptions/{workspace.subscription}/resourcegroups/{workspace.resource_group}"
    declared = str(((body["properties"].get("outputs") or {}).get(OUTPUT) or {}).get("uri") or "")
    uri = declared.replace("${{name}}", job).replace("${{default_datastore}}", "workspaceblobstore")
    # A job that declares no place: https://learn.microsoft.com/azure/machine-learning/how-to-read-write-data-v2 (2026-08)
    uri = uri or f"azureml://datastores/workspaceblobstore/paths/azureml/{job}/{OUTPUT}"
    return uri.rstrip("/").replace("azureml://datastores/", f"{where}/workspaces/{workspace.name}/datastores/", 1)


def _commit(request: Registration, job: str, body: Body) -> str:
    """Of the code that the job ran, which may be older than what is checked out now."""
    from reconciler.adapters.git import OUTSIDE

    source = body["properties"].get("properties") or {}
    if str(source.get(DIRTY, "")).lower() == "true" and COMMIT in source:
        message = (
            f"job {job} ran code that differs from commit {source[COMMIT][:8]}: the version could not say what made it"
        )
        raise ReconcilerError(f"{message}\n    Next: commit the training code, train again, register that job")
    found = str(source.get(COMMIT) or request.commit.removesuffix("-dirty"))
    if found == OUTSIDE:
        raise ReconcilerError(
            f"job {job} names no commit and {request.root} is in no git repository: a version names its code"
        )
    return found


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
    asset = data_asset(str(body["properties"]["inputs"]["data"]["uri"]))
    learnt_from = str(json.loads((folder / "model.json").read_text()).get("data_sha256"))
    _check_data_sha256(request, asset, learnt_from)
    return {
        "artefact": {"path": f"{uri}/model", "sha256": manifest_sha256(folder), "size_bytes": size, "format": FORMAT},
        "data": {"asset": asset, "sha256": learnt_from},
        "smoke": json.loads(smoke.read_text()),
    }


def data_asset(uri: str) -> str:
    """`name:version` from a job's input, however Azure spells it."""
    found = re.search(r"/data/([^/]+)/versions/([^/]+)$", uri) or re.search(r"azureml:([^:/]+):([^:/]+)$", uri)
    if found is None:
        raise ReconcilerError(f"the job's input {uri} is no versioned data asset: its lineage cannot be recorded")
    return f"{found[1]}:{found[2]}"


def _check_data_sha256(request: Registration, asset: str, learnt_from: str) -> None:
    """Raises ReconcilerError unless the model's own word for its data is what the contract of that data asset says."""
    from reconciler.adapters.data_contract import read_contract
    from reconciler.adapters.yaml_files import load

    name, _, version = asset.partition(":")
    declared = load(request.root, request.environment).state.data.get(name)
    if declared is None or declared.version != version:
        found = f"{name}:{declared.version}" if declared else "no such data"
        raise ReconcilerError(
            f"the job learnt from {asset}, {request.environment} declares {found}: nothing says what {asset} must hold\n"
            "    Next: train again on what is declared, or register from the commit that declares it"
        )
    wanted = read_contract(request.root / declared.contract).sha256
    if learnt_from != wanted:
        raise ReconcilerError(
            f"the model learnt from data with sha256 {learnt_from}, {declared.contract} says {wanted}"
        )
