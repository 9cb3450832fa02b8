"""A plan is walked in order, recorded step by step, and can be stopped, cut off or refused without harm."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters import ledger
from reconciler.adapters.arm import Arm
from reconciler.adapters.artefacts import Artefacts
from reconciler.adapters.ledger import Place, RunInfo, StepState
from reconciler.adapters.lock import Lock
from reconciler.apply import Event, Outcome, Report, apply
from reconciler.bootstrap import bootstrap, lock_container
from reconciler.core.plan import Action, Class, Plan, Stage, Step
from reconciler.core.resource import Body, Origin, Reference, Resource, ResourceId
from reconciler.errors import Bug, ExitCode, LockHeld, PlanRefused
from reconciler.execute import Means
from tests.embedded import GROUP_API, LOCATION, ML_API, STORAGE_API, TAGS, account_body, account_id, make_workspace

pytestmark = pytest.mark.slow
IDENTITY_API = "2024-11-30"
INFO = RunInfo("20261123-141502", "ada@example.com", "2026-11-23T14:15:02Z", "3f2a1c9", "7c1e09d2")


def resource(id_: ResourceId, api_version: str, body: Body) -> Resource:
    return Resource(id_, api_version, body, Origin("environments/dev.yaml", 3))


def account(group: ResourceId, suffix: str = "", **properties: object) -> Resource:
    name = f"st{group.name.replace('-', '')}{suffix}"
    return resource(account_id(group, name), STORAGE_API, account_body(**properties))


def service(account: Resource) -> Resource:
    return resource(ResourceId(f"{account.id}/blobServices/default"), STORAGE_API, {"properties": {}})


def container(account: Resource, name: str) -> Resource:
    id_ = ResourceId(f"{account.id}/blobServices/default/containers/{name}")
    return resource(id_, STORAGE_API, {"properties": {"publicAccess": "None"}})


def identity(group: ResourceId) -> Resource:
    id_ = ResourceId(f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-x")
    return resource(id_, IDENTITY_API, {"location": LOCATION, "tags": TAGS})


def step(wanted: Resource, action: Action = Action.CREATE, needs: tuple[Resource, ...] = (), **more: object) -> Step:
    cls = {Action.RECORD: Class.CONVERGED, Action.DELETE: Class.PRUNE}.get(action, Class.PENDING)
    declared = None if action is Action.DELETE else wanted
    keys = frozenset(need.id.key for need in needs)
    return Step(wanted.id.key, Stage.RESOURCE, action, cls, wanted.id, declared, needs=keys, **more)


def plan(*steps: Step) -> Plan:
    return Plan("dev", "3f2a1c9", tuple(sorted(steps, key=lambda one: one.key)), in_sync=0)


@pytest.fixture
def lock(arm: Arm, group: ResourceId) -> Iterator[Lock]:
    made = account(group, "lock")
    desired = {r.id: r for r in (made, service(made), container(made, "reconciler-lock"))}
    bootstrap(desired, arm)
    with Lock(arm, lock_container(desired.values()), str(uuid.uuid4())) as held:
        yield held


@pytest.fixture
def means(arm: Arm, group: ResourceId, lock: Lock, tmp_path: Path) -> Callable[[], Means]:
    """Each call opens a run, as each `apply` of a person would."""

    def opened() -> Means:
        place = Place(arm, group, LOCATION, TAGS)
        run = ledger.open_run(place, INFO, ledger.read(arm, group), guard=lock.check)
        return Means(arm, run, lock, Artefacts(arm, tmp_path), {})

    return opened


def outcomes(report: Report) -> Mapping[str, Outcome]:
    return {result.step.id.name: result.outcome for result in report.results}


def test_steps_run_in_order_and_are_recorded(arm: Arm, group: ResourceId, means: Callable[[], Means]) -> None:
    made = account(group)
    blobs, raw = service(made), container(made, "raw")
    events: list[Event] = []
    report = apply(plan(step(raw, needs=(blobs,)), step(blobs, needs=(made,)), step(made)), means(), events.append)
    assert report.ok
    assert report.exit_code is ExitCode.CLEAN
    assert [result.step.id for result in report.results] == [made.id, blobs.id, raw.id]
    assert [(event.step.id, event.result is None) for event in events[:2]] == [(made.id, True), (made.id, False)]
    found = ledger.read(arm, group)
    assert found.applied[raw.id].sent == raw.body
    assert found.applied[made.id].answered == arm.get(made.id, STORAGE_API)
    assert (set(found.steps.values()), found.outcome) == ({StepState.DONE}, "done")


def test_what_needs_a_failed_step_is_skipped_and_nothing_is_deleted(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    bad, good, old = account(group, "bad"), account(group, "good"), account(group, "old")
    assert apply(plan(step(old)), means()).ok
    refused = resource(bad.id, STORAGE_API, bad.body | {"sku": {"name": "NoSuchSku"}, "kind": 7})
    steps = [step(refused), step(service(bad), needs=(bad,)), step(container(bad, "raw"), needs=(service(bad),))]
    report = apply(plan(*steps, step(good), step(old, Action.DELETE)), means())
    assert outcomes(report) == {
        bad.id.name: Outcome.FAILED,
        "default": Outcome.SKIPPED,
        "raw": Outcome.SKIPPED,
        good.id.name: Outcome.DONE,
        old.id.name: Outcome.SKIPPED,
    }
    assert (report.partial, report.exit_code) == (True, ExitCode.PARTIAL)
    assert arm.get(good.id, STORAGE_API)
    assert arm.get(old.id, STORAGE_API)
    found = ledger.read(arm, group)
    assert bad.id not in found.applied
    assert found.steps[bad.id.key] is StepState.FAILED
    assert found.outcome == "failed in part"


def test_an_apply_of_which_nothing_succeeded_is_an_error(group: ResourceId, means: Callable[[], Means]) -> None:
    bad = account(group, "bad")
    report = apply(
        plan(step(resource(bad.id, STORAGE_API, bad.body | {"sku": {"name": "NoSuchSku"}, "kind": 7}))), means()
    )
    assert (report.ok, report.partial, report.exit_code) == (False, False, ExitCode.ERROR)
    assert str(bad.id) in report.results[0].message


def test_deletes_come_last(arm: Arm, group: ResourceId, means: Callable[[], Means]) -> None:
    old, new = account(group, "a"), account(group, "b")
    assert apply(plan(step(old)), means()).ok
    report = apply(plan(step(old, Action.DELETE), step(new)), means())
    assert [(result.step.id, result.message) for result in report.results] == [(new.id, "created"), (old.id, "deleted")]
    assert arm.get(old.id, STORAGE_API) is None
    assert set(ledger.read(arm, group).applied) == {new.id}


def test_a_replaced_resource_is_a_new_one(arm: Arm, group: ResourceId, means: Callable[[], Means]) -> None:
    made = account(group)
    assert apply(plan(step(made), step(service(made), needs=(made,))), means()).ok
    report = apply(plan(step(made, Action.REPLACE)), means())
    assert [result.message for result in report.results] == ["replaced"]
    assert arm.get(container(made, "raw").id, STORAGE_API) is None


def test_what_azure_makes_up_is_looked_up_after_the_step_that_makes_it(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    whose, made = identity(group), account(group)
    principal = Reference(whose.id, "properties.principalId")
    tags = {**TAGS, "who": principal, "text": Reference(whose.id, "properties.principalId", "is {}")}
    tagged = resource(made.id, STORAGE_API, made.body | {"tags": tags})
    assert apply(plan(step(tagged, needs=(whose,)), step(whose)), means()).ok
    expected = (arm.get(whose.id, IDENTITY_API) or {})["properties"]["principalId"]
    live = arm.get(made.id, STORAGE_API) or {}
    assert (live["tags"]["who"], live["tags"]["text"]) == (expected, f"is {expected}")
    assert ledger.read(arm, group).applied[made.id].sent["tags"]["who"] == expected


def test_a_value_that_is_not_there_fails_the_step_that_needs_it(group: ResourceId, means: Callable[[], Means]) -> None:
    whose, made = identity(group), account(group)
    tags = {**TAGS, "who": Reference(whose.id, "properties.nothing")}
    tagged = resource(made.id, STORAGE_API, made.body | {"tags": tags})
    report = apply(plan(step(tagged, needs=(whose,)), step(whose)), means())
    assert outcomes(report) == {"id-x": Outcome.DONE, made.id.name: Outcome.FAILED}


def test_what_converged_is_recorded_without_touching_azure(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    made, gone = account(group), account(group, "gone")
    arm.put(made.id, STORAGE_API, made.body | {"tags": {**TAGS, "by": "hand"}})
    live = arm.get(made.id, STORAGE_API)
    forgotten = step(gone, Action.RECORD)
    forgotten = Step(forgotten.key, forgotten.stage, forgotten.action, forgotten.cls, gone.id, None)
    report = apply(plan(step(made, Action.RECORD, live=live), forgotten), means())
    assert report.ok
    assert arm.get(made.id, STORAGE_API) == live
    assert dict(ledger.read(arm, group).applied)[made.id].answered == live


def test_an_update_keeps_tags_of_others_and_drops_those_no_longer_declared(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    made = account(group)
    before = resource(made.id, STORAGE_API, made.body | {"tags": {**TAGS, "old": "1"}})
    assert apply(plan(step(before)), means()).ok
    arm.put(made.id, STORAGE_API, made.body | {"tags": {**TAGS, "old": "1", "by": "hand"}})
    live = arm.get(made.id, STORAGE_API)
    assert apply(plan(step(made, Action.UPDATE, live=live)), means()).ok
    assert (arm.get(made.id, STORAGE_API) or {})["tags"] == {**TAGS, "by": "hand"}
    assert ledger.read(arm, group).applied[made.id].sent == made.body


def test_a_step_that_waits_for_a_decision_refuses_the_whole_plan(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    made, other = account(group), account(group, "other")
    undecided = Step(made.id.key, Stage.RESOURCE, Action.NONE, Class.CONFLICT, made.id, made)
    with pytest.raises(PlanRefused, match=r"conflict .* environments/dev\.yaml:3"):
        apply(plan(undecided, step(other)), means())
    assert arm.get(other.id, STORAGE_API) is None


def test_a_signal_lets_the_call_in_flight_finish_and_begins_nothing_new(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    made = account(group)

    def interrupt(event: Event) -> None:
        if event.result is None:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    report = apply(plan(step(made), step(service(made), needs=(made,))), means(), interrupt)
    assert outcomes(report) == {made.id.name: Outcome.DONE, "default": Outcome.LEFT}
    assert (report.stopped_by, report.exit_code) == ("SIGTERM", ExitCode.PARTIAL)
    assert signal.getsignal(signal.SIGTERM) is before
    found = ledger.read(arm, group)
    assert (set(found.applied), found.outcome) == ({made.id}, "stopped: SIGTERM")


def test_a_run_that_lost_its_lock_stops_before_its_next_write(
    arm: Arm, group: ResourceId, lock: Lock, means: Callable[[], Means]
) -> None:
    first, second = account(group, "a"), account(group, "b")

    def lose(event: Event) -> None:
        if event.result and event.step.id == first.id:
            lock.lost.set()

    report = apply(plan(step(first), step(second, needs=(first,))), means(), lose)
    assert outcomes(report) == {first.id.name: Outcome.DONE, second.id.name: Outcome.FAILED}
    assert isinstance(report.results[1].error, LockHeld)
    assert report.exit_code is ExitCode.LOCKED
    assert arm.get(second.id, STORAGE_API) is None


def test_a_run_killed_between_write_and_record_converges_the_next_time(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    made = account(group)
    killed = means()
    killed.run.intend(made.id.key)
    arm.put(made.id, STORAGE_API, made.body)
    assert ledger.read(arm, group).steps == {made.id.key: StepState.INTENDED}
    assert apply(plan(step(made)), means()).ok
    found = ledger.read(arm, group)
    assert (found.number, set(found.applied)) == (2, {made.id})
    names = [item.id.name for item in arm.list_group(group.name) if item.type.endswith("storageAccounts")]
    assert sorted(names) == sorted([made.id.name, account(group, "lock").id.name])


def endpoint(workspace: ResourceId, number: str, **traffic: int) -> Resource:
    id_ = ResourceId(f"{workspace}/onlineEndpoints/forecast-{number}")
    body = {
        "location": LOCATION,
        "tags": TAGS,
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key", "traffic": dict(traffic)},
    }
    return resource(id_, ML_API, body)


def test_an_endpoint_is_written_without_traffic_and_none_goes_to_a_deployment_that_is_not_ready(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    made = endpoint(make_workspace(arm, group), group.name.rpartition("-")[2], blue=100)
    moved = Step(f"{made.id.key}#traffic", Stage.TRAFFIC, Action.UPDATE, Class.PENDING, made.id, made)
    moved = replace(moved, needs=frozenset({made.id.key}))
    report = apply(plan(step(made), moved), means())
    assert [result.outcome for result in report.results] == [Outcome.DONE, Outcome.FAILED]
    assert "deployment blue is missing" in report.results[1].message
    assert (arm.get(made.id, ML_API) or {})["properties"].get("traffic", {}) == {}
    assert ledger.read(arm, group).applied[made.id].sent["properties"]["traffic"] == {}


def test_a_deployment_without_known_forecasts_holds_the_rollout(
    arm: Arm, group: ResourceId, means: Callable[[], Means]
) -> None:
    made = endpoint(make_workspace(arm, group), group.name.rpartition("-")[2])
    blue = resource(ResourceId(f"{made.id}/deployments/blue"), ML_API, {})
    tested = Step(f"{blue.id.key}#smoke", Stage.SMOKE_TEST, Action.UPDATE, Class.PENDING, blue.id, blue)
    moved = Step(f"{made.id.key}#traffic", Stage.TRAFFIC, Action.UPDATE, Class.PENDING, made.id, made)
    report = apply(plan(tested, replace(moved, needs=frozenset({tested.key}))), means())
    assert [result.outcome for result in report.results] == [Outcome.FAILED, Outcome.SKIPPED]
    assert report.exit_code is ExitCode.ROLLOUT
    assert arm.get(made.id, ML_API) is None


def test_bootstrap_makes_what_is_missing_once(arm: Arm, group: ResourceId) -> None:
    made = account(group, "boot")
    whole_group = resource(group, GROUP_API, {"location": LOCATION, "tags": TAGS})
    wanted = [container(made, "reconciler-lock"), service(made), container(made, "raw"), whole_group, made]
    desired = {one.id: one for one in wanted}
    arm.delete(group, GROUP_API)
    assert next(iter(bootstrap(desired, arm))) == group
    assert arm.get(container(made, "raw").id, STORAGE_API) is None
    assert bootstrap(desired, arm) == {}
    assert (arm.get(made.id, STORAGE_API) or {})["tags"] == TAGS


def test_bootstrap_needs_the_lock_container_to_be_declared(arm: Arm, group: ResourceId) -> None:
    with pytest.raises(Bug, match="declares 0 containers"):
        bootstrap({}, arm)
