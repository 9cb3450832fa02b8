"""Rendered files -> resources: one normal form for infrastructure and Azure ML, with origins, order and artefacts."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.adapters import azure_ml
from reconciler.adapters.artefact_places import Places
from reconciler.adapters.jinja import BICEP_FILES, ROLES, ids, write_files
from reconciler.adapters.yaml_files import Loaded
from reconciler.bicep import lower
from reconciler.core.names import names
from reconciler.core.resource import Artefact, Body, Origin, Reference, Resource, ResourceId

_DECLARED_AT = re.compile(r"^# declared at: (\S+)$", re.MULTILINE)
_NAME = re.compile(r'^name: "(.*)"$', re.MULTILINE)
_VERSION = re.compile(r'^version: "(.*)"$', re.MULTILINE)
_ENDPOINT = re.compile(r'^endpoint_name: "(.*)"$', re.MULTILINE)

_GATES = ("Microsoft.Authorization/roleAssignments", f"{azure_ml.NAMESPACE}/datastores")
"""What everything of Azure ML waits for: who may do what, and where bytes lie. Bodies name neither."""

_NOUNS = {
    "Microsoft.Resources/resourceGroups": "resource group",
    "Microsoft.Storage/storageAccounts": "storage account",
    "Microsoft.Storage/storageAccounts/blobServices": "blob service",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "container",
    "Microsoft.Storage/storageAccounts/managementPolicies": "lifecycle policy",
    "Microsoft.KeyVault/vaults": "key vault",
    "Microsoft.ContainerRegistry/registries": "container registry",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "identity",
    "Microsoft.Authorization/roleAssignments": "role assignment",
    "Microsoft.OperationalInsights/workspaces": "log workspace",
    "Microsoft.Insights/components": "application insights",
    f"{azure_ml.NAMESPACE}": "ml workspace",
    f"{azure_ml.NAMESPACE}/computes": "compute",
    f"{azure_ml.NAMESPACE}/datastores": "datastore",
    f"{azure_ml.NAMESPACE}/models/versions": "model",
    f"{azure_ml.NAMESPACE}/environments/versions": "runtime image",
    f"{azure_ml.NAMESPACE}/data/versions": "data asset",
    f"{azure_ml.NAMESPACE}/onlineEndpoints": "endpoint",
    f"{azure_ml.NAMESPACE}/onlineEndpoints/deployments": "deployment",
}
"""What a person calls it. A type without an entry is called by its last word."""


def resources(loaded: Loaded, root: Path, files: Mapping[str, str]) -> list[Resource]:
    """Everything an environment declares, sorted by id. Imports azure-ai-ml, which takes a second."""
    infrastructure = list(_infrastructure(loaded, files))
    learning = list(_learning(loaded, root, files))
    declared = {one.id for one in [*infrastructure, *learning]}
    gates = [one.id for one in infrastructure if one.type in _GATES]
    ordered = [*infrastructure, *(replace(one, needs=one.needs | frozenset(gates)) for one in learning)]
    return sorted((_with_parent(one, declared) for one in ordered), key=lambda one: one.id)


def _infrastructure(loaded: Loaded, files: Mapping[str, str]) -> Iterator[Resource]:
    group = names(loaded.state).resource_group
    for name in BICEP_FILES:
        for one in lower(files[name], name, loaded.state.subscription_id, group):
            yield Resource(
                one.id,
                one.api_version,
                one.body,
                loaded.origin(one.declared_at),
                one.needs,
                label=_label(one.id, one.body),
            )


def _learning(loaded: Loaded, root: Path, files: Mapping[str, str]) -> Iterator[Resource]:
    specs = {name: text for name, text in files.items() if name.startswith("aml/") and not name.startswith("aml/job-")}
    if not specs:
        return
    workspace, places = ids(loaded).workspace, Places.of(loaded, root)
    with tempfile.TemporaryDirectory(prefix="reconciler-specs-") as folder:
        write_files(specs, Path(folder) / "specs")
        for name, text in specs.items():
            kind = Path(name).stem.partition("-")[0]
            origin = _origin(loaded, text)
            body = azure_ml.wire_body(kind, Path(folder) / "specs" / name, loaded.state.location, workspace, origin)
            resource = ResourceId(f"{workspace}/{_place(kind, text)}")
            needs = frozenset(_ids(body))
            yield Resource(
                resource,
                azure_ml.API_VERSION,
                body,
                origin,
                needs,
                _artefact(kind, text, places),
                _label(resource, body),
            )


def _place(kind: str, text: str) -> str:
    """Where in a workspace a spec's resource lives."""
    name = _first(_NAME, text)
    match kind:
        case "compute":
            return f"computes/{name}"
        case "endpoint":
            return f"onlineEndpoints/{name}"
        case "deployment":
            return f"onlineEndpoints/{_first(_ENDPOINT, text)}/deployments/{name}"
    collection = {"environment": "environments", "data": "data", "model": "models"}[kind]
    return f"{collection}/{name}/versions/{_first(_VERSION, text)}"


def _artefact(kind: str, text: str, places: Places) -> Artefact | None:
    name = _first(_NAME, text)
    match kind:
        case "environment":
            return places.images[name]
        case "data":
            return places.data[name]
        case "model":
            return places.model(name, places.catalogue.models[name].versions[int(_first(_VERSION, text))])
    return None


def _origin(loaded: Loaded, text: str) -> Origin:
    return loaded.origin(_first(_DECLARED_AT, text))


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise ValueError(f"a rendered spec lacks {pattern.pattern}")
    return found[1]


def _with_parent(resource: Resource, declared: set[ResourceId]) -> Resource:
    """Needs within the environment only: the nearest declared ancestor, and what the body or the template refers to."""
    ancestor = resource.id.parent
    while ancestor is not None and ancestor not in declared:
        ancestor = ancestor.parent
    wanted = resource.needs | ({ancestor} if ancestor else set())
    return replace(resource, needs=frozenset(wanted & declared - {resource.id}))


def _ids(value: Any) -> Iterator[ResourceId]:
    match value:
        case str() if value.startswith("/subscriptions/") and "/providers/" in value:
            yield ResourceId(value)
        case dict():
            for key, item in value.items():
                yield from _ids(key)
                yield from _ids(item)
        case list():
            for item in value:
                yield from _ids(item)


def _label(resource: ResourceId, body: Body) -> str:
    """`deployment retail-forecast-dev-3c1d/blue`, `model retail-forecast:2`: what plans and reports say."""
    noun = _NOUNS.get(resource.type, resource.type.rpartition("/")[2])
    match noun:
        case "model" | "runtime image" | "data asset":
            return f"{noun} {resource.names[-2]}:{resource.name}"
        case "deployment" | "container":
            return f"{noun} {resource.names[-2] if noun == 'deployment' else resource.names[0]}/{resource.name}"
        case "blob service" | "lifecycle policy":
            return f"{noun} {resource.names[0]}"
        case "role assignment":
            return f"role {_assigned(body)} on {resource.parent.name if resource.parent else resource.name}"
    return f"{noun} {resource.name}"


def _assigned(body: Body) -> str:
    """`AcrPull for id-retail-dev-compute`."""
    properties = body["properties"]
    guid = properties["roleDefinitionId"].rpartition("/")[2]
    role = next((name for name, one in ROLES.items() if one == guid), guid)
    principal = properties["principalId"]
    return f"{role} for {principal.resource.name if isinstance(principal, Reference) else principal}"
