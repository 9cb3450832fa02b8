"""Traffic: valid splits, known forecasts, and what must be tested before it serves."""

from __future__ import annotations

import math

import pytest

from reconciler.core.plan import Action, Class, Stage, Step
from reconciler.core.resource import Body, Origin, Resource, ResourceId
from reconciler.core.rollout import compare_forecasts, rollout_steps, split_problems

ENDPOINT = ResourceId(
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e"
)
ORIGIN = Origin("environments/dev.yaml", 3)


@pytest.mark.parametrize(
    ("split", "problems"),
    [
        pytest.param({"blue": 100}, [], id="all to one"),
        pytest.param({"blue": 90, "green": 10}, [], id="some to each"),
        pytest.param({}, [], id="none to any"),
        pytest.param({"blue": 0, "green": 0}, [], id="zero to each"),
        pytest.param({"blue": 90}, ["traffic adds up to 90, not 100 or 0"], id="a share that goes nowhere"),
        pytest.param({"blue": 110, "green": -10}, ["green gets -10, below 0"], id="less than nothing"),
        pytest.param({"blue": 50, "red": 50}, ["red is not a deployment"], id="a deployment that is none"),
        pytest.param(
            {"red": -1},
            ["red is not a deployment", "red gets -1, below 0", "traffic adds up to -1, not 100 or 0"],
            id="everything at once",
        ),
    ],
)
def test_a_split(split: dict[str, int], problems: list[str]) -> None:
    assert split_problems(split, ["blue", "green"]) == problems


@pytest.mark.parametrize(
    ("expected", "got", "failure"),
    [
        pytest.param([100.0], [104.9], "", id="within the tolerance"),
        pytest.param([100.0], [105.0], "", id="at the tolerance"),
        pytest.param([100.0, 200.0], [100.0, 211.0], "week 2: 211.00 where 200.00 was expected", id="beyond it"),
        pytest.param([0.0], [0.04], "", id="nearly nothing where nothing was expected"),
        pytest.param([0.0], [0.06], "week 1", id="something where nothing was expected"),
        pytest.param([-100.0], [-104.0], "", id="below zero"),
        pytest.param([1.0], [1.0, 2.0], "2 values where 1 were expected", id="one value too many"),
        pytest.param([1.0], [math.nan], "week 1", id="not a number"),
        pytest.param([], [], "", id="nothing asked, nothing answered"),
    ],
)
def test_a_forecast_beside_the_expected_one(expected: list[float], got: list[float], failure: str) -> None:
    answer = compare_forecasts(expected, got, 5)
    assert answer.startswith(failure)
    assert bool(answer) == bool(failure)


def deployment(name: str) -> Resource:
    return Resource(ResourceId(f"{ENDPOINT}/deployments/{name}"), "v", {}, ORIGIN)


def written(resource: Resource, action: Action = Action.CREATE) -> Step:
    return Step(resource.id.key, Stage.RESOURCE, action, Class.PENDING, resource.id, resource)


def traffic(body: Body | None) -> Step:
    resource = None if body is None else Resource(ENDPOINT, "v", body, ORIGIN)
    return Step(f"{ENDPOINT.key}#traffic", Stage.TRAFFIC, Action.UPDATE, Class.PENDING, ENDPOINT, resource)


BLUE, GREEN = deployment("blue"), deployment("green")


@pytest.mark.parametrize(
    ("steps", "now", "tested"),
    [
        pytest.param([], {}, [], id="nothing changes, nothing is tested"),
        pytest.param([written(BLUE)], {}, ["blue"], id="a deployment is made"),
        pytest.param([written(BLUE, Action.UPDATE)], {}, ["blue"], id="a deployment is changed"),
        pytest.param([written(BLUE, Action.RECORD)], {}, [], id="a deployment is recorded"),
        pytest.param(
            [traffic({"properties": {"traffic": {"blue": 50, "green": 50}}})],
            {"properties": {"traffic": {"blue": 100}}},
            ["green"],
            id="one gets more, one gets less",
        ),
        pytest.param(
            [traffic({"properties": {"mirrorTraffic": {"green": 20}}})],
            {"properties": {"mirrorTraffic": None}},
            ["green"],
            id="one is mirrored to",
        ),
        pytest.param([traffic({})], {}, [], id="a body without properties"),
        pytest.param([traffic(None)], {}, [], id="traffic of what is no longer declared"),
    ],
)
def test_what_is_tested(steps: list[Step], now: Body, tested: list[str]) -> None:
    made = rollout_steps(steps, [BLUE, GREEN], {ENDPOINT: now})
    tests = [step for step in made if step.stage is Stage.SMOKE_TEST]
    assert [step.id.name for step in tests] == tested
    assert [step.key for step in tests] == [f"{ENDPOINT.key}/deployments/{name}#smoke" for name in tested]


def test_traffic_moves_after_the_deployments_and_their_tests() -> None:
    other = Resource(ResourceId(f"{ENDPOINT}2/deployments/red"), "v", {}, ORIGIN)
    body: Body = {"properties": {"traffic": {"blue": 90, "green": 10}}}
    steps = rollout_steps([written(GREEN), written(other), traffic(body)], [BLUE, GREEN, other], {})
    moved = next(step for step in steps if step.stage is Stage.TRAFFIC)
    blue, green = BLUE.id.key, GREEN.id.key
    assert moved.needs == {blue, green, f"{blue}#smoke", f"{green}#smoke"}
