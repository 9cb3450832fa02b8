"""Runs the containers of online deployments as processes of this machine: laid out, started, probed, replaced, ended."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.resource import ResourceId
from reconciler.local_azure.ml import places
from reconciler.local_azure.ml.durations import seconds
from reconciler.local_azure.ml.images import Image, lay_out
from reconciler.local_azure.ml.kinds import DEPLOYMENT, Workspace, asset_version, workspace_of
from reconciler.local_azure.ml.processes import Launch, Processes, child_environment, free_port
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Body
from reconciler.local_azure.wire import AzureRefusal

_HELP = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-resourcenotready"
_MODELS = "var/azureml-app/azureml-models"
_POLL_S = 0.1
_CONTAINER = ("model", "environmentId", "environmentVariables", "modelMountPath", "codeConfiguration")


@dataclass(frozen=True)
class Replica:
    """One running container. `folder` is removed with it; `made_of` is what another container would differ by."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    made_of: Body

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


class Serving:
    """One replica a deployment, whatever its capacity says: the machine has only so many cores."""

    def __init__(self, services: Services, processes: Processes) -> None:
        self._services, self._processes = services, processes
        self._folder = services.state_dir / "ml" / "deployments"
        self._replicas: dict[str, Replica] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._restarting: set[str] = set()

    def deploy(self, deployment: ResourceId, body: Body) -> None:
        """The new container is ready before the old one goes; one that would be the same stays.

        Raises AzureRefusal when the new one never gets ready.
        """
        made_of = {name: body["properties"].get(name) for name in _CONTAINER}
        with self._lock:
            current = self._replicas.get(deployment.key)
        if current and current.alive and current.made_of == made_of:
            return
        folder = self._home(deployment) / uuid.uuid4().hex[:8]
        try:
            launch, port = self._prepare(deployment, body, folder)
            replica = Replica(self._start(launch), port, folder, made_of)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        try:
            self._await_ready(replica, body)
        except BaseException:
            self._discard(replica)
            raise
        with self._lock:
            before = self._replicas.get(deployment.key)
            self._replicas[deployment.key] = replica
        if before:
            self._discard(before)

    def stop(self, deployment: ResourceId) -> None:
        with self._lock:
            replica = self._replicas.pop(deployment.key, None)
        if replica:
            self._discard(replica)
        shutil.rmtree(self._home(deployment), ignore_errors=True)

    def port(self, deployment: ResourceId) -> int | None:
        """Where the deployment listens; None when it does not run."""
        with self._lock:
            replica = self._replicas.get(deployment.key)
        return replica.port if replica and replica.alive else None

    def logs(self, deployment: ResourceId, tail: int) -> str:
        path = self._log(deployment)
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        return "\n".join(lines[-tail:]) + ("\n" if lines else "")

    def restart(self, deployment: ResourceId) -> None:
        """A container that ended by itself is started again, as the platform does; one that cannot be stays down."""
        body = self._services.store.get(deployment)
        if body is None or self._closing.is_set() or at(body, "properties.provisioningState") != "Succeeded":
            return
        with self._lock:
            if deployment.key in self._restarting:
                return
            self._restarting.add(deployment.key)
        try:
            self.deploy(ResourceId(body["id"]), body)
        except AzureRefusal as refusal:
            with self._log(deployment).open("a") as log:
                log.write(f"The container could not be started again: {refusal.message}\n")
        finally:
            with self._lock:
                self._restarting.discard(deployment.key)

    def resume(self) -> None:
        """Starts what ran before, in threads; what was under way when the daemon was stopped has failed."""
        for body in self._services.store.of_type(DEPLOYMENT):
            resource = ResourceId(body["id"])
            state = at(body, "properties.provisioningState")
            if state == "Succeeded":
                threading.Thread(target=self.restart, args=(resource,), daemon=True).start()
            elif state != "Failed":
                body["properties"]["provisioningState"] = "Failed"
                self._services.store.put(resource, body)

    def close(self) -> None:
        self._closing.set()

    def _home(self, deployment: ResourceId) -> Path:
        digest = hashlib.sha256(deployment.key.encode()).hexdigest()[:16]
        return self._folder / f"{deployment.names[-2]}-{deployment.name}-{digest}".lower()

    def _log(self, deployment: ResourceId) -> Path:
        path = self._home(deployment) / "console.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _start(self, launch: Launch) -> subprocess.Popen[bytes]:
        try:
            return self._processes.start(launch)
        except OSError as error:
            raise _not_ready(f": {error}") from error

    def _prepare(self, deployment: ResourceId, body: Body, folder: Path) -> tuple[Launch, int]:
        store, properties = self._services.store, body["properties"]
        workspace = workspace_of(store, deployment)
        image = self._build(workspace, properties, folder)
        port = free_port()
        variables = {name: str(value) for name, value in (properties.get("environmentVariables") or {}).items()}
        model = self._mount_model(workspace, properties, image)
        environment = {
            **self._services.process_environment(),
            **image.environment,
            **model,
            **variables,
            "PORT": str(port),
            "AZUREML_DEPLOYMENT_NAME": deployment.name,
            "AZUREML_ENDPOINT_NAME": deployment.names[-2],
        }
        return Launch(image.words, image.folder, child_environment(environment), self._log(deployment)), port

    def _build(self, workspace: Workspace, properties: Body, folder: Path) -> Image:
        version = asset_version(self._services.store, str(properties.get("environmentId")))
        build = at(version, "properties.build")
        if not build:
            message = "The embedded Azure runs runtime images that have a build context; it pulls none from a registry."
            raise AzureRefusal(400, "ImageBuildFailure", message)
        context = folder / "context"
        place = places.find(self._services.store, workspace, str(build["contextUri"]))
        places.download(self._services.blobs, place, context)
        return lay_out(context, str(build.get("dockerfilePath") or "Dockerfile"), folder / "root")

    def _mount_model(self, workspace: Workspace, properties: Body, image: Image) -> dict[str, str]:
        """Copies the model where Azure mounts it; a path of its own in `modelMountPath` takes the place of the usual one."""
        version = asset_version(self._services.store, str(properties.get("model") or ""))
        if version is None:
            return {}
        resource = ResourceId(version["id"])
        base = str(properties.get("modelMountPath") or _MODELS).lstrip("/")
        target = image.root / base / resource.names[-2] / resource.name
        place = places.find(self._services.store, workspace, str(at(version, "properties.modelUri")))
        places.download(self._services.blobs, place, target / place.name)
        return {"AZUREML_MODEL_DIR": str(target)}

    def _await_ready(self, replica: Replica, body: Body) -> None:
        """Asks more often than the probe says, and gives up when the probe would."""
        probe = body["properties"]["readinessProbe"]
        limit = seconds(probe["initialDelay"]) + seconds(probe["period"]) * int(probe["failureThreshold"])
        path = self._readiness_path(body)
        deadline, timeout = time.monotonic() + limit, seconds(probe["timeout"])
        found = "no answer"
        while time.monotonic() < deadline and not self._closing.is_set():
            if not replica.alive:
                raise _not_ready(f" (exit code {replica.process.returncode})")
            found = ask(replica.port, path, timeout)
            if found.startswith("2"):
                return
            time.sleep(_POLL_S)
        raise _not_ready(f": Readiness probe failed: HTTP probe failed with {found}")

    def _readiness_path(self, body: Body) -> str:
        version = asset_version(self._services.store, str(body["properties"].get("environmentId")))
        return str(at(version, "properties.inferenceConfig.readinessRoute.path") or "/")

    def _discard(self, replica: Replica) -> None:
        self._processes.end(replica.process)
        shutil.rmtree(replica.folder, ignore_errors=True)


def _not_ready(why: str) -> AzureRefusal:
    return AzureRefusal(400, "ResourceNotReady", f"User container has crashed or terminated{why}. {_HELP}")


def ask(port: int, path: str, timeout_s: float) -> str:
    """The status of a GET, as text; what went wrong where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=max(timeout_s, 0.1))
    try:
        connection.request("GET", path)
        return str(connection.getresponse().status)
    except OSError as error:
        return type(error).__name__
    except http.client.HTTPException as error:
        return type(error).__name__
    finally:
        connection.close()
