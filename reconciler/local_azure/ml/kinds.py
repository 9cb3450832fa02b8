"""The resource types of Azure Machine Learning, and the workspace that any of them lives in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.core.resource import ResourceId
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.store import Body, Store
from reconciler.local_azure.wire import AzureRefusal

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
DATASTORE = f"{WORKSPACE}/datastores"
COMPUTE = f"{WORKSPACE}/computes"
JOB = f"{WORKSPACE}/jobs"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints"
DEPLOYMENT = f"{ENDPOINT}/deployments"
ASSETS = ("models", "environments", "data", "codes", "components")

BLOB_STORE, ARTIFACT_STORE = "workspaceblobstore", "workspaceartifactstore"
ARTIFACT_CONTAINER = "azureml"

_IN_WORKSPACE = re.compile(r"^.*/providers/microsoft\.machinelearningservices/workspaces/[^/]+", re.IGNORECASE)


@dataclass(frozen=True)
class Workspace:
    """`guid` is what Azure calls workspaceId; `account` is the name of the workspace's own storage account."""

    id: ResourceId
    location: str
    guid: str
    account: str

    @property
    def name(self) -> str:
        return self.id.name

    @property
    def blob_container(self) -> str:
        return f"azureml-blobstore-{self.guid}"

    @property
    def api(self) -> str:
        """The data plane of its region."""
        return f"{self.location}.api.azureml.ms"

    @property
    def short(self) -> str:
        """How asset addresses spell it: without the provider."""
        group = self.id.resource_group
        return f"subscriptions/{self.id.subscription}/resourcegroups/{group}/workspaces/{self.id.name}"

    def child(self, path: str) -> ResourceId:
        return ResourceId(f"{self.id}/{path}")


def workspace_id(resource: ResourceId) -> ResourceId:
    """The workspace of a resource below it, or of itself."""
    found = _IN_WORKSPACE.match(str(resource))
    if found is None:
        raise AzureRefusal(404, "ResourceNotFound", f"'{resource}' lies in no workspace.")
    return ResourceId(found[0])


def workspace_of(store: Store, resource: ResourceId) -> Workspace:
    """Raises AzureRefusal(404) when the workspace is missing."""
    asked = workspace_id(resource)
    body = store.get(asked)
    if body is None:
        raise AzureRefusal(404, "ResourceNotFound", f"The workspace '{asked.name}' was not found.")
    return workspace(body)


def workspace(body: Body) -> Workspace:
    account = ResourceId(str(at(body, "properties.storageAccount")))
    return Workspace(
        ResourceId(body["id"]), str(body["location"]), str(at(body, "properties.workspaceId")), account.name
    )


def asset_version(store: Store, reference: str) -> Body | None:
    """The asset version that an id names, with or without the `azureml:` before it; None when there is none."""
    return store.get(ResourceId(reference.removeprefix("azureml:")))
