"""What clients ask the data plane about runs: their state, their logs, the files they keep."""

from __future__ import annotations

from typing import Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure.ml import places
from reconciler.local_azure.ml.job_runs import HISTORY
from reconciler.local_azure.ml.kinds import Workspace
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Body
from reconciler.local_azure.wire import AzureRefusal, Request, Response

_CHANGEABLE = {"displayName": "displayName", "description": "description", "hidden": "isArchived"}
_LOGS = ("user_logs/", "system_logs/")


class RunHistory:
    """`path` is what follows the workspace in a request to /history/v1.0 or /data/v1.0."""

    def __init__(self, services: Services) -> None:
        self._store, self._blobs = services.store, services.blobs

    def serve(self, request: Request, workspace: Workspace, path: str) -> Response:
        parts = [part for part in path.split("/") if part]
        if parts[:1] in (["experiments"], ["experimentids"]):
            parts = parts[2:]
        match request.method, parts:
            case "POST", ["rundata"]:
                return Response.json(200, {"runMetadata": self._run(workspace, str(request.json().get("runId")))})
            case "POST", ["dataversion", "batchGetResolvedUris"]:
                return Response.json(200, {"values": self._addresses(workspace, request.json().get("values") or [])})
            case "GET", ["runs", name, "details"]:
                run = self._run(workspace, name)
                return Response.json(200, {**run, "logFiles": self._logs(workspace, name)})
            case "GET", ["runs", name]:
                return Response.json(200, self._run(workspace, name))
            case "GET", ["runs", _, "children"]:
                return Response.json(200, {"value": []})
            case (("PATCH" | "POST"), ["runs", name]):
                self._change(workspace, name, request.json())
                return Response.json(200, self._run(workspace, name))
            case "POST", ["runs", name, "artifacts", "batch", "metadata"]:
                return self._begin_artifacts(workspace, name, request)
            case "GET", ["runs", name, "artifacts", "contentinfo"]:
                return self._content(workspace, name, request.query.get("path", ""))
            case "GET", ["runs", name, "artifacts"]:
                found = self._artifacts(workspace, name)
                return Response.json(200, {"value": [_artifact(name, one) for one in found]})
        raise AzureRefusal(404, "NotFound", f"{request.method} {request.path} is not served.")

    def _job(self, workspace: Workspace, name: str) -> Body:
        job = self._store.get(workspace.child(f"jobs/{name}"))
        if job is None:
            raise AzureRefusal(404, "NotFound", f"The run '{name}' was not found.")
        return job

    def _run(self, workspace: Workspace, name: str) -> Body:
        job = self._job(workspace, name)
        properties, kept = job["properties"], self._store.document(HISTORY, ResourceId(job["id"]).key) or {}
        run = {
            "runId": job["name"],
            "runUuid": job["name"],
            "status": properties["status"],
            "displayName": properties["displayName"],
            "description": properties.get("description"),
            "experimentId": properties["experimentName"],
            "hidden": bool(properties.get("isArchived")),
            "runType": "azureml.scriptrun",
            "createdUtc": at(job, "systemData.createdAt"),
            "startTimeUtc": kept.get("started"),
            "endTimeUtc": kept.get("ended"),
            "tags": properties.get("tags") or {},
            "properties": properties.get("properties") or {},
            "target": ResourceId(properties.get("computeId") or "/").text.rpartition("/")[2],
            "outputs": {
                one: {"assetId": f"azureml://jobs/{name}/outputs/{one}", "type": output.get("jobOutputType")}
                for one, output in (properties.get("outputs") or {}).items()
            },
        }
        if kept.get("error"):
            run["error"] = {"error": {"code": "UserError", "message": kept["error"]}}
        return run

    def _addresses(self, workspace: Workspace, asked: list[str]) -> Body:
        found: Body = {}
        for asset in asked:
            _, _, rest = asset.partition("azureml://jobs/")
            name, _, output = rest.partition("/outputs/")
            declared = at(self._job(workspace, name), f"properties.outputs.{output}") or {}
            address = places.output_address(workspace, name, output, declared)
            found[asset] = {"uri": places.expanded(workspace, address), "type": declared.get("jobOutputType")}
        return found

    def _logs(self, workspace: Workspace, name: str) -> Body:
        return {
            one: self._signed(workspace, name, one) for one in self._artifacts(workspace, name) if one.startswith(_LOGS)
        }

    def _change(self, workspace: Workspace, name: str, asked: Any) -> None:
        with self._store.transaction():
            job = self._job(workspace, name)
            for theirs, ours in _CHANGEABLE.items():
                if asked.get(theirs) is not None:
                    job["properties"][ours] = asked[theirs]
            for field in ("tags", "properties"):
                if asked.get(field) is not None:
                    job["properties"][field] = {**(job["properties"].get(field) or {}), **asked[field]}
            self._store.put(ResourceId(job["id"]), job)

    # Artifacts: https://{region}.api.azureml.ms/history/.../artifacts, as azureml-mlflow asks for them.

    def _artifacts(self, workspace: Workspace, name: str) -> list[str]:
        folder = places.run_artifacts(workspace, name)
        return [one[len(folder.path) + 1 :] for one in places.names(self._blobs, folder)]

    def _signed(self, workspace: Workspace, name: str, path: str) -> str:
        place = places.run_artifacts(workspace, name).below(path)
        token = self._blobs.sas(place.account, place.container)
        return f"https://{place.account}.blob.core.windows.net/{place.container}/{place.path}?{token}"

    def _begin_artifacts(self, workspace: Workspace, name: str, request: Request) -> Response:
        paths = [str(one["path"]) for one in request.json().get("paths") or []]
        contents = {path: self._information(workspace, name, path) for path in paths}
        artifacts = {path: _artifact(name, path) for path in paths}
        return Response.json(200, {"artifacts": artifacts, "artifactContentInformation": contents, "errors": {}})

    def _content(self, workspace: Workspace, name: str, path: str) -> Response:
        if path not in self._artifacts(workspace, name):
            raise AzureRefusal(404, "NotFound", f"The artifact '{path}' of the run '{name}' was not found.")
        return Response.json(200, self._information(workspace, name, path))

    def _information(self, workspace: Workspace, name: str, path: str) -> Body:
        return {**_artifact(name, path), "contentUri": self._signed(workspace, name, path)}


def _artifact(run: str, path: str) -> Body:
    container = f"dcid.{run}"
    return {
        "artifactId": f"ExperimentRun/{container}/{path}",
        "origin": "ExperimentRun",
        "container": container,
        "path": path,
        "tags": {},
    }
