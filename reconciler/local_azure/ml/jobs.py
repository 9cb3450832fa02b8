"""Command jobs as resources: what Azure refuses, the defaults it fills in, what may still change. `job_runs` runs them."""

from __future__ import annotations

import re

from reconciler.core.resource import ResourceId
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.ml import places
from reconciler.local_azure.ml.durations import seconds
from reconciler.local_azure.ml.job_runs import TERMINAL, JobRuns
from reconciler.local_azure.ml.kinds import asset_version, workspace_of
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal, Request, Response

_FIXED = ("command", "environmentId", "computeId", "codeId", "experimentName")
_NEEDS_A_FOLDER = ("uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model")


def behaviour(services: Services, runs: JobRuns) -> Behaviour:
    return Behaviour(
        check=lambda context, body: _check(services.store, context, body),
        complete=_complete,
        stored=lambda context, body: runs.start(body) if context.before is None else None,
        removable=_refuse_running,
        listed=lambda bodies, query: _listed(bodies, str(query.get("listViewType") or "ActiveOnly")),
        actions={"cancel": lambda context, request: _cancel(runs, context, request)},
    )


def _check(store: Store, context: Context, body: Body) -> None:
    properties = body["properties"]
    kind = properties.get("jobType")
    if kind != "Command":
        raise AzureRefusal(400, "UserError", f"The embedded Azure runs command jobs only, not jobs of type {kind}.")
    if not re.fullmatch(r"[A-Za-z0-9][\w-]{0,254}", context.id.name):
        message = f"The job name '{context.id.name}' is invalid: letters, digits, '-' and '_', at most 255."
        raise AzureRefusal(400, "UserError", message)
    if context.before is not None:
        _refuse_changes(context, properties)
        return
    if int(at(properties, "resources.instanceCount") or 1) > 1:
        raise AzureRefusal(400, "UserError", "The embedded Azure runs a job on one node: instanceCount must be 1.")
    seconds(str(at(properties, "limits.timeout") or "PT0S"))
    _check_assets(store, context, properties)


def _check_assets(store: Store, context: Context, properties: Body) -> None:
    workspace = workspace_of(store, context.id)
    environment = str(properties.get("environmentId"))
    if not environment.startswith("azureml://registries/") and asset_version(store, environment) is None:
        raise AzureRefusal(404, "ResourceNotFound", f"The environment '{environment}' of the job does not exist.")
    for name, value in (properties.get("inputs") or {}).items():
        if value.get("jobInputType") in _NEEDS_A_FOLDER:
            if not value.get("uri"):
                raise AzureRefusal(400, "UserError", f"The input '{name}' of the job has no address.")
            places.find(store, workspace, str(value["uri"]))


def _refuse_changes(context: Context, properties: Body) -> None:
    for field in _FIXED:
        before, after = at(context.before, f"properties.{field}"), properties.get(field)
        if after is not None and str(before).lower() != str(after).lower():
            message = (
                f"The job '{context.id.name}' exists: its {field} cannot be changed. "
                "Only its display name, description, tags and isArchived can."
            )
            raise AzureRefusal(400, "UserError", message)


def _complete(context: Context, body: Body) -> Body:
    workspace = workspace_of(context.store, context.id)
    given = {key: value for key, value in body["properties"].items() if value is not None}
    if context.before is not None:
        kept = {**context.before["properties"], **given, "status": context.before["properties"]["status"]}
        return {**body, "properties": kept}
    name = context.id.name
    link = f"https://ml.azure.com/runs/{name}?wsid=/{workspace.short}&tid={context.caller.tenant_id}"
    nothing: Body = dict.fromkeys(("port", "status", "errorMessage", "properties", "nodes"))
    tracking = f"azureml://{workspace.api}/mlflow/v1.0{workspace.id}?"
    defaults: Body = {
        "description": None,
        "tags": {},
        "properties": {},
        "displayName": name,
        "experimentName": "Default",
        "isArchived": False,
        "environmentVariables": {},
        "resources": {"instanceCount": 1, "shmSize": "2g"},
        "parameters": {},
        **dict.fromkeys(("computeId", "componentId", "codeId", "limits", "distribution", "identity")),
    }
    services = {
        "Tracking": {**nothing, "jobServiceType": "Tracking", "endpoint": tracking},
        "Studio": {**nothing, "jobServiceType": "Studio", "endpoint": link},
    }
    properties = {**defaults, **given, "status": "NotStarted", "services": services}
    properties["inputs"] = _with_mode(given.get("inputs"), "jobInputType", "ReadOnlyMount")
    properties["outputs"] = _with_mode(given.get("outputs"), "jobOutputType", "ReadWriteMount")
    return {**body, "properties": properties}


def _with_mode(values: Body | None, kind: str, mode: str) -> Body:
    modes = {"description": None, "mode": mode}
    return {
        name: value if value.get(kind) == "literal" else {**modes, **{k: v for k, v in value.items() if v is not None}}
        for name, value in (values or {}).items()
    }


def _listed(bodies: list[Body], view: str) -> list[Body]:
    """Newest first, as Azure lists jobs."""
    archived = view == "ArchivedOnly"
    shown = [one for one in bodies if view == "All" or bool(at(one, "properties.isArchived")) == archived]
    return list(reversed(shown))


def _refuse_running(context: Context, body: Body) -> None:
    status = at(body, "properties.status")
    if status not in TERMINAL:
        raise AzureRefusal(
            400, "UserError", f"The job '{context.id.name}' is {status}: only a job that ended can be deleted."
        )


def _cancel(runs: JobRuns, context: Context, _request: Request) -> Response:
    status = at(context.before, "properties.status")
    if status in TERMINAL:
        message = f"The job '{context.id.name}' is {status}: it cannot be cancelled any more."
        raise AzureRefusal(400, "UserError", message)
    runs.cancel(ResourceId(context.id.text))
    return Response(200)
