"""Where the bytes behind an address of Azure ML lie: datastore paths, asset versions, outputs of jobs, blob URLs."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reconciler.core.resource import ResourceId
from reconciler.local_azure.blobs import Blobs
from reconciler.local_azure.ml.kinds import BLOB_STORE, DATASTORE, WORKSPACE, Workspace, asset_version
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.store import Body, Store
from reconciler.local_azure.wire import AzureRefusal

_SHORT = re.compile(r"^azureml://datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)$", re.IGNORECASE)
_LONG = re.compile(
    r"^azureml://subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)/"
    r"(?:providers/Microsoft\.MachineLearningServices/)?workspaces/(?P<workspace>[^/]+)/"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)$",
    re.IGNORECASE,
)
_OF_JOB = re.compile(
    r"^(?:azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths)?|runs:/(?P<run>[^/]+))(?:/(?P<path>.*))?$"
)
_CLOUD = re.compile(r"^(?:wasbs|abfss)://(?P<container>[^@]+)@(?P<account>[^./]+)\.[^/]+/(?P<path>.*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A blob, or all blobs below a prefix."""

    account: str
    container: str
    path: str

    @property
    def name(self) -> str:
        """The last part of the path: what a copy of it is called."""
        return self.path.rstrip("/").rpartition("/")[2]

    def below(self, path: str) -> Place:
        return Place(self.account, self.container, f"{self.path.rstrip('/')}/{path}".strip("/"))


def expanded(workspace: Workspace, uri: str) -> str:
    """A short datastore address as Azure keeps it: with the workspace spelt out."""
    found = _SHORT.match(uri)
    if found:
        return f"azureml://{workspace.short}/datastores/{found['datastore']}/paths/{found['path']}"
    return uri


def find(store: Store, workspace: Workspace, uri: str) -> Place:
    """Raises AzureRefusal when the address is of no known kind, or names a datastore or asset that does not exist."""
    if found := _SHORT.match(uri):
        return _in_datastore(store, workspace.child(f"datastores/{found['datastore']}"), found["path"])
    if found := _LONG.match(uri):
        scope = f"/subscriptions/{found['subscription']}/resourceGroups/{found['group']}"
        owner = f"{scope}/providers/{WORKSPACE}/{found['workspace']}"
        return _in_datastore(store, ResourceId(f"{owner}/datastores/{found['datastore']}"), found["path"])
    if found := _OF_JOB.match(uri):
        return _of_job(store, workspace, found)
    if found := _CLOUD.match(uri):
        return Place(found["account"], found["container"], found["path"])
    parts = urlsplit(uri)
    if parts.scheme == "https" and ".blob." in parts.netloc:
        container, _, path = unquote(parts.path).lstrip("/").partition("/")
        return Place(parts.netloc.partition(".")[0], container, path)
    if (body := asset_version(store, uri)) is not None:
        return find(store, workspace, _address(body))
    raise AzureRefusal(400, "UserError", f"The address '{uri}' does not exist, or is of a kind that is not known.")


def _address(version: Body) -> str:
    properties = version["properties"]
    return str(properties.get("dataUri") or properties.get("modelUri") or properties.get("codeUri") or "")


def _in_datastore(store: Store, datastore: ResourceId, path: str) -> Place:
    body = store.get(datastore)
    if body is None or body["type"] != DATASTORE:
        raise AzureRefusal(400, "UserError", f"The datastore '{datastore.name}' could not be found in the workspace.")
    properties = body["properties"]
    container = properties.get("containerName") or properties.get("filesystem")
    if not container:
        kind = properties.get("datastoreType")
        raise AzureRefusal(400, "UserError", f"The datastore '{datastore.name}' of type {kind} holds no blobs.")
    return Place(str(properties["accountName"]), str(container), path)


def _of_job(store: Store, workspace: Workspace, found: re.Match[str]) -> Place:
    name = found["job"] or found["run"]
    job = store.get(workspace.child(f"jobs/{name}"))
    if job is None:
        raise AzureRefusal(400, "UserError", f"The job '{name}' could not be found in the workspace.")
    path = found["path"] or ""
    if found["output"] in (None, "artifacts", "default"):
        return run_artifacts(workspace, name).below(path.removeprefix("artifacts/"))
    output = at(job, f"properties.outputs.{found['output']}")
    if output is None:
        raise AzureRefusal(400, "UserError", f"The job '{name}' has no output '{found['output']}'.")
    return find(store, workspace, output_address(workspace, name, found["output"], output)).below(path)


def output_address(workspace: Workspace, job: str, name: str, output: Body) -> str:
    """Where an output of a job ends: the declared address, else a folder of the job's own in the default datastore."""
    declared = str(output.get("uri") or "")
    if declared:
        return declared.replace("${{name}}", job).replace("${{default_datastore}}", BLOB_STORE)
    return expanded(workspace, f"azureml://datastores/{BLOB_STORE}/paths/azureml/{job}/{name}/")


def run_artifacts(workspace: Workspace, run: str) -> Place:
    """The folder that a run's logs and artifacts lie in."""
    return Place(workspace.account, "azureml", f"ExperimentRun/dcid.{run}")


def names(blobs: Blobs, place: Place) -> list[str]:
    """The blobs at or below a place, as names in its container."""
    whole = place.path.rstrip("/")
    found = blobs.names(place.account, place.container, whole)
    return [name for name in found if not whole or name == whole or name.startswith(f"{whole}/")]


def download(blobs: Blobs, place: Place, target: Path) -> int:
    """Copies a blob to the file `target`, or all below a prefix into the folder `target`; returns how many files.

    Raises AzureRefusal when there is nothing.
    """
    found = names(blobs, place)
    if not found:
        message = (
            f"The specified blob does not exist: '{place.path}' in container '{place.container}' of '{place.account}'."
        )
        raise AzureRefusal(404, "BlobNotFound", message)
    whole = place.path.rstrip("/")
    for name in found:
        file = target if name == whole else target / name[len(whole) :].lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(blobs.path(place.account, place.container, name), file)
    return len(found)


def upload(blobs: Blobs, folder: Path, place: Place) -> int:
    """Puts every file below `folder` under the place; a single file becomes the blob itself."""
    if folder.is_file():
        blobs.write(place.account, place.container, place.path, folder.read_bytes())
        return 1
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        name = place.below(path.relative_to(folder).as_posix()).path
        blobs.write(place.account, place.container, name, path.read_bytes())
    return len(files)
