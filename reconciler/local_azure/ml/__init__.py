"""Azure Machine Learning: workspaces, assets, jobs, online endpoints, MLflow."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.local_azure.behaviour import Behaviour
from reconciler.local_azure.ml import assets, computes, datastores, deployments, endpoints, jobs, workspaces
from reconciler.local_azure.ml.kinds import COMPUTE, DATASTORE, DEPLOYMENT, ENDPOINT, JOB, WORKSPACE
from reconciler.local_azure.ml.parts import parts_of
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import Request, Response


def behaviours(services: Services) -> dict[str, Behaviour]:
    """By type name."""
    parts = parts_of(services)
    return {
        WORKSPACE: workspaces.behaviour(services, parts.serving, parts.runs, parts.tracking),
        DATASTORE: datastores.behaviour(services),
        COMPUTE: computes.behaviour(services),
        ENDPOINT: endpoints.behaviour(services, parts.serving),
        DEPLOYMENT: deployments.behaviour(services, parts.serving),
        JOB: jobs.behaviour(services, parts.runs),
        **assets.behaviours(services),
    }


def hosts(services: Services) -> dict[str, Callable[[Request], Response]]:
    """By host name, with wildcards."""
    parts = parts_of(services)
    return {"*.inference.ml.azure.com": parts.gateway.serve, "*.api.azureml.ms": parts.data_plane.serve}


def resume(services: Services) -> None:
    """Starts again what ran when the daemon was last stopped."""
    parts = parts_of(services)
    parts.processes.end_strays()
    parts.runs.resume()
    parts.serving.resume()


def shut_down(services: Services) -> None:
    """Ends every child process."""
    parts = parts_of(services)
    parts.serving.close()
    parts.processes.end_all()
