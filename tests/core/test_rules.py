"""Rules are narrow: of one type, one path, some values."""

from __future__ import annotations

import pytest

from reconciler.core.plan import ABSENT
from reconciler.core.resource import ResourceId
from reconciler.core.rules import FieldRule, Kind, Rules, ServiceMade, at

GROUP = "/subscriptions/s/resourceGroups/rg"
ACCOUNT = ResourceId(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/St")


@pytest.mark.parametrize(
    ("path", "asked", "speaks"),
    [
        pytest.param("properties.f", "properties.F", True, id="a path in any casing"),
        pytest.param("properties.*", "properties.f", True, id="a star is one segment"),
        pytest.param("properties.*", "properties.f.g", False, id="a star is not two segments"),
        pytest.param("properties.f", "properties", False, id="a parent is another path"),
    ],
)
def test_which_path_a_rule_speaks_of(path: str, asked: str, speaks: bool) -> None:
    assert FieldRule("x", "a/b", path, Kind.DEFAULT, "why").speaks_of_path(asked) == speaks


@pytest.mark.parametrize(
    ("pattern", "asked", "speaks"),
    [
        pytest.param("a/b", "A/B", True, id="a type in any casing"),
        pytest.param("a/b", "a/b/c", False, id="a child is another type"),
        pytest.param("a/b*", "a/b/c", True, id="a glob takes children in"),
    ],
)
def test_which_type_a_rule_speaks_of(pattern: str, asked: str, speaks: bool) -> None:
    rule = FieldRule("x", pattern, "f", Kind.DEFAULT, "why")
    rules = Rules((rule,))
    assert rules.of_type(asked) == ((rule,) if speaks else ())
    assert rules.of_type(asked) is rules.of_type(asked)
    assert rules.of(asked, "f", Kind.DEFAULT) == (rule if speaks else None)
    assert rules.of(asked, "f", Kind.IMMUTABLE) is None


def test_what_is_said_of_whole_resources() -> None:
    rules = Rules(
        service_made=(ServiceMade("*/storageaccounts/s?", "made"),),
        stateful=frozenset(["microsoft.storage/storageaccounts"]),
        retained=frozenset(["microsoft.storage/storageaccounts/logs"]),
        untagged=frozenset(["microsoft.authorization/locks"]),
    )
    log, lock = ResourceId(f"{ACCOUNT}/logs/x"), ResourceId(f"{ACCOUNT}/providers/Microsoft.Authorization/locks/l")
    assert [rules.is_service_made(one) for one in (ACCOUNT, lock)] == [True, False]
    assert [rules.is_stateful(one) for one in (ACCOUNT, log)] == [True, False]
    assert [rules.is_retained(one) for one in (ACCOUNT, log)] == [False, True]
    assert [rules.is_untagged(one) for one in (ACCOUNT, lock)] == [False, True]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("A.b", 1, id="in any casing"),
        pytest.param("a", {"B": 1}, id="an object"),
        pytest.param("a.b.c", ABSENT, id="below a number"),
        pytest.param("x", ABSENT, id="not there"),
    ],
)
def test_the_value_at_a_path(path: str, found: object) -> None:
    assert at({"a": {"B": 1}}, path) == found
