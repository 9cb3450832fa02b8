"""A plan as a person reads it: worst first, traceable, secrets masked."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.apply import Outcome, Report, StepResult
from reconciler.core.plan import ABSENT, Action, Change, Class, Plan, Stage, Step
from reconciler.core.resource import Origin, Reference, Resource, ResourceId
from reconciler.views.machine import plan_json, report_json
from reconciler.views.masking import masked
from reconciler.views.style import Style
from reconciler.views.text import heading, plan_text, report_text, shown, summary

GROUP = "/subscriptions/s/resourceGroups/rg"
ACCOUNT = ResourceId(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1")
RESOURCE = Resource(ACCOUNT, "2026-04-01", {}, Origin("environments/base.yaml", 22), label="storage account st1")
STEP = Step(ACCOUNT.key, Stage.RESOURCE, Action.UPDATE, Class.DRIFT, ACCOUNT, RESOURCE)
OPENED = Change("properties.allowBlobPublicAccess", False, True, Class.DRIFT)
PLAIN = Style(colour=False)


def plan(*steps: Step, **more: object) -> Plan:
    return replace(Plan("dev", "3f2a1c9", tuple(steps), in_sync=28, digest="7c1e09d2" * 8), **more)


def test_drift_shows_declared_and_live_and_where_it_is_declared() -> None:
    lines = plan_text(plan(replace(STEP, changes=(OPENED,))), resources=29, seconds=0.9, style=PLAIN).splitlines()
    assert lines[0] == "dev  commit 3f2a1c9  29 resources, read in 0.9 s"
    assert lines[2].split() == ["DRIFT", "storage", "account", "st1", "environments/base.yaml:22"]
    assert lines[3].split("  ") == [
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "allowBlobPublicAccess",
        "declared false",
        "",
        "live true",
    ]
    assert lines[-1] == "1 drift, 28 in sync"


@pytest.mark.parametrize(
    ("step", "word"),
    [
        pytest.param(replace(STEP, cls=Class.CONFLICT, action=Action.NONE), "CONFLICT", id="both sides changed it"),
        pytest.param(replace(STEP, cls=Class.ADOPTION, action=Action.NONE), "ADOPT", id="it exists and is not ours"),
        pytest.param(replace(STEP, cls=Class.PRUNE, action=Action.DELETE), "DELETE", id="no longer declared"),
        pytest.param(replace(STEP, action=Action.REPLACE), "REPLACE", id="immutable, whatever its class"),
        pytest.param(replace(STEP, cls=Class.MISSING, action=Action.CREATE), "MISSING", id="somebody deleted it"),
        pytest.param(replace(STEP, cls=Class.PENDING, action=Action.CREATE), "CREATE", id="new"),
        pytest.param(replace(STEP, cls=Class.PENDING), "CHANGE", id="git wants it otherwise"),
        pytest.param(replace(STEP, cls=Class.PENDING, stage=Stage.TRAFFIC), "TRAFFIC", id="a split"),
        pytest.param(replace(STEP, stage=Stage.TRAFFIC), "DRIFT", id="a split that somebody moved"),
        pytest.param(replace(STEP, cls=Class.PENDING, stage=Stage.SMOKE_TEST), "TEST", id="a smoke test"),
        pytest.param(replace(STEP, cls=Class.CONVERGED, action=Action.RECORD), "RECORD", id="ledger only"),
    ],
)
def test_each_step_stands_under_one_word(step: Step, word: str) -> None:
    assert heading(step) == word


def test_what_is_deleted_comes_before_drift_and_drift_before_what_is_new() -> None:
    steps = [
        replace(STEP, cls=Class.PENDING, action=Action.CREATE),
        STEP,
        replace(STEP, cls=Class.PRUNE, action=Action.DELETE),
    ]
    text = plan_text(plan(*steps), resources=3, seconds=0, style=PLAIN)
    assert text.index("DELETE") < text.index("DRIFT") < text.index("CREATE")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(True, "true", id="a boolean as JSON spells it"),
        pytest.param(ABSENT, "(none)", id="nothing there"),
        pytest.param({"b": 1, "a": [2]}, '{"a":[2],"b":1}', id="an object in one line"),
        pytest.param("x" * 80, "x" * 57 + "...", id="a long text is cut"),
        pytest.param(
            Reference(ACCOUNT, "properties.id"), "known after apply (properties.id of st1)", id="what Azure makes up"
        ),
    ],
)
def test_values_are_short(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("path", "value", "hidden"),
    [
        pytest.param("properties.primaryKey", "abc", True, id="a key by its name"),
        pytest.param("properties.adminPassword", "abc", True, id="a password by its name"),
        pytest.param("tags.note", "AccountKey=abc;", True, id="a connection string by its shape"),
        pytest.param("x", "https://a.blob.core.windows.net/c?sv=1&sig=abc", True, id="a signature by its shape"),
        pytest.param("properties.keyVault", "/subscriptions/s", False, id="a vault's id is none"),
        pytest.param("properties.minimumTlsVersion", "TLS1_2", False, id="an ordinary value"),
    ],
)
def test_secrets_are_masked(path: str, value: str, hidden: bool) -> None:
    assert masked(path, value) == ("***" if hidden else value)


def test_the_summary_counts_classes_without_smoke_tests() -> None:
    smoke = replace(STEP, cls=Class.PENDING, stage=Stage.SMOKE_TEST)
    assert summary(plan(STEP, smoke, unmanaged=(ACCOUNT,))) == "1 drift, 28 in sync, 1 unmanaged"


def test_json_says_the_same_and_masks_the_same() -> None:
    secret = Change("properties.primaryKey", "abc", {"primaryKey": "def"}, Class.DRIFT)
    document = json.loads(plan_json(plan(replace(STEP, changes=(OPENED, secret)))))
    assert (document["schema"], document["environment"], document["digest"][:8]) == (1, "dev", "7c1e09d2")
    step = document["steps"][0]
    assert (step["class"], step["action"], step["origin"]) == ("drift", "update", "environments/base.yaml:22")
    assert step["changes"][0] == {"path": OPENED.path, "declared": False, "live": True, "class": "drift", "rule": None}
    assert "abc" not in json.dumps(document)
    assert "def" not in json.dumps(step["changes"][1])


@pytest.mark.parametrize(
    ("report", "verified", "parts"),
    [
        pytest.param(Report(()), True, ["nothing to apply"], id="nothing differed"),
        pytest.param(
            Report((StepResult(STEP, Outcome.DONE),)),
            True,
            ["applied 1 of 1", "verified: live equals declared"],
            id="all done",
        ),
        pytest.param(Report((StepResult(STEP, Outcome.DONE),)), False, ["plan again"], id="done, yet it differs"),
        pytest.param(
            Report((StepResult(STEP, Outcome.LEFT, message="not begun: SIGINT"),), "SIGINT"),
            False,
            ["applied 0 of 1", "stopped by SIGINT", "left    storage account st1", "apply again"],
            id="stopped on the way",
        ),
    ],
)
def test_a_report_says_what_was_done_and_what_to_do(report: Report, verified: bool, parts: list[str]) -> None:
    text = report_text(report, verified=verified, commit="3f2a1c9", style=PLAIN)
    assert all(part in text for part in parts), text


def test_a_report_as_json() -> None:
    report = Report((StepResult(STEP, Outcome.DONE, 1.234, "restored"),))
    document = json.loads(report_json(report, environment="dev", verified=True))
    assert document["results"] == [
        {"key": STEP.key, "label": "storage account st1", "outcome": "done", "seconds": 1.2, "message": "restored"}
    ]
