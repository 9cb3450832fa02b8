"""The wire bodies that azure-ai-ml makes of our specs: one contract a kind, since the conversion is private API."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.azure_ml import CONVERT, quiet, wire_body
from reconciler.core.resource import Origin
from reconciler.errors import DesiredStateError

# azure-ai-ml defines its schemas in the way of marshmallow 3.
pytestmark = pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
IDENTITY = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
ORIGIN = Origin("environments/dev.yaml", 12)
PROBE = "{initial_delay: 5, period: 10, timeout: 2, success_threshold: 1, failure_threshold: 30}"
WIRE_PROBE = {
    "initialDelay": "PT5S",
    "period": "PT10S",
    "timeout": "PT2S",
    "successThreshold": 1,
    "failureThreshold": 30,
}

COMPUTE = f"""\
name: train-cpu
type: amlcompute
location: southeastasia
size: Standard_DS3_v2
tier: low_priority
min_instances: 0
max_instances: 2
idle_time_before_scale_down: 900
ssh_public_access_enabled: false
identity: {{type: user_assigned, user_assigned_identities: [{{resource_id: {IDENTITY}}}]}}
tags: {{owner: me}}
"""
ENVIRONMENT = """\
name: scoring
version: "1"
build: {path: "https://st.blob.core.windows.net/azureml-artefacts/images/scoring/1/", dockerfile_path: Dockerfile}
inference_config:
  liveness_route: {port: 5001, path: /health/live}
  readiness_route: {port: 5001, path: /health/ready}
  scoring_route: {port: 5001, path: /score}
tags: {owner: me}
"""
DATA = """\
name: sales
version: "1"
type: uri_file
path: azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/artefacts/paths/data/sales.csv
description: ""
tags: {owner: me}
"""
MODEL = """\
name: retail-forecast
version: "2"
type: custom_model
path: azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/artefacts/paths/models/9b1c/model
description: Weekly sales
properties: {sha256: 9b1c}
tags: {owner: me}
"""
ENDPOINT = f"""\
name: retail-forecast-dev
auth_mode: key
description: Weekly sales
public_network_access: enabled
identity: {{type: user_assigned, user_assigned_identities: [{{resource_id: {IDENTITY}}}]}}
traffic: TRAFFIC
mirror_traffic: {{}}
tags: {{owner: me}}
"""
DEPLOYMENT = f"""\
name: blue
endpoint_name: retail-forecast-dev
model: azureml:retail-forecast:2
environment: azureml:scoring:1
instance_type: Standard_F4s_v2
instance_count: 2
app_insights_enabled: true
egress_public_network_access: enabled
environment_variables: {{LOG_LEVEL: debug}}
request_settings: {{request_timeout_ms: 5000, max_concurrent_requests_per_instance: 8}}
liveness_probe: {PROBE}
readiness_probe: {PROBE}
tags: {{owner: me}}
"""
WIRE_IDENTITY = {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}

CONTRACTS = [
    pytest.param(
        "compute",
        COMPUTE,
        {
            "location": "southeastasia",
            "identity": WIRE_IDENTITY,
            "tags": {"owner": "me"},
            "properties": {
                "computeType": "AmlCompute",
                "disableLocalAuth": True,
                "properties": {
                    "enableNodePublicIp": True,
                    "osType": "Linux",
                    "remoteLoginPortPublicAccess": "Disabled",
                    "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT15M"},
                    "vmPriority": "LowPriority",
                    "vmSize": "Standard_DS3_v2",
                },
            },
        },
        id="a cluster",
    ),
    pytest.param(
        "environment",
        ENVIRONMENT,
        {
            "properties": {
                "build": {
                    "contextUri": "https://st.blob.core.windows.net/azureml-artefacts/images/scoring/1/",
                    "dockerfilePath": "Dockerfile",
                },
                "inferenceConfig": {
                    "livenessRoute": {"path": "/health/live", "port": 5001},
                    "readinessRoute": {"path": "/health/ready", "port": 5001},
                    "scoringRoute": {"path": "/score", "port": 5001},
                },
                "isAnonymous": False,
                "isArchived": False,
                "tags": {"owner": "me"},
            }
        },
        id="a runtime image",
    ),
    pytest.param(
        "data",
        DATA,
        {
            "properties": {
                "dataType": "uri_file",
                "dataUri": "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/artefacts/paths/data/sales.csv",
                "isAnonymous": False,
                "isArchived": False,
                "tags": {"owner": "me"},
            }
        },
        id="a data asset",
    ),
    pytest.param(
        "model",
        MODEL,
        {
            "properties": {
                "description": "Weekly sales",
                "isAnonymous": False,
                "isArchived": False,
                "modelType": "custom_model",
                "modelUri": "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/artefacts/paths/models/9b1c/model",
                "properties": {"sha256": "9b1c"},
                "tags": {"owner": "me"},
            }
        },
        id="a model version",
    ),
    pytest.param(
        "endpoint",
        ENDPOINT.replace("TRAFFIC", "{blue: 90, green: 10}"),
        {
            "identity": WIRE_IDENTITY,
            "kind": "Managed",
            "location": "southeastasia",
            "tags": {"owner": "me"},
            "properties": {
                "authMode": "Key",
                "description": "Weekly sales",
                "mirrorTraffic": {},
                "publicNetworkAccess": "Enabled",
                "traffic": {"blue": 90, "green": 10},
            },
        },
        id="an endpoint",
    ),
    pytest.param(
        "deployment",
        DEPLOYMENT,
        {
            "location": "southeastasia",
            "tags": {"owner": "me"},
            "sku": {"capacity": 2, "name": "Default"},
            "properties": {
                "appInsightsEnabled": True,
                "egressPublicNetworkAccess": "Enabled",
                "endpointComputeType": "Managed",
                "environmentId": f"{WORKSPACE}/environments/scoring/versions/1",
                "environmentVariables": {"LOG_LEVEL": "debug"},
                "instanceType": "Standard_F4s_v2",
                "livenessProbe": WIRE_PROBE,
                "model": f"{WORKSPACE}/models/retail-forecast/versions/2",
                "readinessProbe": WIRE_PROBE,
                "requestSettings": {"maxConcurrentRequestsPerInstance": 8, "requestTimeout": "PT5S"},
            },
        },
        id="a deployment",
    ),
]


def body(folder: Path, kind: str, spec: str) -> dict[str, Any]:
    path = folder / f"{kind}.yml"
    path.write_text(spec)
    return wire_body(kind, path, "southeastasia", WORKSPACE, ORIGIN)


@pytest.mark.parametrize(("kind", "spec", "wire"), CONTRACTS)
def test_each_kind_becomes_the_body_that_azure_documents(
    tmp_path: Path, kind: str, spec: str, wire: dict[str, Any]
) -> None:
    made = body(tmp_path, kind, spec)
    assert made == wire
    assert json.loads(json.dumps(made)) == made


def test_every_kind_has_its_contract() -> None:
    assert {one.values[0] for one in CONTRACTS} == set(CONVERT)


def test_an_endpoint_without_traffic_says_so(tmp_path: Path) -> None:
    made = body(tmp_path, "endpoint", ENDPOINT.replace("TRAFFIC", "{}"))
    assert (made["properties"]["traffic"], made["properties"]["mirrorTraffic"]) == ({}, {})


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        pytest.param(
            "compute", COMPUTE.replace("max_instances: 2", "max_instances: many"), "max_instances", id="a wrong type"
        ),
        pytest.param("data", DATA.replace("uri_file", "uri_fil"), "uri_fil", id="a wrong choice"),
        pytest.param(
            "deployment", DEPLOYMENT.replace("instance_count", "instance_cout"), "instance_cout", id="an unknown key"
        ),
        pytest.param("endpoint", "auth_mode: key\n", "name", id="a name that is missing"),
    ],
)
def test_what_it_refuses_is_told_at_the_yaml(tmp_path: Path, kind: str, spec: str, said: str) -> None:
    with pytest.raises(DesiredStateError) as caught:
        body(tmp_path, kind, spec)
    text = str(caught.value)
    assert text.startswith(f"environments/dev.yaml:12:1: azure-ai-ml refuses the rendered {kind}: ")
    assert said in text


def test_it_says_nothing_by_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noisy = logging.getLogger("azure.ai.ml.noisy")
    noisy.addHandler(logging.StreamHandler())
    with quiet():
        sys.stdout.write("experimental")
        noisy.warning("experimental")
    body(tmp_path, "deployment", DEPLOYMENT)
    assert capfd.readouterr() == ("", "")
