"""Three states in, a plan out: every class of the three-state table, order, staged traffic, the digest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.adapters.rule_files import load_rules
from reconciler.core.plan import ABSENT, Action, Class, Plan, Stage, Step
from reconciler.core.planner import Applied, World, make_plan
from reconciler.core.resource import Reference, Resource, ResourceId
from tests.core.house import (
    ACCOUNT,
    BLUE,
    ENDPOINT,
    GREEN,
    GROUP,
    IDENTITY,
    RAW,
    ROLE,
    STRANGER,
    WORKSPACE,
    account,
    applied_of,
    changed,
    deployment,
    endpoint,
    group,
    identity,
    live_of,
    model,
    plan,
    raw,
    role,
    shown,
    the_step,
    workspace,
    world,
)

OPEN, CLOSED = account(publicNetworkAccess="Enabled"), account(publicNetworkAccess="Disabled")
TLS = "properties.minimumTlsVersion"


def test_everything_in_sync_is_an_empty_plan() -> None:
    made = plan(group(), account(), raw(), identity(), role(), workspace(), model(), endpoint(), deployment())
    assert made.steps == ()
    assert not made.has_changes
    assert (made.in_sync, made.suppressed, made.unmanaged, made.warnings) == (9, (), (), ())


@pytest.mark.parametrize(
    ("made", "action", "cls"),
    [
        pytest.param(
            lambda: plan(account(), applied={}, live={}),
            Action.CREATE,
            Class.PENDING,
            id="declared, never applied, absent",
        ),
        pytest.param(lambda: plan(account(), live={}), Action.CREATE, Class.MISSING, id="applied, and gone from Azure"),
        pytest.param(
            lambda: plan(CLOSED, applied=applied_of(OPEN), live=live_of(OPEN)),
            Action.UPDATE,
            Class.PENDING,
            id="git changed it since",
        ),
        pytest.param(
            lambda: plan(account(), live=changed(ACCOUNT, live_of(account()), TLS, "TLS1_0")),
            Action.UPDATE,
            Class.DRIFT,
            id="Azure changed it since",
        ),
        pytest.param(
            lambda: plan(CLOSED, applied=applied_of(OPEN)),
            Action.RECORD,
            Class.CONVERGED,
            id="both changed it, to the same value",
        ),
        pytest.param(
            lambda: plan(
                account(minimumTlsVersion="TLS1_3"),
                applied=applied_of(account()),
                live=live_of(account(minimumTlsVersion="TLS1_0")),
            ),
            Action.NONE,
            Class.CONFLICT,
            id="both changed it, to different values",
        ),
        pytest.param(lambda: plan(account(), applied={}), Action.RECORD, Class.CONVERGED, id="the ledger was lost"),
        pytest.param(
            lambda: plan(account(), applied={}, live=changed(ACCOUNT, live_of(account()), TLS, "TLS1_0")),
            Action.UPDATE,
            Class.PENDING,
            id="the ledger was lost and live differs",
        ),
        pytest.param(
            lambda: plan(account(), applied={}, live=changed(ACCOUNT, live_of(account()), "tags", {})),
            Action.NONE,
            Class.ADOPTION,
            id="exists and carries no tag of ours",
        ),
        pytest.param(
            lambda: plan(account(), applied={}, live=changed(ACCOUNT, live_of(account()), "tags.environment", "prod")),
            Action.NONE,
            Class.ADOPTION,
            id="exists and belongs to another environment",
        ),
        pytest.param(
            lambda: plan(account(), applied={}, adopt=True, live=changed(ACCOUNT, live_of(account()), "tags", {})),
            Action.UPDATE,
            Class.PENDING,
            id="exists, and is taken over with a change",
        ),
        pytest.param(
            lambda: plan(applied=applied_of(account()), live=live_of(account())),
            Action.DELETE,
            Class.PRUNE,
            id="no longer declared",
        ),
        pytest.param(
            lambda: plan(applied=applied_of(account()), live=changed(ACCOUNT, live_of(account()), TLS, "TLS1_0")),
            Action.NONE,
            Class.PRUNE_CONFLICT,
            id="no longer declared, and changed since",
        ),
        pytest.param(
            lambda: plan(applied=applied_of(account()), live=changed(ACCOUNT, live_of(account()), "etag", "0x9")),
            Action.DELETE,
            Class.PRUNE,
            id="no longer declared, and only the etag moved",
        ),
        pytest.param(
            lambda: plan(live=live_of(account())),
            Action.DELETE,
            Class.PRUNE,
            id="tagged as ours, unknown to the ledger",
        ),
        pytest.param(
            lambda: plan(applied=applied_of(account())),
            Action.RECORD,
            Class.PRUNE,
            id="no longer declared, already gone",
        ),
        pytest.param(
            lambda: plan(applied=applied_of(model()), live=live_of(model())),
            Action.RECORD,
            Class.PRUNE,
            id="a model version that is no longer declared stays as history",
        ),
    ],
)
def test_each_class_has_its_action(made: Callable[[], Plan], action: Action, cls: Class) -> None:
    step = the_step(made())
    assert (step.action, step.cls) == (action, cls)


def test_what_is_taken_over_as_it_is_needs_no_write() -> None:
    made = plan(raw(), applied={}, adopt=True, live=live_of(raw()))
    assert the_step(made).action is Action.RECORD


def test_what_lives_in_something_of_ours_is_ours() -> None:
    made = plan(account(), raw(), applied=applied_of(account()))
    assert shown(made) == {
        "microsoft.storage/storageaccounts/stretaildev3c1d/blobservices/default/containers/raw": ("record", "converged")
    }


def test_strangers_are_reported_and_left_alone() -> None:
    live = {STRANGER: {"tags": {"owner": "somebody"}}, **live_of(account())}
    made = plan(account(), live=live)
    assert (made.steps, made.unmanaged) == ((), (STRANGER,))


def test_what_a_service_makes_is_no_stranger() -> None:
    own = ResourceId(f"{GROUP}/providers/Microsoft.Resources/templateSpecs/ledger")
    stores = ResourceId(f"{WORKSPACE}/datastores/workspaceblobstore")
    made = plan(workspace(), live={own: {}, stores: {}, **live_of(workspace())})
    assert (made.steps, made.unmanaged) == ((), ())


def test_another_environments_resource_is_never_pruned() -> None:
    live = {STRANGER: {"tags": {"managed-by": "reconciler", "environment": "prod"}}}
    assert plan(live=live).unmanaged == (STRANGER,)


def test_an_immutable_field_means_another_resource() -> None:
    step = the_step(
        plan(
            account(isHnsEnabled=True),
            applied=applied_of(account(isHnsEnabled=False)),
            live=live_of(account(isHnsEnabled=False)),
        )
    )
    assert (step.action, step.cls) == (Action.REPLACE, Class.PENDING)
    assert step.reason


def test_a_value_that_azure_keeps_otherwise_is_a_warning_and_no_step() -> None:
    live = changed(ACCOUNT, live_of(account()), TLS, "TLS1_0")
    answered = {ACCOUNT: Applied(account().body, live[ACCOUNT], "2026-01-01")}
    made = plan(account(), live=live, applied=answered)
    assert made.steps == ()
    (warning,) = made.warnings
    assert TLS in warning
    assert "environments/dev.yaml:7" in warning


def test_the_worst_class_names_the_step() -> None:
    live = changed(ACCOUNT, live_of(OPEN), TLS, "TLS1_0")
    step = the_step(plan(CLOSED, applied=applied_of(OPEN), live=live))
    assert step.cls is Class.DRIFT
    assert {change.path: change.cls for change in step.changes} == {
        TLS: Class.DRIFT,
        "properties.publicNetworkAccess": Class.PENDING,
    }


def test_what_azure_has_yet_to_make_up_is_a_change_known_after_apply() -> None:
    live = live_of(account(), identity(), role())
    del live[IDENTITY]
    made = plan(account(), identity(), role(), live=live)
    (change,) = next(step for step in made.steps if step.id == ROLE).changes
    assert change.declared == Reference(IDENTITY, "properties.principalId")
    assert change.cls is Class.PENDING


def test_a_reference_inside_text_is_put_in() -> None:
    settled = world(identity())
    path = Reference(IDENTITY, "properties.principalId", "client {} of dev")
    assert settled.resolve(path) == "client 11111111-1111-1111-1111-111111111111 of dev"
    assert settled.resolve(Reference(IDENTITY, "properties.nothing", "{}!")) is ABSENT
    assert settled.resolve(Reference(STRANGER, "id")) is ABSENT


def test_steps_wait_for_what_they_refer_to_and_deletes_for_what_lives_inside() -> None:
    everything = (group(), account(), raw(), identity(), role())
    made = plan(*everything, applied={}, live={})
    needs = {step.id: step.needs for step in made.steps}
    assert needs[GROUP] == frozenset()
    assert needs[ROLE] == {ACCOUNT.key, IDENTITY.key}
    gone = plan(applied=applied_of(*everything), live=live_of(*everything))
    needs = {step.id: step.needs for step in gone.steps}
    assert {RAW.key, ROLE.key} <= needs[ACCOUNT]
    assert {ACCOUNT.key, IDENTITY.key} <= needs[GROUP]
    assert needs[RAW] == frozenset()


def test_a_need_that_has_no_step_is_none() -> None:
    made = plan(account(), raw(), live=live_of(account()))
    assert the_step(made).needs == frozenset()


COLOURS = (deployment(BLUE), deployment(GREEN))
SERVED = (workspace(), model(), *COLOURS)


def steps_of(made: Plan, id_: ResourceId) -> dict[Stage, Step]:
    return {step.stage: step for step in made.steps if step.id == id_}


def test_a_new_endpoint_gets_its_traffic_after_tested_deployments() -> None:
    made = plan(endpoint({"blue": 100}), deployment(BLUE), applied={}, live={})
    own = steps_of(made, ENDPOINT)
    assert own[Stage.RESOURCE].action is Action.CREATE
    traffic = own[Stage.TRAFFIC]
    assert [(change.path, change.declared) for change in traffic.changes] == [("properties.traffic", {"blue": 100})]
    test = steps_of(made, BLUE)[Stage.SMOKE_TEST]
    assert test.needs == {BLUE.key, ENDPOINT.key}
    assert traffic.needs == {ENDPOINT.key, BLUE.key, test.key}


def test_a_new_endpoint_without_traffic_has_no_traffic_step() -> None:
    assert steps_of(plan(endpoint(), applied={}, live={}), ENDPOINT).keys() == {Stage.RESOURCE}


def test_traffic_alone_is_a_step_of_its_own_and_tests_only_what_rises() -> None:
    before, after = endpoint({"blue": 90, "green": 10}), endpoint({"blue": 50, "green": 50})
    made = plan(*SERVED, after, applied=applied_of(*SERVED, before), live=live_of(*SERVED, before))
    assert steps_of(made, ENDPOINT).keys() == {Stage.TRAFFIC}
    assert steps_of(made, GREEN).keys() == {Stage.SMOKE_TEST}
    assert not steps_of(made, BLUE)
    assert steps_of(made, ENDPOINT)[Stage.TRAFFIC].needs == {steps_of(made, GREEN)[Stage.SMOKE_TEST].key}


def test_a_mirror_that_begins_is_tested_too() -> None:
    before, after = endpoint({"blue": 100}), endpoint({"blue": 100}, {"green": 10})
    made = plan(*SERVED, after, applied=applied_of(*SERVED, before), live=live_of(*SERVED, before))
    assert steps_of(made, GREEN).keys() == {Stage.SMOKE_TEST}


def test_traffic_moved_by_hand_is_drift_of_the_traffic_step() -> None:
    declared, moved = endpoint({"blue": 100}), endpoint({"blue": 20, "green": 80})
    made = plan(*SERVED, declared, live=live_of(*SERVED, moved))
    step = steps_of(made, ENDPOINT)[Stage.TRAFFIC]
    assert step.cls is Class.DRIFT
    assert {change.path for change in step.changes} == {"properties.traffic.blue", "properties.traffic.green"}


def test_zeroes_that_azure_fills_in_are_no_drift() -> None:
    declared, answered = endpoint({"blue": 100}), endpoint({"blue": 100, "green": 0})
    assert plan(*SERVED, declared, live=live_of(*SERVED, answered)).steps == ()


def test_an_endpoint_that_changes_otherwise_keeps_both_steps_apart() -> None:
    before = endpoint({"blue": 100}, description="old")
    after = endpoint({"green": 100}, description="new")
    made = plan(*SERVED, after, applied=applied_of(*SERVED, before), live=live_of(*SERVED, before))
    own = steps_of(made, ENDPOINT)
    assert [change.path for change in own[Stage.RESOURCE].changes] == ["properties.description"]
    assert all(change.path.startswith("properties.traffic") for change in own[Stage.TRAFFIC].changes)
    assert own[Stage.RESOURCE].key in own[Stage.TRAFFIC].needs


def test_a_conflict_of_traffic_is_one_step_that_does_nothing() -> None:
    before, ours, theirs = (
        endpoint({"blue": 100}),
        endpoint({"blue": 90, "green": 10}),
        endpoint({"blue": 50, "green": 50}),
    )
    made = plan(*SERVED, ours, applied=applied_of(*SERVED, before), live=live_of(*SERVED, theirs))
    own = steps_of(made, ENDPOINT)
    assert own.keys() == {Stage.RESOURCE}
    assert (own[Stage.RESOURCE].action, own[Stage.RESOURCE].cls) == (Action.NONE, Class.CONFLICT)


def test_the_digest_is_over_what_is_done_and_not_over_the_commit() -> None:
    one, other = world(account(), live={}), world(OPEN, live={})
    assert make_plan(one, "aaaa").digest == make_plan(one, "bbbb").digest
    assert make_plan(one, "aaaa").digest != make_plan(other, "aaaa").digest
    assert make_plan(replace(one, policy_set="p2"), "").digest != make_plan(one, "").digest
    assert make_plan(replace(one, environment="prod"), "").digest != make_plan(one, "").digest


def test_the_digest_covers_the_live_values_of_what_it_touches_and_no_others() -> None:
    drifted = changed(ACCOUNT, live_of(account()), TLS, "TLS1_0")
    digest = plan(account(), live=drifted).digest
    assert plan(account(), live=changed(ACCOUNT, drifted, TLS, "TLS1_1")).digest != digest
    assert plan(account(), live=changed(ACCOUNT, drifted, "etag", "0x9")).digest == digest
    assert plan(account(), live=changed(ACCOUNT, drifted, "properties.statusOfPrimary", "available")).digest == digest


def test_the_bootstrap_counts_by_its_bodies_so_a_killed_run_stays_approved() -> None:
    bootstrap = frozenset([GROUP, ACCOUNT])
    settled = world(group(), account(), raw(), applied={}, live={}, bootstrap=bootstrap)
    digest = make_plan(settled, "").digest
    made = replace(settled, live=live_of(group(), account()))
    assert make_plan(made, "").digest == digest
    assert {step.action for step in make_plan(made, "").steps if step.id in bootstrap} == {Action.RECORD}
    assert make_plan(replace(settled, desired=[group(), OPEN, raw()]), "").digest != digest


def test_a_bootstrap_resource_needs_no_tag_to_be_ours() -> None:
    live = changed(GROUP, live_of(group()), "tags", {})
    step = the_step(plan(group(), applied={}, live=live, bootstrap=frozenset([GROUP])))
    assert step.action is Action.UPDATE


def test_steps_are_sorted_and_their_keys_unique() -> None:
    made = plan(*SERVED, endpoint({"blue": 100}), group(), account(), raw(), applied={}, live={})
    keys = [step.key for step in made.steps]
    assert keys == sorted(set(keys))


RESOURCES = (group(), account(), raw(), identity(), role(), workspace(), model(), endpoint({"blue": 100}), *COLOURS)


IDS = [one.id for one in RESOURCES]


@given(st.permutations(RESOURCES), st.sets(st.sampled_from(IDS)), st.sets(st.sampled_from(IDS)))
def test_the_same_three_states_in_any_order_give_the_same_plan(
    desired: list[Resource], applied: set[ResourceId], live: set[ResourceId]
) -> None:
    def made(order: Sequence[Resource]) -> Plan:
        records = applied_of(*(one for one in order if one.id in applied))
        bodies = live_of(*(one for one in order if one.id in live))
        return make_plan(World("dev", order, records, bodies, load_rules()), "c0ffee")

    one, other = made(desired), made(RESOURCES)
    assert one == other
    assert one.digest == other.digest


@given(st.sets(st.sampled_from(IDS)))
def test_a_plan_creates_exactly_what_is_missing(present: set[ResourceId]) -> None:
    made = plan(*RESOURCES, applied={}, live=live_of(*(one for one in RESOURCES if one.id in present)))
    created = {step.id for step in made.steps if step.action is Action.CREATE}
    assert created == set(IDS) - present


def test_a_tag_that_azure_adds_is_not_ours() -> None:
    assert plan(group(), live=changed(GROUP, live_of(group()), "tags.policy", "audited")).steps == ()


def test_a_tag_that_git_removed_is_taken_away() -> None:
    before = group(team="forecasting")
    (change,) = the_step(plan(group(), applied=applied_of(before), live=live_of(before))).changes
    assert (change.path, change.declared, change.live) == ("tags.team", ABSENT, "forecasting")
