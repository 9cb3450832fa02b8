"""The spelling of values that digests are made over."""

from __future__ import annotations

import pytest

from reconciler.core.plan import ABSENT, Action, Class, Plan, Stage, Step, canonical_json, sha256_of
from reconciler.core.resource import Origin, Reference, Resource, ResourceId

ID = ResourceId("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Test/things/One")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}', id="names are sorted, values are JSON"),
        pytest.param("käse", '"käse"', id="text is left as it is"),
        pytest.param(ID, f'"{ID.key}"', id="an id by its key"),
        pytest.param(ABSENT, '{"$absent":true}', id="what is absent is not null"),
        pytest.param(Reference(ID, "x"), f'{{"$reference":"{ID.key}","path":"x"}}', id="a reference by what it names"),
        pytest.param(
            Reference(ID, "x", "a{}"),
            f'{{"$reference":"{ID.key}","path":"x","template":"a{{}}"}}',
            id="a reference in text",
        ),
        pytest.param(Class.PRUNE_CONFLICT, '"prune-conflict"', id="a word by its spelling"),
    ],
)
def test_canonical_json(value: object, text: str) -> None:
    assert canonical_json(value) == text


def test_what_has_no_spelling_is_an_error() -> None:
    with pytest.raises(TypeError, match="no canonical spelling for set"):
        canonical_json({1})


def test_a_digest_depends_on_the_value_alone() -> None:
    assert sha256_of({"a": 1, "b": 2}) == sha256_of({"b": 2, "a": 1}) != sha256_of({"a": 1, "b": 3})


def test_a_step_is_named_and_placed_by_its_resource() -> None:
    resource = Resource(ID, "v", {}, Origin("a.yaml", 3), label="thing one")
    named = Step(ID.key, Stage.RESOURCE, Action.CREATE, Class.PENDING, ID, resource)
    gone = Step(ID.key, Stage.RESOURCE, Action.DELETE, Class.PRUNE, ID, None)
    assert (named.label, str(named.origin)) == ("thing one", "a.yaml:3")
    assert (gone.label, gone.origin) == ("things One", None)
    plan = Plan("dev", "c", (named, gone), 0)
    assert plan.of_class(Class.PRUNE, Class.DRIFT) == (gone,)
    assert plan.has_changes
    assert repr(ABSENT) == "absent"
