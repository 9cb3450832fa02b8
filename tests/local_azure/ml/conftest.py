"""A workspace with a throw-away scoring app, made with the SDKs as anybody would."""

from __future__ import annotations

import os
import ssl
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.local_azure import daemon

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000b2"
PLACE, GROUP, WORKSPACE = "southeastasia", "rg-ml", "mlw-test"
SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
ROOT = f"{SCOPE}/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
STORAGE_API, VAULT_API, IDENTITY_API, ML_API = "2026-04-01", "2026-02-01", "2024-11-30", "2026-05-01"

APP = """
import json, os, pathlib, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

model = next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).rglob("number.txt")).read_text()
print("serving", model, "from", os.getcwd(), flush=True)

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *words): pass
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(200, {"path": self.path})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        time.sleep(asked.get("sleep", 0))
        if "end" in asked: os._exit(3)
        self.answer(asked.get("status", 200), {"model": model, "colour": os.environ.get("COLOUR"), "pid": os.getpid()})

ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "5001"))), Handler).serve_forever()
"""
DOCKERFILE = """
FROM mcr.microsoft.com/azureml/minimal-py311-inference:latest
ENV APP_HOME=/opt/app COLOUR=none
WORKDIR $APP_HOME
COPY app.py ./
RUN pip install nothing
CMD ["sh", "-c", "exec python /opt/app/app.py"]
"""
PROBE = {"initialDelay": "PT1S", "period": "PT1S", "timeout": "PT2S", "failureThreshold": 15, "successThreshold": 1}


@dataclass(frozen=True)
class Cloud:
    """The SDK's two clients on the embedded Azure, and a way to ask an endpoint."""

    resources: Any
    ml: Any
    credential: Any
    state: Path

    def put(self, resource: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        return dict(
            self.resources.resources.begin_create_or_update_by_id(resource, body, api_version=version)
            .result()
            .as_dict()
        )

    def get(self, path: str) -> dict[str, Any]:
        """A resource of the workspace, as Azure spells it on the wire."""
        return dict(self.resources.resources.get_by_id(f"{ROOT}/{path}".rstrip("/"), api_version=ML_API).as_dict())

    def ml_put(self, path: str, properties: dict[str, Any], **envelope: Any) -> dict[str, Any]:
        return self.put(f"{ROOT}/{path}", ML_API, {"properties": properties, **envelope})

    def ml_delete(self, path: str) -> None:
        self.resources.resources.begin_delete_by_id(f"{ROOT}/{path}".rstrip("/"), api_version=ML_API).result()

    def upload(self, container: str, files: dict[str, str]) -> None:
        from azure.storage.blob import ContainerClient

        url = f"https://stmltest.blob.core.windows.net/{container}"
        with ContainerClient.from_container_url(url, credential=self.credential) as client:
            for name, text in files.items():
                client.upload_blob(name, text.encode(), overwrite=True)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    state = tmp_path_factory.mktemp("azure-ml")
    daemon.up(state, [SUBSCRIPTION], record=state / "traffic.jsonl", options=["--limits-scale", "100"])
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in daemon.environment(state).items():
                patch.setenv(name, value)
            with connected(state) as cloud:
                make_workspace(cloud)
                yield cloud
    finally:
        daemon.down(state)


class connected:  # noqa: N801  reads as a verb where it is used
    """The clients, closed afterwards."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def __enter__(self) -> Cloud:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK's own imports use what its dependencies deprecated
            from azure.ai.ml import MLClient
        from azure.identity import DefaultAzureCredential
        from azure.mgmt.resource.resources import ResourceManagementClient

        self._credential = DefaultAzureCredential()
        self._resources = ResourceManagementClient(self._credential, SUBSCRIPTION)
        ml = MLClient(self._credential, SUBSCRIPTION, GROUP, WORKSPACE, enable_telemetry=False)
        return Cloud(self._resources, ml, self._credential, self._state)

    def __exit__(self, *_: object) -> None:
        self._resources.close()
        self._credential.close()


def make_workspace(cloud: Cloud) -> None:
    cloud.resources.resource_groups.create_or_update(GROUP, {"location": PLACE})
    account = f"{SCOPE}/providers/Microsoft.Storage/storageAccounts/stmltest"
    cloud.put(account, STORAGE_API, {"location": PLACE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
    cloud.put(f"{account}/blobServices/default/containers/artefacts", STORAGE_API, {"properties": {}})
    vault = f"{SCOPE}/providers/Microsoft.KeyVault/vaults/kv-mltest"
    rights = {"tenantId": os.environ["AZURE_TENANT_ID"], "sku": {"family": "A", "name": "standard"}}
    cloud.put(vault, VAULT_API, {"location": PLACE, "properties": {**rights, "enableRbacAuthorization": True}})
    body = {"location": PLACE, "identity": {"type": "SystemAssigned"}}
    cloud.put(ROOT, ML_API, {**body, "properties": {"storageAccount": account, "keyVault": vault}})
    store = {"datastoreType": "AzureBlob", "accountName": "stmltest", "containerName": "artefacts"}
    cloud.ml_put("datastores/artefacts", {**store, "credentials": {"credentialsType": "None"}})


@pytest.fixture(scope="module")
def serving(cloud: Cloud) -> Cloud:
    """Two model versions, a runtime image, an endpoint with key authentication and no deployment."""
    cloud.upload(
        "artefacts", {"image/app.py": APP, "image/Dockerfile": DOCKERFILE, "broken/Dockerfile": "CMD exit 7\n"}
    )
    for version in ("1", "2"):
        cloud.upload("artefacts", {f"models/{version}/model/number.txt": version})
        uri = f"azureml://datastores/artefacts/paths/models/{version}/model"
        cloud.ml_put(f"models/forecast/versions/{version}", {"modelUri": uri, "modelType": "custom_model"})
    for name in ("image", "broken"):
        context = {"contextUri": f"https://stmltest.blob.core.windows.net/artefacts/{name}/"}
        route = {"path": "/health/ready", "port": 5001}
        routes = {"livenessRoute": route, "readinessRoute": route, "scoringRoute": {"path": "/score", "port": 5001}}
        cloud.ml_put(f"environments/{name}/versions/1", {"build": context, "inferenceConfig": routes})
    cloud.ml_put("onlineEndpoints/retail", {"authMode": "Key"}, location=PLACE)
    return cloud


def deployment(model: str = "1", image: str = "image", **properties: Any) -> dict[str, Any]:
    return {
        "endpointComputeType": "Managed",
        "instanceType": "Standard_DS2_v2",
        "model": f"{ROOT}/models/forecast/versions/{model}",
        "environmentId": f"{ROOT}/environments/{image}/versions/1",
        "readinessProbe": PROBE,
        **properties,
    }


SKU = {"name": "Default", "capacity": 1}


@pytest.fixture(scope="module")
def ask(serving: Cloud) -> Iterator[Callable[..., httpx.Response]]:
    """Posts JSON to the endpoint's scoring address with its key."""
    endpoint = serving.get("onlineEndpoints/retail")
    keys = serving.ml.online_endpoints.get_keys("retail")
    trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    with httpx.Client(verify=trusted, timeout=30) as client:

        def post(body: dict[str, Any], **headers: str) -> httpx.Response:
            given = {"authorization": f"Bearer {keys.primary_key}"} | {
                name.replace("_", "-"): value for name, value in headers.items()
            }
            return client.post(endpoint["properties"]["scoringUri"], json=body, headers=given)

        yield post
