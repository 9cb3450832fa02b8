"""The bodies that we would send: ids, needs, references, and agreement with what Azure's own template engine predicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.official_bicep import Calls
from reconciler.bicep import Lowered, lower
from reconciler.core.resource import Reference, ResourceId, references

REALISTIC = Path(__file__).parent / "realistic"
SUBSCRIPTION = "00000000-0000-0000-0000-00000000000c"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mlops-retail-dev"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/dlretaildev7f3a"
RUNNER = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-retail-dev-workspace"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw-retail-dev"


def lowered(name: str) -> dict[str, Lowered]:
    group = None if name == "subscription" else "rg-mlops-retail-dev"
    text = (REALISTIC / f"{name}.bicep").read_text()
    return {one.symbol: one for one in lower(text, f"{name}.bicep", SUBSCRIPTION, group)}


@pytest.fixture(scope="module")
def main() -> dict[str, Lowered]:
    return lowered("main")


@pytest.mark.parametrize(
    ("symbol", "id_"),
    [
        pytest.param("lake", STORAGE, id="a resource of the group"),
        pytest.param("raw", f"{STORAGE}/blobServices/default/containers/raw", id="a grandchild"),
        pytest.param(
            "runnerReadsLake",
            f"{STORAGE}/providers/Microsoft.Authorization/roleAssignments/3b0f1d4c-1d84-4c27-9c3b-0123456789ab",
            id="a role assignment on an account",
        ),
        pytest.param(
            "runnerReadsRaw",
            f"{STORAGE}/blobServices/default/containers/raw/providers/Microsoft.Authorization/roleAssignments"
            "/3b0f1d4c-1d84-4c27-9c3b-0123456789ac",
            id="a role assignment on a grandchild",
        ),
        pytest.param("rawStore", f"{WORKSPACE}/datastores/lake_raw", id="a datastore of the workspace"),
    ],
)
def test_ids_are_those_of_arm(main: dict[str, Lowered], symbol: str, id_: str) -> None:
    assert str(main[symbol].id) == id_


def test_a_resource_group_is_of_the_subscription() -> None:
    group = lowered("subscription")["group"]
    assert str(group.id) == GROUP
    assert group.body == {"location": "southeastasia", "tags": {"owner": "forecasting"}}
    assert (group.api_version, group.line, group.declared_at) == ("2025-04-01", 4, "name")


def test_needs_are_parent_scope_and_every_resource_referred_to(main: dict[str, Lowered]) -> None:
    assert main["runnerReadsLake"].needs == {ResourceId(STORAGE), ResourceId(RUNNER)}
    assert main["raw"].needs == {ResourceId(f"{STORAGE}/blobServices/default")}
    assert main["workspace"].needs == {
        main[symbol].id for symbol in ("runner", "lake", "vault", "registry", "insights", "runnerReadsLake")
    }
    assert main["logs"].needs == frozenset()


def test_what_azure_makes_up_stays_a_reference(main: dict[str, Lowered]) -> None:
    runner = ResourceId(RUNNER)
    assert main["runnerReadsLake"].body["properties"]["principalId"] == Reference(runner, "properties.principalId")
    assert main["workspace"].body["properties"]["description"] == Reference(
        runner, "properties.clientId", "Client {} of dlretaildev7f3a, 'quoted'"
    )


def test_what_we_know_becomes_text(main: dict[str, Lowered]) -> None:
    workspace = main["workspace"].body
    assert workspace["identity"]["userAssignedIdentities"] == {RUNNER: {}}
    assert workspace["properties"]["storageAccount"] == STORAGE
    assert main["rawStore"].body["properties"]["filesystem"] == "raw"
    assert main["logs"].body["properties"]["workspaceCapping"]["dailyQuotaGb"] == 0.5
    role = main["runnerReadsLake"].body["properties"]["roleDefinitionId"]
    assert role == (
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
        "/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    )


def test_bodies_hold_nothing_that_the_id_or_the_order_says(main: dict[str, Lowered]) -> None:
    said = {"id", "name", "type", "apiVersion", "scope", "parent", "dependsOn"}
    assert all(not said & one.body.keys() for one in main.values())


@pytest.mark.parametrize(
    ("symbol", "declared_at"),
    [
        pytest.param("logs", "logs", id="right above"),
        pytest.param("lake", "storage.lake", id="below another comment"),
        pytest.param("raw", "storage.lake.containers.raw", id="above a decorator"),
        pytest.param("lifecycle", "", id="nowhere"),
    ],
)
def test_the_comment_above_says_where_it_is_declared(main: dict[str, Lowered], symbol: str, declared_at: str) -> None:
    assert main[symbol].declared_at == declared_at


def test_an_existing_resource_is_referred_to_and_never_sent() -> None:
    text = (
        "resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {\n  name: 'kv'\n}\n"
        "resource thing 'x.y/z@2020-01-01' = {\n  name: 'z'\n  p: vault.id\n  q: vault.properties.vaultUri\n}\n"
    )
    (thing,) = lower(text, "main.bicep", "s", "g")
    vault = ResourceId("/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv")
    assert thing.body == {"p": str(vault), "q": Reference(vault, "properties.vaultUri")}
    assert thing.needs == {vault}


@pytest.mark.parametrize("name", ["main", "subscription"])
def test_bodies_are_what_the_official_snapshot_predicts(name: str, official: Calls, tmp_path: Path) -> None:
    (tmp_path / f"{name}.bicep").write_text((REALISTIC / f"{name}.bicep").read_text())
    (tmp_path / f"{name}.bicepparam").write_text(f"using '{name}.bicep'\n")
    scope = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "rg-mlops-retail-dev", "location": "southeastasia"}
    metadata = {**scope, "tenantId": None, "deploymentName": None} | (
        {"resourceGroup": None} if name == "subscription" else {}
    )
    path = str(tmp_path / f"{name}.bicepparam")
    answer = official.call("bicep/getSnapshot", {"path": path, "metadata": metadata, "externalInputs": None})
    predicted = {ResourceId(one["id"]): one for one in json.loads(answer["snapshot"])["predictedResources"]}
    ours = lowered(name)
    assert predicted.keys() == {one.id for one in ours.values()}
    for one in ours.values():
        official_one = predicted[one.id]
        assert official_one["apiVersion"] == one.api_version
        assert known(one.body, body_of(official_one)) == body_of(official_one)


def body_of(predicted: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in predicted.items() if key not in ("id", "name", "type", "apiVersion", "scope")}


def known(ours: Any, theirs: Any) -> Any:
    """Our body, where a reference stands for the expression that the snapshot could not evaluate either."""
    match ours:
        case Reference():
            last = ours.path.rpartition(".")[2]
            unresolved = isinstance(theirs, str) and theirs.startswith("[") and f").{last}" in theirs
            return theirs if unresolved else ours
        case dict():
            return {
                key: known(item, theirs.get(key) if isinstance(theirs, dict) else None) for key, item in ours.items()
            }
        case list():
            pairs = zip(ours, theirs, strict=True) if isinstance(theirs, list) else [(item, None) for item in ours]
            return [known(item, other) for item, other in pairs]
    return ours


def test_the_realistic_file_has_references_to_compare(main: dict[str, Lowered]) -> None:
    assert sum(len(list(references(one.body))) for one in main.values()) == 4
