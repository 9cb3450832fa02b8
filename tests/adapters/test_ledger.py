"""What was applied, kept in Azure: written step by step, read back whole, never too large."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.adapters import ledger, ledger_format
from reconciler.adapters.arm import Arm
from reconciler.adapters.ledger import API_VERSION, Ledger, Place, Run, RunInfo, StepState
from reconciler.core.approval import Interrupted
from reconciler.core.diff import Applied
from reconciler.core.resource import ResourceId
from reconciler.errors import LockHeld
from tests.embedded import LOCATION, SUBSCRIPTION, TAGS, account_id

INFO = RunInfo("20261123-141502", "ada@example.com", "2026-11-23T14:15:02Z", "3f2a1c9", "7c1e09d2", {"a": "0f"})
GROUP = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-x")


def place(arm: Arm, group: ResourceId) -> Place:
    return Place(arm, group, LOCATION, TAGS)


def begin(arm: Arm, group: ResourceId) -> Run:
    return ledger.open_run(place(arm, group), INFO, ledger.read(arm, group))


def applied(**properties: object) -> Applied:
    return Applied({"properties": properties}, {"properties": {**properties, "state": "Succeeded"}}, "2026-04-01")


def noise(size: int) -> str:
    """Text that does not compress below its own length in bytes."""
    return random.Random(7).randbytes(size // 2).hex()


def versions(arm: Arm, group: ResourceId) -> list[str]:
    return sorted(item["name"] for item in arm.members(f"{ledger.spec_id(group)}/versions", API_VERSION))


@pytest.mark.slow
class TestInAzure:
    def test_a_lost_ledger_reads_as_empty(self, arm: Arm, group: ResourceId) -> None:
        assert ledger.read(arm, group) == Ledger({})

    def test_what_was_recorded_is_read_back(self, arm: Arm, group: ResourceId) -> None:
        run, account = begin(arm, group), account_id(group)
        run.intend("account")
        run.record("account", account, applied(a=1))
        run.close("done")
        found = ledger.read(arm, group)
        assert found == Ledger({account: applied(a=1)}, 1, INFO, {"account": StepState.DONE}, "done")
        assert ledger.holder_of(found) == "ada@example.com (run 20261123-141502, since 2026-11-23T14:15:02Z)"

    def test_the_ledger_is_tagged_like_everything(self, arm: Arm, group: ResourceId) -> None:
        run = begin(arm, group)
        run.intend("account")
        for resource in (ledger.spec_id(group), run.place.version("000001")):
            assert (arm.get(resource, API_VERSION) or {})["tags"] == TAGS

    def test_each_run_has_a_number_of_its_own_and_keeps_what_was_before(self, arm: Arm, group: ResourceId) -> None:
        first, second = account_id(group, "stfirst"), account_id(group, "stsecond")
        for id_ in (first, second):
            run = begin(arm, group)
            run.record(id_.name, id_, applied(name=id_.name))
            run.close("done")
        found = ledger.read(arm, group)
        assert found.number == 2
        assert dict(found.applied) == {first: applied(name="stfirst"), second: applied(name="stsecond")}
        assert found.steps == {"stsecond": StepState.DONE}

    def test_a_killed_run_leaves_its_intent_and_the_next_run_begins_from_what_was_recorded(
        self, arm: Arm, group: ResourceId
    ) -> None:
        killed = begin(arm, group)
        killed.record("a", account_id(group, "sta"), applied(a=1))
        killed.intend("b")
        found = ledger.read(arm, group)
        assert found.steps == {"a": StepState.DONE, "b": StepState.INTENDED}
        assert begin(arm, group).applied == {account_id(group, "sta"): applied(a=1)}
        assert begin(arm, group).number == 2

    def test_a_run_without_steps_leaves_no_trace(self, arm: Arm, group: ResourceId) -> None:
        begin(arm, group).close("done")
        assert arm.get(ledger.spec_id(group), API_VERSION) is None

    def test_a_deleted_resource_is_forgotten(self, arm: Arm, group: ResourceId) -> None:
        run, account = begin(arm, group), account_id(group)
        run.record("create", account, applied())
        run.record("delete", account, None)
        assert dict(ledger.read(arm, group).applied) == {}

    def test_threads_report_at_once_and_nothing_is_lost(self, arm: Arm, group: ResourceId) -> None:
        run = begin(arm, group)
        ids = [account_id(group, f"st{number:02}") for number in range(20)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda id_: run.record(id_.name, id_, applied(name=id_.name)), ids))
        assert dict(ledger.read(arm, group).applied) == {id_: applied(name=id_.name) for id_ in ids}

    def test_a_ledger_beyond_the_size_limit_is_split_and_stale_parts_go(self, arm: Arm, group: ResourceId) -> None:
        run, account = begin(arm, group), account_id(group)
        run.record("large", account, applied(blob=noise(6_000_000)))
        assert len(versions(arm, group)) > 2
        assert dict(ledger.read(arm, group).applied) == {account: applied(blob=noise(6_000_000))}
        run.record("small", account, applied(a=1))
        assert versions(arm, group) == ["000001"]
        assert dict(ledger.read(arm, group).applied) == {account: applied(a=1)}

    def test_a_run_that_may_not_write_writes_nothing(self, arm: Arm, group: ResourceId) -> None:
        def lost() -> None:
            raise LockHeld("lost")

        run = ledger.open_run(place(arm, group), INFO, Ledger({}), guard=lost)
        with pytest.raises(LockHeld):
            run.intend("account")
        assert versions(arm, group) == []


@pytest.mark.parametrize(
    ("found", "interrupted"),
    [
        pytest.param(Ledger({}), None, id="an empty ledger interrupts nothing"),
        pytest.param(Ledger({}, 1, INFO, outcome="done"), None, id="a run that was done needs no going on"),
        pytest.param(
            Ledger({}, 1, INFO, outcome="running"),
            Interrupted("7c1e09d2", {"a": "0f"}),
            id="a killed run can be gone on",
        ),
        pytest.param(
            Ledger({}, 1, INFO, outcome="failed in part"),
            Interrupted("7c1e09d2", {"a": "0f"}),
            id="so can a failed one",
        ),
    ],
)
def test_which_run_was_interrupted(found: Ledger, interrupted: Interrupted | None) -> None:
    assert found.interrupted == interrupted


@pytest.mark.parametrize(
    ("kept", "names", "gone"),
    [
        pytest.param(50, [f"{n:06}" for n in range(1, 51)], [], id="fifty runs are all kept"),
        pytest.param(50, [f"{n:06}" for n in range(1, 53)], ["000001", "000002"], id="the oldest beyond fifty go"),
        pytest.param(
            50,
            ["000001.0123456789ab.0", "000001.0123456789ab.1", "000002"],
            ["000001.0123456789ab.0", "000001.0123456789ab.1"],
            id="parts go with their run",
        ),
        pytest.param(50, ["000002", "000002.0123456789ab.0"], [], id="parts of a kept run stay"),
        pytest.param(50, ["by-hand", "1.0"], [], id="versions that somebody else made are left alone"),
    ],
)
def test_which_versions_expire(kept: int, names: list[str], gone: list[str]) -> None:
    assert kept == ledger.KEPT_RUNS
    assert ledger.expired(names) == gone


def test_no_chunk_is_larger_than_a_version_holds() -> None:
    text = ledger_format.encode({GROUP: applied(blob=noise(6_000_000))})
    chunks = ledger_format.packed(text)
    assert len(chunks) > 1
    assert max(map(len, chunks)) <= ledger_format.CHUNK_CHARS


def test_what_is_named_like_a_secret_is_never_kept() -> None:
    record = Applied(
        {"properties": {"adminPassword": "hunter2", "name": "a"}},
        {"properties": {"keys": [{"primaryKey": "hunter2", "id": 1}], "ConnectionString": "hunter2"}},
        "1",
    )
    text = ledger_format.encode({GROUP: record})
    assert "hunter2" not in text
    found = ledger_format.unpacked("".join(ledger_format.packed(text)), ledger_format.sha256_of_text(text))
    assert found[GROUP].answered == {"properties": {"keys": [{"id": 1}]}}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(lambda payload: payload[:-8], "damaged", id="a payload that was cut"),
        pytest.param(lambda payload: "!" + payload, "damaged", id="a payload that is no base64"),
        pytest.param(
            lambda _payload: ledger_format.packed("{}")[0], "does not match its digest", id="another run's payload"
        ),
    ],
)
def test_a_damaged_ledger_is_refused(damage: object, says: str) -> None:
    text = ledger_format.encode({GROUP: applied(a=1)})
    payload = damage("".join(ledger_format.packed(text)))
    with pytest.raises(ledger_format.LedgerError, match=says) as caught:
        ledger_format.unpacked(payload, ledger_format.sha256_of_text(text))
    assert "Next: delete that version" in str(caught.value)
