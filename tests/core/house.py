"""A small environment to plan with: a group, an account with a container, a workspace with an endpoint of two colours."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.adapters.rule_files import load_rules
from reconciler.core.plan import Plan, Step
from reconciler.core.planner import Applied, World, make_plan
from reconciler.core.resource import Body, Origin, Reference, Resource, ResourceId

TAGS = {"managed-by": "reconciler", "environment": "dev"}
GROUP = ResourceId("/subscriptions/s/resourceGroups/rg-mlops-retail-dev")
ACCOUNT = ResourceId(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stretaildev3c1d")
RAW = ResourceId(f"{ACCOUNT}/blobServices/default/containers/raw")
IDENTITY = ResourceId(f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-retail-dev-compute")
ROLE = ResourceId(f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/3b0f1d4c-1d84-4c27-9c3b-0123456789ab")
WORKSPACE = ResourceId(f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw-retail-dev")
MODEL = ResourceId(f"{WORKSPACE}/models/retail-forecast/versions/1")
ENDPOINT = ResourceId(f"{WORKSPACE}/onlineEndpoints/retail-forecast-dev-3c1d")
BLUE, GREEN = (ResourceId(f"{ENDPOINT}/deployments/{colour}") for colour in ("blue", "green"))
STRANGER = ResourceId(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-somebody")


def resource(id_: ResourceId, body: Body, *needs: ResourceId) -> Resource:
    return Resource(id_, "2026-01-01", body, Origin("environments/dev.yaml", 7), frozenset(needs))


def group(**tags: str) -> Resource:
    return resource(GROUP, {"location": "southeastasia", "tags": {**TAGS, **tags}})


def account(**properties: Any) -> Resource:
    settings = {"allowBlobPublicAccess": False, "minimumTlsVersion": "TLS1_2", **properties}
    body = {"location": "southeastasia", "kind": "StorageV2", "tags": dict(TAGS), "properties": settings}
    return resource(ACCOUNT, body, GROUP)


def raw(access: str = "None") -> Resource:
    return resource(RAW, {"properties": {"publicAccess": access}}, ACCOUNT)


def identity() -> Resource:
    return resource(IDENTITY, {"location": "southeastasia", "tags": dict(TAGS)}, GROUP)


def role() -> Resource:
    properties = {
        "principalId": Reference(IDENTITY, "properties.principalId"),
        "roleDefinitionId": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/ba92f5b4",
        "principalType": "ServicePrincipal",
    }
    return resource(ROLE, {"properties": properties}, ACCOUNT, IDENTITY)


def workspace() -> Resource:
    body = {"location": "southeastasia", "tags": dict(TAGS), "properties": {"storageAccount": str(ACCOUNT)}}
    return resource(WORKSPACE, body, ACCOUNT)


def model(sha256: str = "9b1c") -> Resource:
    uri = f"azureml://datastores/artefacts/paths/models/{sha256}/model"
    return resource(
        MODEL, {"properties": {"modelUri": uri, "modelType": "custom_model", "tags": dict(TAGS)}}, WORKSPACE
    )


def endpoint(
    traffic: Mapping[str, int] | None = None, mirror: Mapping[str, int] | None = None, **properties: Any
) -> Resource:
    settings = {"authMode": "Key", "traffic": dict(traffic or {}), "mirrorTraffic": dict(mirror or {}), **properties}
    return resource(ENDPOINT, {"location": "southeastasia", "tags": dict(TAGS), "properties": settings}, WORKSPACE)


def deployment(id_: ResourceId = BLUE, size: str = "Standard_F4s_v2", **properties: Any) -> Resource:
    settings = {"instanceType": size, "model": str(MODEL), "endpointComputeType": "Managed", **properties}
    return resource(id_, {"location": "southeastasia", "tags": dict(TAGS), "properties": settings}, ENDPOINT, MODEL)


def known(value: Any) -> Any:
    """A body as Azure stores it: what it makes up has a value."""
    match value:
        case Reference():
            return "11111111-1111-1111-1111-111111111111"
        case dict():
            return {key: known(item) for key, item in value.items()}
        case list():
            return [known(item) for item in value]
    return value


def live_of(*resources: Resource) -> dict[ResourceId, Body]:
    """As Azure answers: an envelope, a state, an identity that has its principal, what nobody declared."""
    found = {one.id: copy.deepcopy(known(one.body)) for one in resources}
    for id_, body in found.items():
        body |= {"id": str(id_), "name": id_.name, "etag": "0x8D"}
        properties = body.setdefault("properties", {})
        properties["provisioningState"] = "Succeeded"
        if id_ == IDENTITY:
            properties["principalId"] = "11111111-1111-1111-1111-111111111111"
    return found


def applied_of(*resources: Resource) -> dict[ResourceId, Applied]:
    """As the ledger records what was sent and answered."""
    return {
        id_: Applied(known(body_of(id_, resources)), answered, "2026-01-01")
        for id_, answered in live_of(*resources).items()
    }


def body_of(id_: ResourceId, resources: Iterable[Resource]) -> Body:
    return next(one.body for one in resources if one.id == id_)


def world(*desired: Resource, **changes: Any) -> World:
    """Everything in sync, until `changes` says otherwise."""
    settled = World("dev", desired, applied_of(*desired), live_of(*desired), load_rules())
    return replace(settled, **changes)


def plan(*desired: Resource, **changes: Any) -> Plan:
    return make_plan(world(*desired, **changes), "c0ffee")


def the_step(made: Plan) -> Step:
    (step,) = made.steps
    return step


def shown(made: Plan) -> dict[str, tuple[str, str]]:
    """Step key below the group -> action and class."""
    return {below(step.key): (step.action.value, step.cls.value) for step in made.steps}


def below(key: str) -> str:
    return key.rpartition("/providers/")[2] or key


def changed(id_: ResourceId, states: Mapping[ResourceId, Body], path: str, value: Any) -> dict[ResourceId, Body]:
    """`states` with one value of one body set otherwise."""
    bodies = copy.deepcopy(dict(states))
    body: Any = bodies[id_]
    *parents, last = path.split(".")
    for part in parents:
        body = body.setdefault(part, {})
    body[last] = value
    return bodies
