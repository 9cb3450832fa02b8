"""The vocabulary of the YAML. Every key a person may type is a field here, with its meaning as the description."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """Base of everything read from YAML: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Lifecycle(Spec):
    """Days after its last change that a blob moves on. They ascend."""

    cool_after_days: Annotated[int, Field(ge=1)] = 30
    archive_after_days: Annotated[int, Field(ge=1)] | None = 180
    """null: never. Zone-redundant accounts have no archive tier."""
    delete_after_days: Annotated[int, Field(ge=1)] = 730


class LakeContainer(Spec):
    lifecycle: Lifecycle = Lifecycle()


class Lake(Spec):
    """The data lake: a storage account with a hierarchical namespace, attached to the workspace as datastores."""

    containers: dict[str, LakeContainer]


class WorkspaceAccount(Spec):
    """The workspace's own flat storage account: job logs, code, artefacts, the lock."""

    soft_delete_days: Annotated[int, Field(ge=1, le=365)] = 14


class Storage(Spec):
    redundancy: Literal["local", "zone", "geo", "geo-zone"] = "local"
    lake: Lake
    workspace: WorkspaceAccount = WorkspaceAccount()


class KeyVault(Spec):
    soft_delete_days: Annotated[int, Field(ge=7, le=90)] = 90
    purge_protection: bool = True


class Registry(Spec):
    sku: Literal["Basic", "Standard", "Premium"] = "Basic"


class Logs(Spec):
    retention_days: Annotated[int, Field(ge=30, le=730)] = 30
    daily_cap_gb: Annotated[float, Field(gt=0)] | None = None


class Nodes(Spec):
    min: Annotated[int, Field(ge=0)] = 0
    max: Annotated[int, Field(ge=1)] = 1


class Compute(Spec):
    """A cluster that runs training jobs."""

    size: str
    nodes: Nodes = Nodes()
    idle_before_scale_down_s: Annotated[int, Field(ge=60)] = 900
    priority: Literal["dedicated", "low"] = "dedicated"


class RuntimeImage(Spec):
    """What Azure ML calls an environment: the image a job or a deployment runs in, built from a folder here."""

    version: str
    context: str
    dockerfile: str = "Dockerfile"
    serves: bool = False


class DataAsset(Spec):
    version: str
    path: str
    contract: str
    description: str = ""
    container: str = "processed"


class Instances(Spec):
    min: Annotated[int, Field(ge=1, le=50)] = 1
    max: Annotated[int, Field(ge=1, le=50)] = 1


class Deployment(Spec):
    """One colour of an endpoint."""

    model: str
    size: str
    instances: Instances = Instances()
    runtime_image: str = "scoring"
    request_timeout_s: Annotated[int, Field(ge=1, le=180)] = 30
    variables: dict[str, str] = {}


class Endpoint(Spec):
    auth: Literal["key", "aad_token"] = "key"
    description: str = ""
    deployments: dict[str, Deployment] = {}
    traffic: dict[str, int] = {}
    mirror: dict[str, int] = {}


class Job(Spec):
    """A command job that `reconciler models train` submits."""

    code: str
    command: str
    compute: str
    runtime_image: str
    data: str
    experiment: str
    timeout_s: Annotated[int, Field(ge=60)] = 3600
    schedule: str | None = None


class DesiredState(Spec):
    """One environment, `base.yaml` and its own file merged."""

    environment: str
    workload: str
    name: str
    """Short name in resource names: `st{name}{environment}{name_suffix}`."""
    name_suffix: str
    subscription_id: str
    tenant_id: str | None = None
    location: str
    owner: str
    cost_centre: str
    data_class: Literal["public", "internal", "confidential"]
    origin: str
    """Address of this repository, for the `origin` tag."""
    network: Literal["public", "private"] = "public"
    adopt: bool = False
    storage: Storage
    key_vault: KeyVault = KeyVault()
    registry: Registry = Registry()
    logs: Logs = Logs()
    compute: dict[str, Compute] = {}
    runtime_images: dict[str, RuntimeImage] = {}
    data: dict[str, DataAsset] = {}
    jobs: dict[str, Job] = {}
    endpoints: dict[str, Endpoint] = {}
