"""Workspaces, datastores and versions of assets: what they complete, what never changes, what Azure refuses."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError

from reconciler.local_azure.identity import Identity
from tests.local_azure.ml.conftest import ML_API, PLACE, ROOT, SCOPE, STORAGE_API, Cloud

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
LONG = f"azureml://subscriptions/{SCOPE.split('/')[2]}/resourcegroups/rg-ml/workspaces/mlw-test/datastores"


def test_a_workspace_knows_its_addresses_and_has_its_datastores(cloud: Cloud) -> None:
    properties = cloud.get("")["properties"]
    assert properties["discoveryUrl"] == f"https://{PLACE}.api.azureml.ms/discovery"
    assert properties["mlFlowTrackingUri"] == f"azureml://{PLACE}.api.azureml.ms/mlflow/v1.0{ROOT}"
    assert cloud.ml.datastores.get_default().name == "workspaceblobstore"
    assert {one.name for one in cloud.ml.datastores.list()} >= {
        "workspaceblobstore",
        "workspaceartifactstore",
        "artefacts",
    }


def test_the_lake_cannot_be_a_workspaces_own_account(cloud: Cloud) -> None:
    lake = f"{SCOPE}/providers/Microsoft.Storage/storageAccounts/dlmltest"
    body = {"location": PLACE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    cloud.put(lake, STORAGE_API, {**body, "properties": {"isHnsEnabled": True}})
    wanted = {"storageAccount": lake, "keyVault": f"{SCOPE}/providers/Microsoft.KeyVault/vaults/kv-mltest"}
    workspace = {"location": PLACE, "identity": {"type": "SystemAssigned"}, "properties": wanted}
    with pytest.raises(HttpResponseError, match="hierarchical namespace") as raised:
        cloud.put(ROOT.replace("mlw-test", "mlw-lake"), ML_API, workspace)
    assert raised.value.status_code == 400


def test_a_local_model_is_uploaded_and_registered_by_the_sdk(cloud: Cloud, tmp_path: Path) -> None:
    from azure.ai.ml.entities import Model

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "booster.txt").write_text("tree")
    first = cloud.ml.models.create_or_update(Model(name="local", path=str(folder), description="one"))
    assert (first.version, first.description) == ("1", "one")
    assert cloud.get("models/local")["properties"]["nextVersion"] == "2"
    cloud.ml.models.download("local", "1", download_path=str(tmp_path / "back"))
    assert (tmp_path / "back" / "local" / "model" / "booster.txt").read_text() == "tree"


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        pytest.param(
            "models/fixed/versions/1",
            {"modelUri": "azureml://datastores/artefacts/paths/a"},
            {"modelUri": "azureml://datastores/artefacts/paths/b"},
            id="the address of a model version",
        ),
        pytest.param(
            "data/fixed/versions/1",
            {"dataType": "uri_file", "dataUri": "azureml://datastores/artefacts/paths/a"},
            {"dataType": "uri_file", "dataUri": "azureml://datastores/artefacts/paths/b"},
            id="the address of a data version",
        ),
        pytest.param(
            "environments/fixed/versions/1", {"image": "base:1"}, {"image": "base:2"}, id="the image of a runtime image"
        ),
    ],
)
def test_a_version_never_changes_but_for_its_words(
    cloud: Cloud, path: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    cloud.ml_put(path, first)
    described = cloud.ml_put(path, {**first, "description": "said later", "tags": {"a": "b"}})
    assert described["properties"]["description"] == "said later"
    with pytest.raises(HttpResponseError, match="cannot be changed") as raised:
        cloud.ml_put(path, second)
    assert raised.value.status_code == 400


def test_addresses_and_conda_files_come_back_as_azure_keeps_them(cloud: Cloud) -> None:
    model = cloud.ml_put("models/short/versions/1", {"modelUri": "azureml://datastores/artefacts/paths/x"})
    assert model["properties"]["modelUri"] == f"{LONG}/artefacts/paths/x"
    image = cloud.ml_put("environments/conda/versions/1", {"image": "base:1", "condaFile": "name: x\n"})
    assert json.loads(image["properties"]["condaFile"]) == {"name": "x"}
    assert image["properties"]["environmentType"] == "UserCreated"


def test_an_archived_version_leaves_the_default_list(cloud: Cloud) -> None:
    uri = {"modelUri": "azureml://datastores/artefacts/paths/x"}
    cloud.ml_put("models/old/versions/1", uri)
    cloud.ml_put("models/old/versions/2", {**uri, "isArchived": True})
    assert [one.version for one in cloud.ml.models.list("old")] == ["1"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param(
            "datastores/none",
            {
                "datastoreType": "AzureBlob",
                "accountName": "stmltest",
                "containerName": "none",
                "credentials": {"credentialsType": "None"},
            },
            400,
            id="a datastore on a container that does not exist",
        ),
        pytest.param(
            "models/lost/versions/1",
            {"modelUri": "azureml://datastores/none/paths/x"},
            400,
            id="a model in a datastore that does not exist",
        ),
        pytest.param("environments/empty/versions/1", {"osType": "Linux"}, 400, id="a runtime image of nothing"),
    ],
)
def test_what_azure_would_refuse(cloud: Cloud, path: str, body: dict[str, Any], status: int) -> None:
    with pytest.raises(HttpResponseError) as raised:
        cloud.ml_put(path, body)
    assert raised.value.status_code == status


@pytest.mark.parametrize(
    "size",
    [
        pytest.param({"vmSize": "Standard_None_v9"}, id="a size that does not exist"),
        pytest.param(
            {"vmSize": "Standard_DS3_v2", "scaleSettings": {"minNodeCount": 3, "maxNodeCount": 1}},
            id="fewer nodes at most than at least",
        ),
    ],
)
def test_clusters_that_azure_would_refuse(cloud: Cloud, size: dict[str, Any]) -> None:
    with pytest.raises(HttpResponseError) as raised:
        cloud.ml_put("computes/bad", {"computeType": "AmlCompute", "properties": size}, location=PLACE)
    assert raised.value.status_code == 400


def test_the_reader_may_look_at_runs_and_not_write_them(cloud: Cloud) -> None:
    identity = Identity(cloud.state)
    token = identity.issue(identity.principals["reader"], "https://management.azure.com/")
    headers = {"authorization": f"Bearer {token}"}
    trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    base = f"https://{PLACE}.api.azureml.ms/mlflow/v2.0{ROOT}/api/2.0/mlflow"
    with httpx.Client(verify=trusted, timeout=90, headers=headers) as client:
        assert client.get(f"{base}/experiments/get-by-name", params={"experiment_name": "Default"}).status_code == 200
        assert client.post(f"{base}/experiments/create", json={"name": "mine"}).status_code == 403


def test_every_answer_has_the_shape_that_azure_declares(cloud: Cloud, shared: Path) -> None:
    tool = [sys.executable, str(shared / "tools" / "azure_types.py"), "traffic", str(cloud.state / "traffic.jsonl")]
    told = subprocess.run(tool, capture_output=True, text=True, timeout=60, check=False).stdout
    assert told.strip().endswith(" 0 findings"), told
