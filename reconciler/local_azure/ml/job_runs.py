"""Runs command jobs as processes of this machine, each in a thread that watches it from its first status to its last."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from pathlib import Path

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Body, Context
from reconciler.local_azure.ml import assets, job_files, places
from reconciler.local_azure.ml.durations import seconds
from reconciler.local_azure.ml.job_files import Bindings
from reconciler.local_azure.ml.kinds import JOB, Workspace, workspace_of
from reconciler.local_azure.ml.processes import Launch, Processes, child_environment
from reconciler.local_azure.ml.tracking import Job, Tracking
from reconciler.local_azure.providers.bodies import at, now
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import AzureRefusal, Caller

TERMINAL = ("Completed", "Failed", "Canceled")
HISTORY = "ml-job-history"
LOG = "user_logs/std_log.txt"
_MLFLOW_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}
_POLL_S = 0.05
_TAIL_LINES = 20


class _Ended(Exception):
    """How a job ended otherwise than well."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class JobRuns:
    """`start` returns at once. A cluster runs as many jobs at a time as it has nodes; the others wait in the queue."""

    def __init__(self, services: Services, processes: Processes, tracking: Tracking) -> None:
        self._services, self._processes, self._tracking = services, processes, tracking
        self._store, self._blobs = services.store, services.blobs
        self._cancelled: dict[str, threading.Event] = {}
        self._busy: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self, job: Body) -> None:
        resource = ResourceId(job["id"])
        self._cancelled[resource.key] = threading.Event()
        threading.Thread(target=self._run, args=(resource, job), name=f"job-{job['name']}", daemon=True).start()

    def cancel(self, job: ResourceId) -> None:
        self._set_status(job, "CancelRequested")
        event = self._cancelled.get(job.key)
        if event:
            event.set()

    def cancel_all(self, workspace: ResourceId) -> None:
        for job in self._store.children(workspace, JOB):
            if at(job, "properties.status") not in TERMINAL:
                self.cancel(ResourceId(job["id"]))

    def resume(self) -> None:
        """What ran when the daemon was stopped has failed: its process is gone."""
        for job in self._store.of_type(JOB):
            if at(job, "properties.status") in TERMINAL:
                continue
            resource = ResourceId(job["id"])
            self._remember(resource, error="The compute that ran the job was stopped.", ended=now())
            self._set_status(resource, "Failed")
            threading.Thread(target=self._finish_run, args=(resource, "Failed"), daemon=True).start()

    def _run(self, resource: ResourceId, job: Body) -> None:
        workspace = workspace_of(self._store, resource)
        folder = self._services.state_dir.resolve() / "ml" / "jobs" / workspace.name / job["name"]
        status, message = "Completed", ""
        held = False
        try:
            held = self._await_node(resource, job)
            self._run_on_node(resource, job, workspace, folder)
        except _Ended as ended:
            status, message = ended.status, ended.message
        except AzureRefusal as refusal:
            status, message = "Failed", f"{refusal.code}: {refusal.message}"
        except OSError as error:
            status, message = "Failed", f"The job could not be run: {error}"
        finally:
            if held:
                self._release_node(job)
            shutil.rmtree(folder, ignore_errors=True)
        self._remember(resource, error=message, ended=now())
        self._finish_run(resource, status)
        self._set_status(resource, status)

    def _run_on_node(self, resource: ResourceId, job: Body, workspace: Workspace, folder: Path) -> None:
        self._set_status(resource, "Preparing")
        working = folder / "wd"
        working.mkdir(parents=True, exist_ok=True)
        properties = job["properties"]
        if properties.get("codeId"):
            places.download(self._blobs, places.find(self._store, workspace, properties["codeId"]), working)
        bindings = job_files.bind(self._store, self._blobs, workspace, job, folder)
        command = bindings.substituted(str(properties["command"]))
        experiment = self._tracking.begin(workspace, _tracked(job))
        environment = self._environment(job, workspace, bindings, experiment)
        log = places.run_artifacts(workspace, job["name"]).below(LOG)
        path = self._blobs.path(log.account, log.container, log.path)
        self._refuse_cancelled(resource)
        child = self._processes.start(Launch(["/bin/bash", "-c", command], working, environment, path))
        self._remember(resource, started=now())
        self._set_status(resource, "Running")
        try:
            self._await(resource, child, seconds(str(at(properties, "limits.timeout") or "PT0S")))
        finally:
            self._processes.end(child)
        self._set_status(resource, "Finalizing")
        job_files.keep_outputs(self._store, self._blobs, workspace, job, folder)
        if child.returncode:
            raise _Ended("Failed", _failure(child.returncode, path))
        self._register_outputs(resource, job, workspace)

    def _register_outputs(self, resource: ResourceId, job: Body, workspace: Workspace) -> None:
        nobody = Caller("", "", "")
        context = Context(self._store, resource, "", nobody, job, self._services.state_dir)
        for name, output in (job["properties"].get("outputs") or {}).items():
            if output.get("assetName"):
                address = places.output_address(workspace, resource.name, name, output)
                assets.register_output(context, workspace, output, address)

    def _await(self, resource: ResourceId, child: subprocess.Popen[bytes], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s if limit_s else float("inf")
        while child.poll() is None:
            self._refuse_cancelled(resource)
            if time.monotonic() > deadline:
                raise _Ended("Canceled", f"The job ran longer than its limit of {limit_s:g} s.")
            time.sleep(_POLL_S)

    def _refuse_cancelled(self, resource: ResourceId) -> None:
        if self._cancelled[resource.key].is_set():
            raise _Ended("Canceled", "The job was cancelled.")

    def _environment(self, job: Body, workspace: Workspace, bindings: Bindings, experiment: str) -> dict[str, str]:
        """What Azure's own compute sets, so that MLflow finds the run without a word in the script."""
        name, properties = str(job["name"]), job["properties"]
        own = {
            "AZUREML_RUN_ID": name,
            "AZUREML_EXPERIMENT_NAME": properties["experimentName"],
            "AZUREML_EXPERIMENT_ID": experiment,
            "AZUREML_ARM_SUBSCRIPTION": workspace.id.subscription,
            "AZUREML_ARM_RESOURCEGROUP": str(workspace.id.resource_group),
            "AZUREML_ARM_WORKSPACE_NAME": workspace.name,
            "AZUREML_ARM_PROJECT_NAME": properties["experimentName"],
            "AZUREML_WORKSPACE_ID": workspace.guid,
            "AZUREML_WORKSPACE_SCOPE": str(workspace.id),
            "AZUREML_SERVICE_ENDPOINT": f"https://{workspace.api}",
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"https://{workspace.api}/discovery",
            "MLFLOW_TRACKING_URI": f"azureml://{workspace.api}/mlflow/v2.0{workspace.id}",
            "MLFLOW_RUN_ID": name,
            "MLFLOW_EXPERIMENT_ID": experiment,
            "MLFLOW_EXPERIMENT_NAME": properties["experimentName"],
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        given = {key: str(value) for key, value in (properties.get("environmentVariables") or {}).items()}
        return child_environment({**self._services.process_environment(), **own, **bindings.environment(), **given})

    # The queue of a cluster.

    def _await_node(self, resource: ResourceId, job: Body) -> bool:
        compute = self._store.get(ResourceId(str(at(job, "properties.computeId") or "")))
        if compute is None:
            return False
        nodes = int(at(compute, "properties.properties.scaleSettings.maxNodeCount") or 1)
        while not self._took_node(ResourceId(compute["id"]).key, nodes):
            self._set_status(resource, "Queued")
            self._refuse_cancelled(resource)
            time.sleep(_POLL_S)
        return True

    def _took_node(self, compute: str, nodes: int) -> bool:
        with self._lock:
            free = self._busy.get(compute, 0) < nodes
            self._busy[compute] = self._busy.get(compute, 0) + (1 if free else 0)
            return free

    def _release_node(self, job: Body) -> None:
        with self._lock:
            self._busy[ResourceId(job["properties"]["computeId"]).key] -= 1

    # What others read.

    def _set_status(self, resource: ResourceId, status: str) -> None:
        with self._store.transaction():
            job = self._store.get(resource)
            requested = job is not None and job["properties"]["status"] == "CancelRequested"
            if job is None or (requested and status not in TERMINAL):
                return
            job["properties"]["status"] = status
            self._store.put(resource, job)

    def _remember(self, resource: ResourceId, **facts: str) -> None:
        kept = self._store.document(HISTORY, resource.key) or {}
        self._store.put_document(HISTORY, resource.key, {**kept, **facts})

    def _finish_run(self, resource: ResourceId, status: str) -> None:
        """The run in MLflow ends as the job did; a job that never got one has none to end."""
        try:
            workspace = workspace_of(self._store, resource)
            self._tracking.finish(workspace, resource.name, _MLFLOW_STATUS[status])
        except AzureRefusal as refusal:
            self._remember(resource, tracking=refusal.message)


def _tracked(job: Body) -> Job:
    properties = job["properties"]
    user = str(at(job, "systemData.createdBy") or "")
    tags = {str(key): str(value) for key, value in (properties.get("tags") or {}).items()}
    return Job(str(job["name"]), str(properties["displayName"]), str(properties["experimentName"]), user, tags)


def _failure(code: int, log: Path) -> str:
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    return f"Execution failed. User process exited with status code {code}. Please check log file '{LOG}' for error details. Error: {tail}"
