"""The regional data plane, *.api.azureml.ms: discovery, MLflow, run history. Who asks needs rights in the workspace."""

from __future__ import annotations

import re

from reconciler.core.resource import ResourceId
from reconciler.local_azure import permissions
from reconciler.local_azure.identity import Identity
from reconciler.local_azure.ml.kinds import WORKSPACE, Workspace, workspace_of
from reconciler.local_azure.ml.run_history import RunHistory
from reconciler.local_azure.ml.tracking import Tracking
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal, Request, Response

_PATH = re.compile(
    r"^/(?P<service>\w+)/v[\d.]+(?P<workspace>/subscriptions/[^/]+/resourcegroups/[^/]+/providers/"
    r"microsoft\.machinelearningservices/workspaces/[^/]+)(?P<rest>/.*)$",
    re.IGNORECASE,
)
_SERVICES = ("api", "history", "experimentation", "modelmanagement", "mlflow", "catalog", "notebooks")
_READING_POSTS = ("/search", "/get-batch", "/rundata", "/batchGetResolvedUris")


class DataPlane:
    """Serves every request to *.api.azureml.ms."""

    def __init__(self, store: Store, identity: Identity, tracking: Tracking, history: RunHistory) -> None:
        self._store, self._identity, self._tracking, self._history = store, identity, tracking, history

    def serve(self, request: Request) -> Response:
        if request.path.rstrip("/") == "/discovery":
            return Response.json(200, dict.fromkeys(_SERVICES, f"https://{request.host}"))
        found = _PATH.match(request.path)
        if found is None:
            raise AzureRefusal(404, "NotFound", f"{request.path} is not served.")
        workspace = self._workspace(request, ResourceId(found["workspace"]))
        match found["service"].lower():
            case "mlflow" if found["rest"].startswith("/api/"):
                return self._tracking.forward(workspace, request.method, found["rest"], request.body, request.query)
            case "history" | "data":
                return self._history.serve(request, workspace, found["rest"])
        raise AzureRefusal(404, "NotFound", f"{request.path} is not served.")

    def _workspace(self, request: Request, asked: ResourceId) -> Workspace:
        """Raises AzureRefusal for who may not, and for a workspace of another region."""
        caller = self._identity.caller(request.headers)
        workspace = workspace_of(self._store, asked)
        reads = request.method in ("GET", "HEAD") or request.path.endswith(_READING_POSTS)
        action = f"{WORKSPACE}/experiments/runs/{'read' if reads else 'write'}"
        permissions.check(self._store, caller, action, str(workspace.id))
        if workspace.api != request.host:
            raise AzureRefusal(
                404, "NotFound", f"The workspace '{workspace.name}' is not in the region of {request.host}."
            )
        return workspace
