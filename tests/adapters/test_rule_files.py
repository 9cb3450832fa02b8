"""The rule files: complete, read once, and refused when a rule says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.rule_files import load_rules
from reconciler.core.resource import ResourceId
from reconciler.core.rules import Kind, Said
from reconciler.errors import Bug

RULE = "fields:\n  - {id: one, type: A/b, path: F, kind: default, reason: why, declared: [false], live: [null]}\n"


def test_the_rules_that_ship_are_complete() -> None:
    rules = load_rules()
    assert rules is load_rules()
    assert [rule.id for rule in rules.fields] == sorted(rule.id for rule in rules.fields)
    assert all(
        rule.reason and rule.type == rule.type.lower() and rule.path == rule.path.lower() for rule in rules.fields
    )
    defaults = [rule for rule in rules.fields if rule.kind is Kind.DEFAULT]
    assert [rule.id for rule in defaults if not (rule.live or rule.when)] == []
    assert all(one.reason and one.id == one.id.lower() for one in rules.service_made)
    assert "microsoft.storage/storageaccounts" in rules.stateful


def test_a_rule_is_read_with_its_values(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULE + "stateful: [A/B]\nretained: [A/C]\nuntagged: [A/D]\n", encoding="utf-8")
    (tmp_path / "empty.yaml").write_text("# nothing yet\n", encoding="utf-8")
    rules = load_rules(tmp_path)
    (rule,) = rules.fields
    assert (rule.type, rule.path, rule.kind, rule.declared, rule.live) == ("a/b", "f", Kind.DEFAULT, (False,), (None,))
    assert (rules.stateful, rules.retained, rules.untagged) == ({"a/b"}, {"a/c"}, {"a/d"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(RULE.replace("kind: default", "kind: magic"), "'magic' is not a valid Kind", id="an unknown kind"),
        pytest.param(RULE.replace("reason: why, ", ""), "missing 1 required", id="no reason"),
        pytest.param(RULE.replace("reason: why", "reason: ''"), "gives no reason", id="an empty reason"),
        pytest.param(RULE.replace("path: F, ", ""), "'path'", id="no path"),
        pytest.param(RULE.replace("live:", "alive:"), "alive", id="an unknown key"),
        pytest.param(RULE + RULE.splitlines()[1] + "\n", "rule ids are used twice: one", id="an id used twice"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Bug, match=words):
        load_rules(tmp_path)


@pytest.mark.parametrize(
    ("declared", "live", "silent"),
    [
        pytest.param("channels:\n- forge\n", '{"channels": ["forge"]}', True, id="YAML that was answered as JSON"),
        pytest.param("channels:\n- forge\n", '{"channels": ["main"]}', False, id="another channel"),
        pytest.param("channels: [", '{"channels": ["forge"]}', False, id="text that is no YAML"),
    ],
)
def test_conda_files_are_compared_as_documents(declared: str, live: str, silent: bool) -> None:
    kind = "Microsoft.MachineLearningServices/workspaces/environments/versions"
    found = load_rules().silencer(kind, "properties.condaFile", (declared, live), Said({}))
    assert bool(found) == silent


@pytest.mark.parametrize(
    ("id_", "made"),
    [
        pytest.param(
            "Microsoft.MachineLearningServices/workspaces/w/datastores/workspaceblobstore", True, id="its own datastore"
        ),
        pytest.param("Microsoft.MachineLearningServices/workspaces/w/datastores/raw", False, id="a datastore of ours"),
        pytest.param("Microsoft.Resources/templateSpecs/ledger", True, id="the ledger"),
        pytest.param(
            "Microsoft.Insights/actionGroups/Application Insights Smart Detection", True, id="smart detection"
        ),
        pytest.param("Microsoft.Insights/actionGroups/on-call", False, id="somebody's action group"),
    ],
)
def test_what_services_make_by_themselves(id_: str, made: bool) -> None:
    assert load_rules().is_service_made(ResourceId(f"/subscriptions/s/resourceGroups/rg/providers/{id_}")) == made
