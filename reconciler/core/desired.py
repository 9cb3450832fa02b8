"""The vocabulary of the YAML. Every key a person may type is a field here, its meaning the docstring below it.

`adapters.yaml_schema` turns these docstrings into the descriptions that editors show.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """Base of everything read from YAML: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Lifecycle(Spec):
    """Days after its last change that a blob moves on. They ascend."""

    cool_after_days: Annotated[int, Field(ge=1)] = 30
    archive_after_days: Annotated[int, Field(ge=1)] | None = 180
    """null: never. Zone-redundant accounts have no archive tier."""
    delete_after_days: Annotated[int, Field(ge=1)] = 730


class LakeContainer(Spec):
    """A container of the lake."""

    lifecycle: Lifecycle = Lifecycle()
    """When its blobs move to cheaper tiers and are deleted."""


class Lake(Spec):
    """The data lake: a storage account with a hierarchical namespace, attached to the workspace as datastores."""

    containers: dict[str, LakeContainer]
    """By name."""


class WorkspaceAccount(Spec):
    """The workspace's own flat storage account: job logs, code, artefacts, the lock."""

    soft_delete_days: Annotated[int, Field(ge=1, le=365)] = 14
    """How long a deleted blob can be brought back."""


class Storage(Spec):
    """Both storage accounts."""

    redundancy: Literal["local", "zone", "geo", "geo-zone"] = "local"
    """Where Azure keeps the copies of every blob."""
    lake: Lake
    workspace: WorkspaceAccount = WorkspaceAccount()


class KeyVault(Spec):
    """The vault, with Azure roles for access."""

    soft_delete_days: Annotated[int, Field(ge=7, le=90)] = 90
    """How long a deleted secret can be brought back. Azure lets it be chosen once."""
    purge_protection: bool = True
    """Nobody can purge what is soft-deleted. Cannot be taken back."""


class Registry(Spec):
    """The container registry of runtime images."""

    sku: Literal["Basic", "Standard", "Premium"] = "Basic"
    """Private endpoints need Premium."""


class Logs(Spec):
    """Log Analytics and Application Insights."""

    retention_days: Annotated[int, Field(ge=30, le=730)] = 30
    """The first 31 days are free."""
    daily_cap_gb: Annotated[float, Field(gt=0)] | None = None
    """Ingestion stops for the day beyond it. null: no cap."""


class Nodes(Spec):
    """How far a cluster scales."""

    min: Annotated[int, Field(ge=0)] = 0
    """0: an idle cluster costs nothing."""
    max: Annotated[int, Field(ge=1)] = 1


class Compute(Spec):
    """A cluster that runs training jobs."""

    size: str
    """Virtual machine size, such as Standard_DS3_v2."""
    nodes: Nodes = Nodes()
    idle_before_scale_down_s: Annotated[int, Field(ge=60)] = 900
    priority: Literal["dedicated", "low"] = "dedicated"
    """low: cheaper, and Azure may take the nodes away."""


class RuntimeImage(Spec):
    """What Azure ML calls an environment: the image a job or a deployment runs in, built from a folder here."""

    version: str
    """Raise it whenever the context changes: a registered version never changes."""
    context: str
    """Folder in this repository that holds all that the build may copy."""
    dockerfile: str = "Dockerfile"
    """Path below the context."""
    serves: bool = False
    """It answers on the scoring port, so deployments may use it."""


class DataAsset(Spec):
    """A versioned data set that jobs name as input."""

    version: str
    path: str
    """File in this repository."""
    contract: str
    """File with the schema, ranges, keys and checksum that the data must satisfy before they are registered."""
    description: str = ""


class Instances(Spec):
    """How many virtual machines serve a deployment."""

    min: Annotated[int, Field(ge=1, le=50)] = 1
    max: Annotated[int, Field(ge=1, le=50)] = 1
    """Room for autoscale, which is not applied yet: min instances run."""


class Deployment(Spec):
    """One colour of an endpoint."""

    model: str
    """`name:version` of a model in models/. Only dev may say `name:latest`."""
    size: str
    """Virtual machine size that managed online endpoints accept, such as Standard_F4s_v2."""
    instances: Instances = Instances()
    runtime_image: str = "scoring"
    """One that serves."""
    request_timeout_s: Annotated[int, Field(ge=1, le=180)] = 30
    variables: dict[str, str] = {}
    """Environment variables of the scoring process. Never secrets."""


class Endpoint(Spec):
    """One address that serves forecasts."""

    auth: Literal["key", "aad_token"] = "key"
    """What a caller shows."""
    description: str = ""
    deployments: dict[str, Deployment] = {}
    """By colour, or whatever they are called."""
    traffic: dict[str, int] = {}
    """Percent of requests by deployment. Adds up to 100, or to 0."""
    mirror: dict[str, int] = {}
    """Percent of requests copied to one deployment, whose answers nobody sees. At most 50."""


class Job(Spec):
    """A command job that `reconciler models train` submits."""

    code: str
    """Folder in this repository that is uploaded."""
    command: str
    compute: str
    runtime_image: str
    data: str
    """The data asset that `${{inputs.data}}` stands for."""
    experiment: str
    timeout_s: Annotated[int, Field(ge=60)] = 3600
    schedule: str | None = None
    """Cron expression of five fields, in UTC. Checked, but not applied yet: the job is submitted by hand."""


class DesiredState(Spec):
    """One environment, `base.yaml` and its own file merged."""

    environment: str
    """Equals the file's name."""
    workload: str
    """What all this is for; a tag."""
    name: str
    """Short name in resource names: `st{name}{environment}{name_suffix}`."""
    name_suffix: str
    """Ends every name that must be unique in the world."""
    subscription_id: str
    tenant_id: str | None = None
    """null: the tenant of whoever signs in."""
    location: str
    """Azure region, such as southeastasia."""
    owner: str
    """Team that answers for it; a tag."""
    cost_centre: str
    """Who pays; a tag."""
    data_class: Literal["public", "internal", "confidential"]
    """How sensitive the data are; a tag."""
    origin: str
    """Address of this repository, for the `origin` tag."""
    network: Literal["public"] = "public"
    """public: no private endpoints. They are not built yet, so `private` is refused rather than ignored."""
    adopt: bool = False
    """Take over resources that exist already but were never applied from here."""
    storage: Storage
    key_vault: KeyVault = KeyVault()
    registry: Registry = Registry()
    logs: Logs = Logs()
    compute: dict[str, Compute] = {}
    """Training clusters, by name."""
    runtime_images: dict[str, RuntimeImage] = {}
    """By name."""
    data: dict[str, DataAsset] = {}
    """Data assets, by name."""
    jobs: dict[str, Job] = {}
    """By name."""
    endpoints: dict[str, Endpoint] = {}
    """By name; Azure's name has the environment and the suffix at its end."""


def tags(state: DesiredState) -> dict[str, str]:
    """What every resource carries. `managed-by` and `environment` mark it as ours from its first moment."""
    return {
        "workload": state.workload,
        "environment": state.environment,
        "owner": state.owner,
        "cost-centre": state.cost_centre,
        "data-class": state.data_class,
        "managed-by": "reconciler",
        "origin": state.origin,
    }
