"""An embedded Azure of a test's own, with a resource group and an account in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.local_azure.app import EmbeddedAzure, Settings
from tests.local_azure.cloud import ACCOUNT, GROUP, LOCATION, STORAGE, SUBSCRIPTION, Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    azure = EmbeddedAzure(Settings(tmp_path / "azure", (SUBSCRIPTION,)), lambda: 1)
    cloud = Cloud(azure)
    assert cloud.put(GROUP, {"location": LOCATION}).status == 201
    assert cloud.put(f"{STORAGE}/sttest", ACCOUNT).status == 201
    yield cloud
    azure.close()
