"""Three states in, a plan out: what is done, in which order, and what the digest covers."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.diff import Applied
from reconciler.core.plan import ABSENT, Action, Class, Plan, Stage
from reconciler.core.planner import World, make_plan
from reconciler.core.resource import Body, Origin, Reference, Resource, ResourceId
from reconciler.core.rules import FieldRule, Kind, Rules, ServiceMade

GROUP = ResourceId("/subscriptions/s/resourceGroups/rg")
ML = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w"
ACCOUNT = ResourceId(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st")
CONTAINER = ResourceId(f"{ACCOUNT}/blobServices/default/containers/raw")
IDENTITY = ResourceId(f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id")
ROLE = ResourceId(f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/r")
ENDPOINT = ResourceId(f"{ML}/onlineEndpoints/e")
BLUE = ResourceId(f"{ENDPOINT}/deployments/blue")
MODEL = ResourceId(f"{ML}/models/m/versions/1")
TAGS = {"managed-by": "reconciler", "environment": "dev"}
ENDPOINT_TYPE = "microsoft.machinelearningservices/workspaces/onlineendpoints"

RULES = Rules(
    fields=(
        FieldRule("kind-immutable", "microsoft.storage/storageaccounts", "kind", Kind.IMMUTABLE, "another account"),
        FieldRule("mirror-staged", ENDPOINT_TYPE, "properties.mirrortraffic", Kind.STAGED, "later"),
        FieldRule("traffic-staged", ENDPOINT_TYPE, "properties.traffic", Kind.STAGED, "later"),
        FieldRule("count-owned", "microsoft.storage/storageaccounts", "count", Kind.SERVICE_OWNED, "autoscale"),
    ),
    service_made=(ServiceMade("*/templatespecs/ledger", "our own"),),
    retained=frozenset(["microsoft.machinelearningservices/workspaces/models/versions"]),
    untagged=frozenset(["microsoft.authorization/roleassignments"]),
)


def resource(id_: ResourceId, body: Body | None = None, *needs: ResourceId) -> Resource:
    return Resource(id_, "v1", {"tags": TAGS} | (body or {}), Origin("environments/dev.yaml", 3), frozenset(needs))


def endpoint(traffic: dict[str, int], **properties: Any) -> Resource:
    return resource(ENDPOINT, {"properties": {"traffic": traffic, "mirrorTraffic": {}} | properties})


def world(*desired: Resource, **more: Any) -> World:
    return World(**{"environment": "dev", "desired": desired, "applied": {}, "live": {}, "rules": RULES} | more)


def settled(*desired: Resource, **live: Any) -> World:
    """Everything was applied and is live as it was declared."""
    bodies = {one.id: one.body for one in desired}
    return world(*desired, applied={id_: Applied(body, body, "v1") for id_, body in bodies.items()}, live=bodies)


def planned(of: World) -> Plan:
    return make_plan(of, "3f2a1c9")


def told(plan: Plan) -> dict[str, tuple[str, str]]:
    return {
        step.key.removeprefix(GROUP.key).rpartition("/")[2]: (step.action.value, step.cls.value) for step in plan.steps
    }


def live_with(of: World, id_: ResourceId, **changed: Any) -> World:
    return replace(of, live={**of.live, id_: of.live.get(id_, {}) | changed})


STATES = [
    pytest.param(world(resource(ACCOUNT)), {"st": ("create", "pending")}, id="declared, never there"),
    pytest.param(settled(resource(ACCOUNT)), {}, id="declared, applied and live"),
    pytest.param(
        replace(settled(resource(ACCOUNT)), desired=[resource(ACCOUNT, {"kind2": 1})]),
        {"st": ("update", "pending")},
        id="git moved",
    ),
    pytest.param(
        live_with(settled(resource(ACCOUNT, {"a": 1})), ACCOUNT, a=2), {"st": ("update", "drift")}, id="Azure moved"
    ),
    pytest.param(
        replace(live_with(settled(resource(ACCOUNT, {"a": 1})), ACCOUNT, a=2), desired=[resource(ACCOUNT, {"a": 3})]),
        {"st": ("none", "conflict")},
        id="both moved, apart",
    ),
    pytest.param(
        replace(live_with(settled(resource(ACCOUNT, {"a": 1})), ACCOUNT, a=2), desired=[resource(ACCOUNT, {"a": 2})]),
        {"st": ("record", "converged")},
        id="both moved, to the same",
    ),
    pytest.param(replace(settled(resource(ACCOUNT)), live={}), {"st": ("create", "missing")}, id="somebody deleted it"),
    pytest.param(
        replace(settled(resource(ACCOUNT)), applied={}),
        {"st": ("record", "converged")},
        id="the ledger was lost, all is well",
    ),
    pytest.param(
        live_with(replace(settled(resource(ACCOUNT, {"a": 1})), applied={}), ACCOUNT, a=2),
        {"st": ("update", "pending")},
        id="the ledger was lost, something differs",
    ),
    pytest.param(
        world(resource(ACCOUNT), resource(GROUP), live={ACCOUNT: {"tags": {}}, GROUP: {"tags": TAGS}}),
        {"": ("record", "converged"), "st": ("none", "adoption")},
        id="somebody else's, though it lies in our group",
    ),
    pytest.param(
        world(resource(ACCOUNT), live={ACCOUNT: {"tags": TAGS | {"environment": "prod"}}}),
        {"st": ("none", "adoption")},
        id="another environment's",
    ),
    pytest.param(
        world(resource(ACCOUNT), live={ACCOUNT: {}}, adopt=True),
        {"st": ("update", "pending")},
        id="taken over, with differences",
    ),
    pytest.param(
        world(Resource(ACCOUNT, "v1", {"a": 1}, Origin("x", 1)), live={ACCOUNT: {"a": 1}}, adopt=True),
        {"st": ("record", "converged")},
        id="taken over as it is",
    ),
    pytest.param(
        world(resource(ACCOUNT), live={ACCOUNT: {}}, bootstrap=frozenset([ACCOUNT])),
        {"st": ("update", "pending")},
        id="what a killed bootstrap left",
    ),
    pytest.param(
        world(Resource(ROLE, "v1", {}, Origin("x", 1)), live={ROLE: {}, ACCOUNT: {"tags": TAGS}}, applied={}),
        {"r": ("record", "converged"), "st": ("delete", "prune")},
        id="what takes no tags belongs to what it is set on",
    ),
    pytest.param(replace(settled(resource(ACCOUNT)), desired=[]), {"st": ("delete", "prune")}, id="taken out of git"),
    pytest.param(
        replace(live_with(settled(resource(ACCOUNT, {"a": 1})), ACCOUNT, a=2), desired=[]),
        {"st": ("none", "prune-conflict")},
        id="taken out of git, and changed by hand",
    ),
    pytest.param(
        replace(live_with(settled(resource(ACCOUNT, {"count": 1})), ACCOUNT, count=4, etag="x"), desired=[]),
        {"st": ("delete", "prune")},
        id="taken out of git, and moved by the service",
    ),
    pytest.param(
        replace(live_with(settled(resource(ACCOUNT)), ACCOUNT, tags={}), desired=[]),
        {"st": ("none", "prune-conflict")},
        id="taken out of git, and no longer tagged",
    ),
    pytest.param(
        replace(settled(resource(ACCOUNT)), desired=[], live={}), {"st": ("record", "prune")}, id="taken out, and gone"
    ),
    pytest.param(replace(settled(resource(MODEL)), desired=[]), {"1": ("record", "prune")}, id="history stays"),
    pytest.param(world(live={ACCOUNT: {"tags": TAGS}}), {"st": ("delete", "prune")}, id="an orphan of a killed run"),
]


@pytest.mark.parametrize(("of", "expected"), STATES)
def test_what_is_done(of: World, expected: dict[str, tuple[str, str]]) -> None:
    plan = planned(of)
    assert told(plan) == expected
    assert plan.has_changes == bool(expected)


@pytest.mark.parametrize(
    ("id_", "live"),
    [
        pytest.param(ACCOUNT, {ACCOUNT: {"tags": {}}}, id="without tags"),
        pytest.param(ACCOUNT, {ACCOUNT: {"tags": {"managed-by": "terraform"}}}, id="with another tool's tags"),
        pytest.param(CONTAINER, {CONTAINER: {}, ACCOUNT: {"tags": TAGS}}, id="an undeclared child of ours"),
    ],
)
def test_what_nobody_declared_is_told_and_never_deleted(id_: ResourceId, live: dict[ResourceId, Body]) -> None:
    plan = planned(world(resource(GROUP), live=live | {GROUP: {"tags": TAGS}}, applied={}))
    assert id_ in plan.unmanaged
    assert id_ not in [step.id for step in plan.steps]


def test_what_a_service_makes_is_not_told() -> None:
    ledger = ResourceId(f"{GROUP}/providers/Microsoft.Resources/templateSpecs/ledger")
    plan = planned(world(live={ledger: {"tags": TAGS}}))
    assert (plan.unmanaged, plan.steps) == ((), ())


def test_an_immutable_field_needs_another_resource() -> None:
    of = settled(resource(ACCOUNT, {"kind": "Storage"}))
    (step,) = planned(replace(of, desired=[resource(ACCOUNT, {"kind": "StorageV2"})])).steps
    assert (step.action, step.cls, step.reason) == (Action.REPLACE, Class.PENDING, "another account")


def test_a_field_that_azure_never_takes_is_a_warning_and_no_step() -> None:
    of = settled(resource(ACCOUNT, {"a": 1}))
    answered = of.live[ACCOUNT] | {"a": 2}
    plan = planned(replace(of, applied={ACCOUNT: Applied(of.live[ACCOUNT], answered, "v1")}, live={ACCOUNT: answered}))
    assert (plan.steps, plan.in_sync) == ((), 1)
    assert plan.warnings == (
        "st: a was sent as 1 and Azure keeps 2 (environments/dev.yaml:3): a field rule may say why",
    )


def test_what_a_rule_silences_is_counted() -> None:
    plan = planned(live_with(settled(resource(ACCOUNT, {"count": 1})), ACCOUNT, count=4))
    assert [(id_, change.path, change.rule) for id_, change in plan.suppressed] == [(ACCOUNT, "count", "count-owned")]
    assert (plan.steps, plan.in_sync) == ((), 1)


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param({}, "create", id="unknown while the other is not there"),
        pytest.param({IDENTITY: {"tags": TAGS}}, "update", id="unknown while the other has no such value"),
        pytest.param({IDENTITY: {"tags": TAGS, "properties": {"principalId": "p"}}}, None, id="known"),
    ],
)
def test_a_reference(live: dict[ResourceId, Body], expected: str | None) -> None:
    named = Reference(IDENTITY, "properties.principalId", "id-{}")
    role = Resource(ROLE, "v1", {"properties": {"principal": named}}, Origin("x", 1), frozenset([IDENTITY]))
    there = {ACCOUNT: {"tags": TAGS}, ROLE: {"properties": {"principal": "id-p"}}} if live else {}
    sent = {"properties": {"principal": "id-p"}}
    of = world(
        role, resource(IDENTITY), resource(ACCOUNT), live=live | there, applied={ROLE: Applied(sent, sent, "v1")}
    )
    steps = {step.id: step for step in planned(of).steps}
    assert (steps[ROLE].action.value if ROLE in steps else None) == expected
    if expected == "create":
        assert steps[ROLE].needs == {IDENTITY.key}
    if expected == "update":
        assert [(change.declared, change.cls) for change in steps[ROLE].changes] == [(named, Class.PENDING)]


def test_an_endpoint_is_made_then_its_deployments_then_tests_then_traffic() -> None:
    plan = planned(world(endpoint({"blue": 100}), resource(BLUE, {}, ENDPOINT)))
    needs = {
        step.key.removeprefix(ENDPOINT.key): sorted(n.removeprefix(ENDPOINT.key) for n in step.needs)
        for step in plan.steps
    }
    assert needs == {
        "": [],
        "/deployments/blue": [""],
        "/deployments/blue#smoke": ["", "/deployments/blue"],
        "#traffic": ["", "/deployments/blue", "/deployments/blue#smoke"],
    }
    traffic = next(step for step in plan.steps if step.stage is Stage.TRAFFIC)
    assert [(c.path, c.declared, c.live) for c in traffic.changes] == [("properties.traffic", {"blue": 100}, ABSENT)]


@pytest.mark.parametrize(
    ("live", "steps"),
    [
        pytest.param(
            {"traffic": {"blue": 90, "hand": 10}}, {"#traffic", "/deployments/blue#smoke"}, id="traffic alone"
        ),
        pytest.param({"traffic": {"blue": 100}, "auth": "x"}, {""}, id="the endpoint alone"),
        pytest.param({"traffic": {}, "auth": "x"}, {"", "#traffic", "/deployments/blue#smoke"}, id="both"),
        pytest.param({"traffic": {"blue": 100, "hand": 0}}, set(), id="a zero that Azure adds"),
    ],
)
def test_changes_of_an_endpoint_are_cut_in_two(live: dict[str, Any], steps: set[str]) -> None:
    of = settled(endpoint({"blue": 100}, auth="Key"), resource(BLUE))
    plan = planned(live_with(of, ENDPOINT, properties={"auth": "Key", "mirrorTraffic": None} | live))
    assert {step.key.removeprefix(ENDPOINT.key) for step in plan.steps} == steps
    assert {step.cls for step in plan.steps if step.stage is not Stage.SMOKE_TEST} <= {Class.DRIFT}


def test_a_conflict_over_traffic_is_not_cut() -> None:
    of = live_with(settled(endpoint({"blue": 100})), ENDPOINT, properties={"traffic": {"blue": 50, "green": 50}})
    plan = planned(replace(of, desired=[endpoint({"blue": 90, "green": 10})]))
    assert told(plan) == {"e": ("none", "conflict")}


def test_children_are_deleted_before_their_parents() -> None:
    of = replace(settled(resource(ACCOUNT), resource(CONTAINER), resource(IDENTITY)), desired=[])
    needs = {step.id: step.needs for step in planned(of).steps}
    assert needs == {ACCOUNT: {CONTAINER.key}, CONTAINER: frozenset(), IDENTITY: frozenset()}


def digest(of: World, commit: str = "3f2a1c9") -> str:
    return make_plan(of, commit).digest


def test_the_digest_covers_what_would_be_done_and_to_what() -> None:
    of = live_with(settled(resource(ACCOUNT, {"a": 1})), ACCOUNT, a=2)
    assert digest(of) == digest(of, "another commit") == digest(live_with(of, ACCOUNT, etag="moves by itself"))
    others = [
        live_with(of, ACCOUNT, a=3),
        replace(of, desired=[resource(ACCOUNT, {"a": 4})]),
        replace(of, policy_set="stricter"),
        replace(of, environment="prod"),
        replace(of, desired=[*of.desired, resource(IDENTITY)]),
    ]
    assert len({digest(one) for one in [of, *others]}) == len(others) + 1


def test_the_digest_leaves_out_the_ledger_and_the_bootstrap() -> None:
    lost = replace(settled(resource(ACCOUNT), resource(IDENTITY)), applied={})
    assert digest(lost) == digest(settled(resource(ACCOUNT), resource(IDENTITY)))
    first = world(resource(ACCOUNT), resource(IDENTITY), bootstrap=frozenset([ACCOUNT]))
    assert digest(first) == digest(replace(first, live={ACCOUNT: {"tags": TAGS}}))
    assert digest(first) != digest(replace(first, desired=[resource(ACCOUNT, {"a": 1}), resource(IDENTITY)]))


@given(st.randoms(use_true_random=False))
def test_the_same_three_states_give_the_same_plan(shuffle: random.Random) -> None:
    of = live_with(settled(endpoint({"blue": 100}), resource(BLUE), resource(ACCOUNT, {"a": 1})), ACCOUNT, a=2)
    of = replace(of, desired=[*of.desired, resource(IDENTITY)], live=of.live | {MODEL: {"tags": {}}})
    desired, live, applied = list(of.desired), list(of.live.items()), list(of.applied.items())
    for part in (desired, live, applied):
        shuffle.shuffle(part)  # type: ignore[arg-type]
    assert planned(replace(of, desired=desired, live=dict(live), applied=dict(applied))) == planned(of)


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
)
def test_what_was_applied_needs_no_second_apply(declared: Body, live: Body) -> None:
    of = world(resource(ACCOUNT, declared), live={ACCOUNT: {"tags": TAGS} | live})
    body = of.desired[0].body
    after = replace(of, live={ACCOUNT: of.live[ACCOUNT] | body}, applied={ACCOUNT: Applied(body, body, "v1")})
    assert not planned(after).has_changes
