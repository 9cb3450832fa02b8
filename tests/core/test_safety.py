"""What is refused unless somebody consents to it by name."""

from __future__ import annotations

import pytest

from reconciler.core.plan import Action, Class, Plan, Stage, Step
from reconciler.core.resource import Origin, Resource, ResourceId
from reconciler.core.rules import Rules
from reconciler.core.safety import DELETES_AT_MOST, Consent, guard, live_traffic
from reconciler.errors import ExitCode, PlanRefused

GROUP = "/subscriptions/s/resourceGroups/rg"
ACCOUNT = ResourceId(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st")
IDENTITY = ResourceId(f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id")
ENDPOINT = ResourceId(f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e")
BLUE = ResourceId(f"{ENDPOINT}/deployments/blue")
RULES = Rules(stateful=frozenset(["microsoft.storage/storageaccounts"]))


def step(id_: ResourceId, action: Action, cls: Class = Class.PENDING, reason: str = "why") -> Step:
    gone = cls in (Class.PRUNE, Class.PRUNE_CONFLICT)
    resource = None if gone else Resource(id_, "v", {}, Origin("environments/dev.yaml", 7))
    return Step(id_.key, Stage.RESOURCE, action, cls, id_, resource, reason=reason)


def refusal(*steps: Step, consent: tuple[str, ...] = (), traffic: dict[ResourceId, int] | None = None) -> str:
    """The reasons, empty when the plan is let through."""
    try:
        guard(Plan("dev", "c", steps, 0), Consent(frozenset(consent)), RULES, traffic or {})
    except PlanRefused as error:
        return str(error)
    return ""


def test_a_refusal_is_for_the_approver() -> None:
    assert PlanRefused.exit_code is ExitCode.CONFLICT


@pytest.mark.parametrize(
    "allowed",
    [
        pytest.param(step(ACCOUNT, Action.CREATE), id="making something"),
        pytest.param(step(ACCOUNT, Action.UPDATE, Class.DRIFT), id="restoring something"),
        pytest.param(step(ACCOUNT, Action.RECORD, Class.PRUNE), id="forgetting what is gone"),
        pytest.param(step(IDENTITY, Action.DELETE, Class.PRUNE), id="deleting what holds nothing"),
        pytest.param(step(BLUE, Action.DELETE, Class.PRUNE), id="deleting a deployment without traffic"),
        pytest.param(step(BLUE, Action.REPLACE), id="replacing a deployment without traffic"),
    ],
)
def test_allowed(allowed: Step) -> None:
    assert refusal(allowed) == ""


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        pytest.param(
            step(ACCOUNT, Action.NONE, Class.CONFLICT), "(environments/dev.yaml:7): conflict: why", id="a conflict"
        ),
        pytest.param(
            step(ACCOUNT, Action.NONE, Class.PRUNE_CONFLICT), "prune-conflict: why", id="a conflict over a prune"
        ),
        pytest.param(step(ACCOUNT, Action.NONE, Class.ADOPTION), "adoption: why", id="an adoption nobody asked for"),
        pytest.param(step(ACCOUNT, Action.DELETE, Class.PRUNE), "delete loses what it holds", id="deleting data"),
        pytest.param(step(ACCOUNT, Action.REPLACE), "replace loses what it holds", id="replacing data"),
        pytest.param(
            step(IDENTITY, Action.REPLACE), "To agree: --consent id", id="replacing anything but a deployment"
        ),
    ],
)
def test_refused(refused: Step, words: str) -> None:
    assert words in refusal(refused)


@pytest.mark.parametrize("name", ["st", "ST", ACCOUNT.text])
def test_consent_is_given_by_name_or_id(name: str) -> None:
    assert refusal(step(ACCOUNT, Action.DELETE, Class.PRUNE), consent=(name,)) == ""
    assert refusal(step(ACCOUNT, Action.NONE, Class.CONFLICT), consent=(name,)) != ""


@pytest.mark.parametrize(
    ("action", "cls", "words"),
    [
        pytest.param(Action.DELETE, Class.PRUNE, "would be deleted while it has 40 % of the traffic", id="a delete"),
        pytest.param(
            Action.REPLACE, Class.PENDING, "would be replaced while it has 40 % of the traffic", id="a replacement"
        ),
    ],
)
def test_a_deployment_with_traffic_stays_whoever_consents(action: Action, cls: Class, words: str) -> None:
    assert words in refusal(step(BLUE, action, cls), traffic={BLUE: 40}, consent=("blue",))


def test_many_deletes_look_like_a_mistake() -> None:
    ids = [ResourceId(f"{IDENTITY}{number}") for number in range(DELETES_AT_MOST + 1)]
    deletes = [step(id_, Action.DELETE, Class.PRUNE) for id_ in ids]
    assert refusal(*deletes[:-1]) == ""
    assert f"{len(ids)} resources would be deleted, more than {DELETES_AT_MOST}" in refusal(*deletes)
    assert refusal(*deletes, consent=(ids[0].name,)) == ""


def test_every_reason_is_told_at_once() -> None:
    told = refusal(step(ACCOUNT, Action.DELETE, Class.PRUNE), step(IDENTITY, Action.NONE, Class.CONFLICT))
    assert "storageAccounts st" in told
    assert "userAssignedIdentities id" in told


@pytest.mark.parametrize(
    ("body", "shares"),
    [
        pytest.param({"properties": {"traffic": {"blue": 90, "green": 0}}}, {BLUE: 90}, id="a zero is no traffic"),
        pytest.param(
            {"properties": {"traffic": {}, "mirrorTraffic": {"blue": 20}}}, {BLUE: 20}, id="a mirror is traffic too"
        ),
        pytest.param({"properties": {"traffic": None}}, {}, id="no map"),
        pytest.param({}, {}, id="no properties"),
    ],
)
def test_live_traffic(body: dict[str, object], shares: dict[ResourceId, int]) -> None:
    assert live_traffic({ENDPOINT: body, ACCOUNT: {"properties": {"traffic": {"x": 1}}}}) == shares
