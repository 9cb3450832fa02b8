"""Three states of one resource: every difference is told, with the class that the architecture's table gives it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.diff import Applied, Comparison, Difference, compare, compare_bodies
from reconciler.core.plan import ABSENT, Class
from reconciler.core.resource import Body, Reference, ResourceId
from reconciler.core.rules import FieldRule, Kind, Rules

TYPE = "Microsoft.Test/things"
OTHER = ResourceId("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Test/things/other")
IDENTITY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/x"
NONE = Rules()


def rule(path: str, kind: Kind, **more: Any) -> FieldRule:
    return FieldRule(f"test-{path}-{kind}", TYPE.lower(), path.lower(), kind, "because", **more)


def rules(*fields: FieldRule) -> Rules:
    return Rules(
        fields, parse=lambda text: sorted(text.split()) if text else (_ for _ in ()).throw(ValueError("empty"))
    )


def diff(
    declared: Body, live: Body, applied: Applied | None = None, using: Rules = NONE, known: Any = ABSENT
) -> Difference:
    return compare(declared, live, Comparison(TYPE, using, lambda _: known, applied))


def paths(found: Difference) -> list[str]:
    return [change.path for change in found.changes]


def classes(found: Difference) -> dict[str, str]:
    return {change.path: change.cls.value for change in found.changes}


@pytest.mark.parametrize(
    ("declared", "sent", "answered", "live", "expected"),
    [
        pytest.param(1, 1, 1, 1, None, id="all the same is in sync"),
        pytest.param(2, 1, 1, 1, "pending", id="git moved"),
        pytest.param(1, 1, 1, 2, "drift", id="Azure moved"),
        pytest.param(2, 1, 1, 3, "conflict", id="both moved, apart"),
        pytest.param(2, 1, 1, 2, None, id="both moved, to the same"),
        pytest.param(1, 1, 2, 2, "non-convergent", id="Azure never took it"),
        pytest.param(1, 1, 2, 3, "drift", id="Azure never took it, then moved"),
        pytest.param(1, 1, 2, 1, None, id="Azure took it late"),
        pytest.param(2, ABSENT, 1, 1, "pending", id="newly declared, over a default"),
        pytest.param(2, ABSENT, ABSENT, ABSENT, "pending", id="newly declared, never there"),
        pytest.param(2, ABSENT, ABSENT, 3, "conflict", id="newly declared, while somebody set it otherwise"),
        pytest.param(ABSENT, 1, 1, 1, "pending", id="taken out of git"),
        pytest.param(ABSENT, 1, 1, 2, "conflict", id="taken out of git, while Azure moved"),
        pytest.param(ABSENT, 1, 1, ABSENT, None, id="taken out of git, and gone"),
        pytest.param(ABSENT, ABSENT, 1, 2, None, id="never ours"),
        pytest.param(1, 1, 1, ABSENT, "drift", id="Azure lost it"),
        pytest.param(None, 1, 1, 1, "pending", id="set to null in git"),
        pytest.param(None, 1, 1, ABSENT, None, id="set to null in git, and gone"),
        pytest.param(None, None, 5, 5, None, id="a null that Azure fills asks for nothing"),
    ],
)
def test_the_class_of_a_field(declared: Any, sent: Any, answered: Any, live: Any, expected: str | None) -> None:
    bodies = [{"p": {} if value is ABSENT else {"f": value}} for value in (declared, live, sent, answered)]
    found = diff(bodies[0], bodies[1], Applied(bodies[2], bodies[3], ""))
    assert classes(found) == ({"p.f": expected} if expected else {})


def test_without_a_record_every_difference_is_pending() -> None:
    found = diff({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})
    assert classes(found) == {"b": "pending"}
    assert found.changes[0].applied is ABSENT
    assert not found.converged


def test_live_that_came_to_what_git_says_has_converged() -> None:
    assert diff({"a": 2}, {"a": 2}, Applied({"a": 1}, {"a": 1}, "")).converged
    assert not diff({"a": 2}, {"a": 2}, Applied({"a": 2}, {"a": 2}, "")).converged
    assert not diff({"a": 2}, {"a": 3}, Applied({"a": 1}, {"a": 1}, "")).converged


def reference(template: str = "{}") -> Reference:
    return Reference(OTHER, "properties.principalId", template)


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        pytest.param({"who": reference()}, {"who": "P-1"}, id="as a value"),
        pytest.param({"who": [reference()]}, {"who": ["p-1"]}, id="in a list"),
        pytest.param({"who": [{"id": reference()}]}, {"who": [{"id": "P-1"}]}, id="as a key of a list"),
        pytest.param({"who": {"deep": reference()}}, {"who": {"deep": "p-1"}}, id="in an object"),
    ],
)
def test_a_reference_is_compared_once_it_is_known(declared: Body, live: Body) -> None:
    assert diff(declared, live, known="p-1").changes == ()
    assert [change.cls for change in diff(declared, live, known="p-2").changes if change.live is not ABSENT] != []
    unknown = diff(declared, live)
    assert {change.cls for change in unknown.changes} == {Class.PENDING}
    assert diff(declared, live, Applied(live, live, ""), known="p-1") == Difference((), ())


def test_an_unknown_reference_in_an_object_that_is_missing() -> None:
    assert classes(diff({"who": {"deep": reference()}}, {})) == {"who": "pending"}


@pytest.mark.parametrize(
    ("declared", "live", "expected"),
    [
        pytest.param([{"name": "a", "x": 1}], [{"name": "A", "x": 2}], ["l.a.x"], id="a field of a named element"),
        pytest.param([{"name": "a"}], [{"name": "b"}], ["l.a", "l.b"], id="another name: one gone, one too many"),
        pytest.param([{"name": "a"}], [{"name": "a"}, {"name": "b"}], ["l.b"], id="one too many"),
        pytest.param(
            [{"name": "b"}, {"name": "a"}], [{"name": "a"}, {"name": "b"}], [], id="named elements in another order"
        ),
        pytest.param([{"x": 1}], [{"x": 2}], ["l"], id="elements without a name: the list as a whole"),
        pytest.param(["b", "a"], ["a", "b"], [], id="a set in another order"),
        pytest.param(["a"], [], ["l"], id="a list that is empty now"),
        pytest.param([], ["a"], ["l"], id="a list that was declared empty"),
        pytest.param([{"name": "a"}], None, ["l"], id="a list that is gone"),
    ],
)
def test_lists(declared: Any, live: Any, expected: list[str]) -> None:
    assert paths(diff({"l": declared}, {"l": live})) == expected


def test_a_list_keeps_its_order_where_a_rule_says_so() -> None:
    using = rules(rule("l", Kind.ORDERED))
    assert paths(diff({"l": ["a", "b"]}, {"l": ["b", "a"]}, using=using)) == ["l.0", "l.1"]
    assert paths(diff({"l": ["a"]}, {"l": ["a", "b"]}, using=using)) == ["l.1"]
    assert paths(diff({"l": ["a"]}, {"l": ["a", "b"]}, Applied({"l": "x"}, {"l": "x"}, ""), using)) == ["l.1"]


@pytest.mark.parametrize(
    ("declared", "live", "expected"),
    [
        pytest.param({"blue": 100}, {"blue": 90, "hand": 10}, ["t.blue", "t.hand"], id="an entry made by hand"),
        pytest.param({"blue": 100}, {"blue": 100, "green": 0}, [], id="a zero that Azure adds"),
        pytest.param({"blue": 100, "green": 0}, {"blue": 100}, [], id="a zero that Azure leaves out"),
        pytest.param({"blue": 0}, None, [], id="zeroes only, and nothing there"),
        pytest.param({}, {"hand": 100}, ["t.hand"], id="an empty map that is not empty"),
        pytest.param({"blue": 100}, None, ["t"], id="a map that is gone"),
    ],
)
def test_a_staged_map_is_closed(declared: Any, live: Any, expected: list[str]) -> None:
    assert paths(diff({"t": declared}, {"t": live}, using=rules(rule("t", Kind.STAGED)))) == expected


def test_an_entry_made_by_hand_is_drift_and_one_in_an_open_map_is_not_ours() -> None:
    applied = Applied({"t": {"a": 1}}, {"t": {"a": 1}}, "")
    closed = rules(rule("t", Kind.CLOSED))
    assert classes(diff({"t": {"a": 1}}, {"t": {"a": 1, "b": 0}}, applied, closed)) == {"t.b": "drift"}
    assert diff({"t": {"a": 1}}, {"t": {"a": 1, "b": 0}}, applied).changes == ()


def test_an_identity_is_told_by_its_key_alone() -> None:
    declared = {"identity": {"userAssignedIdentities": {IDENTITY: {}}}}
    held = {"identity": {"userAssignedIdentities": {IDENTITY.lower(): {"principalId": "p"}}}}
    assert diff(declared, held).changes == ()
    for lost in ({}, {"a/b": {}}):
        assert len(diff(declared, {"identity": {"userAssignedIdentities": lost}}).changes) == 1


SILENT = [
    pytest.param(rule("f", Kind.WRITE_ONLY), "s3cret", None, True, id="what is write-only does not come back"),
    pytest.param(rule("f", Kind.WRITE_ONLY), "s3cret", "other", False, id="what came back is not write-only"),
    pytest.param(
        rule("f", Kind.DEFAULT, declared=(False,), live=(None,)), False, None, True, id="a default that is elided"
    ),
    pytest.param(
        rule("f", Kind.DEFAULT, declared=(False,), live=(None,)), True, None, False, id="another value than the rule's"
    ),
    pytest.param(
        rule("f", Kind.DEFAULT, declared=(False,), live=(None,)),
        False,
        True,
        False,
        id="another answer than the rule's",
    ),
    pytest.param(rule("f", Kind.SERVICE_OWNED), 1, 4, True, id="what the service moves"),
    pytest.param(rule("g", Kind.SERVICE_OWNED), 1, 4, False, id="a rule for another path"),
    pytest.param(rule("f", Kind.IMMUTABLE), 1, 4, False, id="a rule that silences nothing"),
    pytest.param(rule("f", Kind.SERVICE_OWNED, when={"mode": "auto"}), 1, 4, True, id="a condition that holds"),
    pytest.param(
        rule("f", Kind.SERVICE_OWNED, when={"mode": "hand"}), 1, 4, False, id="a condition that does not hold"
    ),
    pytest.param(
        rule("f", Kind.SERVICE_OWNED, when={"no.such": True}), 1, 4, False, id="a condition on what is not there"
    ),
    pytest.param(rule("f", Kind.SERVICE_OWNED, api_versions=("v1",)), 1, 4, True, id="the rule's API version"),
    pytest.param(rule("f", Kind.SERVICE_OWNED, api_versions=("v2",)), 1, 4, False, id="another API version"),
    pytest.param(rule("f", Kind.DOCUMENT), "a b", "b  a", True, id="a document that was written anew"),
    pytest.param(rule("f", Kind.DOCUMENT), "a b", "b c", False, id="another document"),
    pytest.param(rule("f", Kind.DOCUMENT), "a b", "", False, id="a text that is no document"),
    pytest.param(rule("f", Kind.DOCUMENT), "a b", 3, False, id="a document that became a number"),
]


@pytest.mark.parametrize(("one", "declared", "live", "silent"), SILENT)
def test_a_rule_silences_only_what_it_speaks_of(one: FieldRule, declared: Any, live: Any, silent: bool) -> None:
    found = compare_bodies(TYPE, "v1", {"f": declared, "mode": "auto"}, {"f": live, "mode": "auto"}, rules(one))
    assert [change.rule for change in found.suppressed] == ([one.id] if silent else [])
    assert paths(found) == ([] if silent else ["f"])


def test_what_git_has_changed_since_is_never_silenced() -> None:
    using = rules(rule("f", Kind.SERVICE_OWNED))
    assert classes(diff({"f": 2}, {"f": 4}, Applied({"f": 1}, {"f": 4}, ""), using)) == {"f": "pending"}
    assert diff({"f": 1}, {"f": 4}, Applied({"f": 1}, {"f": 1}, ""), using).changes == ()


def test_two_bodies_are_compared_without_what_stands_around_them() -> None:
    put = {"id": "/x", "name": "n", "etag": "1", "a": 1}
    assert compare_bodies(TYPE, "", put, {"name": "N2", "a": 1}, NONE) == Difference((), ())
    assert classes(compare_bodies(TYPE, "", put, {"a": 2}, NONE, {"a": 1})) == {"a": "drift"}
    assert classes(compare_bodies(TYPE, "", {"a": reference()}, {"a": 2}, NONE)) == {"a": "pending"}


KEYS = st.sampled_from(["f", "g", "Name", "tags"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "A", "b"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
BODIES = st.dictionaries(KEYS, VALUES, max_size=4)
RULES = st.lists(
    st.builds(
        rule,
        st.sampled_from(["f", "g", "f.*", "f.g"]),
        st.sampled_from([Kind.WRITE_ONLY, Kind.DEFAULT, Kind.SERVICE_OWNED]),
    ),
    max_size=3,
)


@given(BODIES)
def test_a_body_does_not_differ_from_itself(body: Body) -> None:
    assert diff(body, body) == Difference((), ())
    assert diff(body, body, Applied(body, body, "")) == Difference((), ())


@given(BODIES, BODIES, BODIES, BODIES, RULES)
def test_classes_are_total_and_exclusive_and_rules_only_remove(
    declared: Body, live: Body, sent: Body, answered: Body, fields: list[FieldRule]
) -> None:
    applied = Applied(sent, answered, "")
    bare, ruled = diff(declared, live, applied), diff(declared, live, applied, rules(*fields))
    field_classes = {Class.PENDING, Class.DRIFT, Class.CONFLICT, Class.NON_CONVERGENT}
    assert {change.cls for change in bare.changes} <= field_classes
    assert len({change.path for change in bare.changes}) <= len(bare.changes)
    assert set(paths(ruled)) <= set(paths(bare))
    assert {change.path for change in ruled.suppressed} | set(paths(ruled)) == set(paths(bare))


@given(st.lists(st.integers(-3, 3), max_size=5).flatmap(lambda one: st.tuples(st.just(one), st.permutations(one))))
def test_a_set_in_another_order_is_silent(pair: tuple[list[int], list[int]]) -> None:
    assert diff({"l": pair[0]}, {"l": pair[1]}).changes == ()
