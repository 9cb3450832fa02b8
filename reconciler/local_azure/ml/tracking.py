"""MLflow behind a workspace's tracking URI: MLflow's own server, one a workspace, started when it is first asked."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from reconciler.local_azure.ml.kinds import Workspace
from reconciler.local_azure.ml.processes import Launch, Processes, child_environment, free_port
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import AzureRefusal, Response

START_S, ANSWER_S = 120.0, 60.0
_BATCH_ASYNC, _BATCH = "/api/2.0/mlflow/runs/log-batch-async", "/api/2.0/mlflow/runs/log-batch"
_BATCH_STATUS = "/api/2.0/mlflow/runs/get-run-data-status"
_CREATE_EXPERIMENT = "/api/2.0/mlflow/experiments/create"


@dataclass(frozen=True)
class Job:
    """The run that Azure ML makes for a job before the job starts."""

    name: str
    display_name: str
    experiment: str
    user: str
    tags: Mapping[str, str]


class Tracking:
    """`forward` hands a request on; `begin` and `finish` are what Azure ML itself does to a job's run."""

    def __init__(self, services: Services, processes: Processes) -> None:
        self._folder = services.state_dir.resolve() / "ml" / "mlflow"
        self._processes = processes
        self._ports: dict[str, tuple[Any, int]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def forward(self, workspace: Workspace, method: str, path: str, body: bytes, query: Mapping[str, str]) -> Response:
        """`path` begins with /api. Batches that Azure takes asynchronously are taken at once."""
        if path == _BATCH_STATUS:
            return Response.json(200, {"is_complete": True})
        if path == _CREATE_EXPERIMENT:
            body = _with_location(workspace, body)
        port = self._port(workspace)
        if path != _BATCH_ASYNC:
            return _call(port, method, path, body, query)
        answer = _call(port, method, _BATCH, body, query)
        return Response.json(200, {"batch_tracking_id": ""}) if answer.status == 200 else answer

    def begin(self, workspace: Workspace, job: Job) -> str:
        """Makes the job's run, and returns the id of its experiment."""
        asked = {
            "run_id": job.name,
            "name": job.display_name,
            "experiment": job.experiment,
            "user": job.user,
            "start_time_ms": int(time.time() * 1000),
            "tags": {"mlflow.runName": job.display_name, "mlflow.user": job.user, **job.tags},
        }
        answer = self._asked(workspace, "/azureml/runs", asked)
        return str(json.loads(answer.body)["experiment_id"])

    def finish(self, workspace: Workspace, job: str, status: str) -> None:
        """`status` is MLflow's: FINISHED, FAILED or KILLED."""
        asked = {"run_id": job, "status": status, "end_time": int(time.time() * 1000)}
        self._asked(workspace, "/api/2.0/mlflow/runs/update", asked)

    def forget(self, workspace: Workspace) -> None:
        """Ends the workspace's server and deletes what it kept."""
        with self._lock:
            child, _ = self._ports.pop(workspace.guid, (None, 0))
        if child is not None:
            self._processes.end(child)
        for path in self._folder.glob(f"{workspace.guid}.*"):
            path.unlink()

    def _asked(self, workspace: Workspace, path: str, value: Mapping[str, Any]) -> Response:
        answer = _call(self._port(workspace), "POST", path, json.dumps(value).encode(), {})
        if answer.status != 200:
            raise AzureRefusal(500, "InternalServerError", f"MLflow answered {answer.status}: {answer.body[:300]!r}")
        return answer

    def _port(self, workspace: Workspace) -> int:
        with self._lock:
            lock = self._locks.setdefault(workspace.guid, threading.Lock())
        with lock:
            child, port = self._ports.get(workspace.guid, (None, 0))
            if child is None or child.poll() is not None:
                child, port = self._start(workspace)
                self._ports[workspace.guid] = (child, port)
            return port

    def _start(self, workspace: Workspace) -> tuple[Any, int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        words = [sys.executable, "-m", "reconciler.local_azure.ml.mlflow_server", "--port", str(port)]
        words += [
            "--database",
            str(self._folder / f"{workspace.guid}.sqlite"),
            "--experiments",
            _experiments(workspace),
        ]
        launch = Launch(words, self._folder, child_environment({}), self._folder / f"{workspace.guid}.log")
        try:
            child = self._processes.start(launch)
        except OSError as error:
            raise AzureRefusal(503, "ServiceUnavailable", f"MLflow could not be started: {error}") from error
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and child.poll() is None:
            if _is_healthy(port):
                return child, port
            time.sleep(0.1)
        self._processes.end(child)
        raise AzureRefusal(
            503, "ServiceUnavailable", f"MLflow did not start; see {launch.log.name} in {launch.log.parent}"
        )


def _experiments(workspace: Workspace) -> str:
    """Clients of Azure read a run's experiment and id out of its artifact address."""
    return f"azureml://{workspace.api}/mlflow/v2.0{workspace.id}/experiments"


def _with_location(workspace: Workspace, body: bytes) -> bytes:
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return body
    return json.dumps({**asked, "artifact_location": f"{_experiments(workspace)}/{asked.get('name')}/runs"}).encode()


def _is_healthy(port: int) -> bool:
    try:
        return _call(port, "GET", "/health", b"", {}).status == 200
    except AzureRefusal:
        return False


def _call(port: int, method: str, path: str, body: bytes, query: Mapping[str, str]) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    target = f"{path}?{urlencode(query)}" if query else path
    try:
        connection.request(method, target, body or None, {"content-type": "application/json"})
        answer = connection.getresponse()
        kind = answer.getheader("content-type") or "application/json"
        return Response(answer.status, answer.read(), {"content-type": kind})
    except (OSError, http.client.HTTPException) as error:
        raise AzureRefusal(503, "ServiceUnavailable", f"MLflow does not answer: {error}") from error
    finally:
        connection.close()
