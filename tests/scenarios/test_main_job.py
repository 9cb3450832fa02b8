"""The main job through the command line: converge, write nothing twice, survive a kill and a lost ledger."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from reconciler.adapters.arm import connect
from reconciler.adapters.ledger import spec_id
from reconciler.core.resource import ResourceId
from tests.scenarios.conftest import SUBSCRIPTION, Shop

pytestmark = pytest.mark.slow

GROUP = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mlops-retail-dev")


def test_converges_writes_nothing_twice_and_outlives_its_ledger(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    approved = shop.digest()
    code, printed = shop.run("apply", "dev", "--approve", approved)
    assert code == 0, printed
    assert "verified: live equals declared" in printed

    before = len(shop.exchanges())
    code, printed = shop.run("apply", "dev", "--approve", shop.digest())
    assert (code, "nothing to apply" in printed) == (0, True), printed
    assert shop.writes(before) == []

    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    with connect(SUBSCRIPTION, read_only=False) as arm:
        arm.delete(spec_id(GROUP), "2022-02-01")
    before = len(shop.exchanges())
    code, printed = shop.run("apply", "dev", "--approve", shop.digest())
    assert code == 0, printed
    written = {re.sub(r"\?.*", "", line) for line in shop.writes(before)}
    assert written, "the ledger was not written again"
    assert all("/templateSpecs/ledger" in line or line.endswith("/lease") for line in written), written


def test_a_killed_apply_goes_on_with_the_same_approval(shop: Shop) -> None:
    approved = shop.digest()
    first = shop.start("apply", "dev", "--approve", approved)
    deadline = time.monotonic() + 60
    while len(shop.writes()) < 40 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert first.poll() is None, "it ended before it could be killed"
    first.kill()
    first.communicate()

    # The lock of a killed run ends by itself, within a minute.
    code, printed = shop.run("apply", "dev", "--approve", approved, "--wait", "90")
    assert code == 0, printed
    assert "verified: live equals declared" in printed
    code, printed = shop.run("plan", "dev", "--detailed-exitcode")
    assert code == 0, printed
    assert "unmanaged" not in printed


def test_two_applies_at_once_one_names_the_other(shop: Shop) -> None:
    approved = shop.digest()
    first, second = shop.start("apply", "dev", "--approve", approved), shop.start("apply", "dev", "--approve", approved)
    outputs = [process.communicate(timeout=120) for process in (first, second)]
    codes = sorted(process.returncode for process in (first, second))
    assert codes in ([0, 0], [0, 7]), outputs
    code, printed = shop.run("plan", "dev", "--detailed-exitcode")
    assert code == 0, printed


def test_a_stale_approval_applies_nothing(shop: Shop) -> None:
    code, printed = shop.run("apply", "dev", "--approve", "0123456789ab")
    assert code == 6
    assert "This is not the plan that was approved" in printed
    assert shop.writes() == []


def test_drift_is_told_apart_and_exits_3(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shop.run("apply", "dev", "--approve", shop.digest())[0] == 0
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stretaildev3c1d"
    with connect(SUBSCRIPTION, read_only=False) as arm:
        arm.client.resources.begin_update_by_id(
            account, {"properties": {"allowBlobPublicAccess": True}}, api_version="2026-04-01"
        ).result()
    path = shop.root / "environments" / "base.yaml"
    path.write_text(path.read_text().replace("idle_before_scale_down_s: 900", "idle_before_scale_down_s: 600"))

    code, printed = shop.run("drift", "dev")
    assert code == 3
    assert "allowBlobPublicAccess" in printed
    assert "train-cpu" not in printed
    code, printed = shop.run("plan", "dev", "--detailed-exitcode", "--format", "json")
    assert code == 3
    classes = {step["id"].rpartition("/")[2]: step["class"] for step in json.loads(printed)["steps"]}
    assert classes == {"stretaildev3c1d": "drift", "train-cpu": "pending"}


def test_planning_needs_the_reader_role_only_and_a_reader_cannot_apply(shop: Shop, tmp_path: Path) -> None:
    from reconciler.local_azure import daemon

    reader = Shop(shop.root, {**shop.environment, **daemon.environment(tmp_path / "azure", "reader")}, shop.recording)
    approved = reader.digest()
    code, printed = reader.run("apply", "dev", "--approve", approved)
    assert code == 1
    assert "Microsoft.Resources/subscriptions/resourceGroups/write" in printed
    assert "Traceback" not in printed
