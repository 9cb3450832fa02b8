"""A fixture: the embedded Azure in a folder of its own, and the environment variables that point the SDKs at it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.arm import Arm, connect
from reconciler.core.resource import ResourceId

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"
LOCATION = "southeastasia"
TAGS = {"managed-by": "reconciler", "environment": "dev"}
GROUP_API, STORAGE_API, VAULT_API, ML_API = "2025-04-01", "2026-04-01", "2026-02-01", "2026-05-01"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from reconciler.local_azure import daemon

    state = tmp_path_factory.mktemp("azure")
    daemon.up(state, [SUBSCRIPTION])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in daemon.environment(state).items():
            patch.setenv(name, value)
        yield state
    daemon.down(state)


@pytest.fixture(scope="session")
def arm(azure: Path) -> Iterator[Arm]:
    with connect(SUBSCRIPTION, read_only=False) as arm:
        yield arm


@pytest.fixture
def group(arm: Arm) -> ResourceId:
    """A resource group of the test's own."""
    group = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-test-{next(_numbers)}")
    arm.put(group, GROUP_API, {"location": LOCATION, "tags": TAGS})
    return group


def account_id(group: ResourceId, name: str = "") -> ResourceId:
    name = name or f"st{group.name.replace('-', '')}"
    return ResourceId(f"{group}/providers/Microsoft.Storage/storageAccounts/{name}")


def account_body(**properties: object) -> dict[str, object]:
    return {
        "location": LOCATION,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "tags": dict(TAGS),
        "properties": {"allowBlobPublicAccess": False, "minimumTlsVersion": "TLS1_2", **properties},
    }


def make_workspace(arm: Arm, group: ResourceId) -> ResourceId:
    """A workspace with the least it needs: an account and a vault."""
    number = group.name.rpartition("-")[2]
    arm.put(account_id(group), STORAGE_API, account_body())
    vault = ResourceId(f"{group}/providers/Microsoft.KeyVault/vaults/kv-test-{number}")
    settings = {
        "tenantId": os.environ["AZURE_TENANT_ID"],
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    }
    arm.put(vault, VAULT_API, {"location": LOCATION, "tags": TAGS, "properties": settings})
    workspace = ResourceId(f"{group}/providers/Microsoft.MachineLearningServices/workspaces/mlw-test-{number}")
    body = {
        "location": LOCATION,
        "tags": TAGS,
        "identity": {"type": "SystemAssigned"},
        "properties": {"storageAccount": str(account_id(group)), "keyVault": str(vault)},
    }
    arm.put(workspace, ML_API, body)
    return workspace
