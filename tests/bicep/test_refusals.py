"""What is outside the flat subset is refused, all at once, each with line and column."""

from __future__ import annotations

import pytest

from reconciler.bicep import compile_template, lower
from reconciler.errors import DesiredStateError

THING = "resource thing 'x.y/things@2020-01-01' = {\n  name: 'a'\n}\n"


def value(text: str) -> str:
    return f"resource a 'x.y/z@2020-01-01' = {{\n  name: 'a'\n  p: {text}\n}}\n" + THING


REFUSED = [
    pytest.param("param p string\n", [(1, 1, "a parameter")], id="a parameter"),
    pytest.param("var v = 1\n", [(1, 1, "a variable")], id="a variable"),
    pytest.param("module m 'x.bicep' = {\n  name: 'm'\n}\n", [(1, 1, "a module")], id="a module"),
    pytest.param("type t = string\n", [(1, 1, "type declaration")], id="a type"),
    pytest.param("func f() string => 'a'\n", [(1, 1, "user defined function")], id="a function"),
    pytest.param("metadata m = 'a'\n", [(1, 1, "metadata declaration")], id="metadata"),
    pytest.param("targetScope = 'tenant'\n", [(1, 1, "targetScope is one of")], id="another target scope"),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = [for i in [1]: {\n  name: 'a'\n}]\n", [(1, 33, "a loop")], id="a loop"
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = if (true) {\n  name: 'a'\n}\n", [(1, 33, "a condition")], id="a condition"
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = {\n  name: 'a'\n  resource b 'k' = {\n    name: 'b'\n  }\n}\n",
        [(3, 3, "a nested child resource")],
        id="a nested child",
    ),
    pytest.param("@batchSize(1)\n" + THING, [(1, 1, "the only decorator")], id="another decorator"),
    pytest.param("#disable-next-line BCP081\n" + THING, [(1, 1, "the character '#'")], id="a suppressed diagnostic"),
    pytest.param(value("true ? 1 : 2"), [(3, 6, "a ternary")], id="a ternary"),
    pytest.param(value("1 + 2"), [(3, 6, "an operator")], id="an operator"),
    pytest.param(value("!true"), [(3, 6, "an operator")], id="a negation"),
    pytest.param(value("(thing.id)"), [(3, 6, "parenthesized expression")], id="parentheses"),
    pytest.param(value("thing['name']"), [(3, 6, "an index")], id="an index"),
    pytest.param(value("thing.?name"), [(3, 6, "only plain members")], id="a safe access"),
    pytest.param(value("thing.properties.a!"), [(3, 6, "an operator")], id="a null-forgiving access"),
    pytest.param(value("thing.properties.list()"), [(3, 6, "the function thing.properties.list")], id="a method"),
    pytest.param(value("[for i in [1]: i]"), [(3, 6, "a loop")], id="a loop of values"),
    pytest.param(value("[...[1]]"), [(3, 7, "not Bicep")], id="a spread"),
    pytest.param(value("uniqueString('a')"), [(3, 6, "the function uniqueString")], id="another function"),
    pytest.param(value("subscription().tenantId"), [(3, 6, "only plain members")], id="where the deployment runs"),
    pytest.param(value("'${1}'"), [(3, 7, "only members")], id="a number in a text"),
    pytest.param(value("'${'a'}'"), [(3, 7, "only members")], id="a text in a text"),
    pytest.param(value("$'''${thing.id}'''"), [(3, 6, "the character '$'")], id="an interpolated multi-line text"),
    pytest.param(value("0.5"), [(3, 7, "not Bicep")], id="a decimal"),
    pytest.param(value("9223372036854775808"), [(3, 6, "64 bits")], id="a number beyond 64 bits"),
    pytest.param(value("'a\\qb'"), [(3, 8, "escapes")], id="an unknown escape"),
    pytest.param(value("'é \\u{D800}'"), [(3, 9, "escapes")], id="half a character, after one that takes two bytes"),
    pytest.param(value("'a"), [(3, 6, "does not end on its line")], id="a text without an end"),
    pytest.param(value("é"), [(3, 6, "the character 'é'")], id="a letter that no name has"),
    pytest.param(value("json('{')"), [(3, 6, "valid JSON")], id="JSON that is none"),
    pytest.param(value("json('NaN')"), [(3, 6, "valid JSON")], id="a number that JSON has not"),
    pytest.param(value("json(1)"), [(3, 11, "literal text"), (3, 6, "valid JSON")], id="JSON that is no text"),
    pytest.param(value("resourceId('a.b/c', 'd', 'e')"), [(3, 6, "one name for each")], id="a name too many"),
    pytest.param(value("resourceId('a.b')"), [(3, 6, "one name for each")], id="a type without a segment"),
    pytest.param(value("nothing.id"), [(3, 6, "no resource is called nothing")], id="an unknown symbol"),
    pytest.param(value("nothing"), [(3, 6, "no resource"), (3, 6, "of another resource")], id="an unknown bare symbol"),
    pytest.param(value("thing"), [(3, 6, "of another resource, only .id")], id="a whole resource"),
    pytest.param(value("thing.tags.a"), [(3, 6, "of another resource, only .id")], id="another member"),
    pytest.param(value("{ '${thing.properties.a}': 1 }"), [(3, 8, "a key cannot")], id="a key known after apply"),
    pytest.param(
        value("'${thing.properties.a}${thing.properties.b}'"), [(3, 6, "one value")], id="two values known after apply"
    ),
    pytest.param(value("'{}${thing.properties.a}'"), [(3, 6, "cannot hold {}")], id="braces beside what is not known"),
    pytest.param(value("1\n  p: 2"), [(4, 3, "already there")], id="a property twice"),
    pytest.param(THING + THING, [(1, 10, "more than once"), (4, 10, "more than once")], id="a symbol twice"),
    pytest.param("resource a 'x.y/z' = {\n  name: 'a'\n}\n", [(1, 12, "API version")], id="no API version"),
    pytest.param("resource a 'x.y/z@2020-01-01' = {}\n", [(1, 10, "needs a name")], id="no name"),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = {\n  name: '${thing.name}x'\n}\n" + THING,
        [(1, 10, "needs a name")],
        id="a name that is not literal",
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = {\n  name: 'a/b'\n}\n", [(1, 10, "has a slash")], id="a name with a slash"
    ),
    pytest.param(
        "resource a 'x.y/z/k@2020-01-01' = {\n  name: 'a'\n}\n", [(1, 10, "write parent:")], id="a child of nothing"
    ),
    pytest.param(
        THING + "resource a 'x.y/others/k@2020-01-01' = {\n  parent: thing\n  name: 'a'\n}\n",
        [(4, 10, "cannot be a child of x.y/things")],
        id="a parent of another type",
    ),
    pytest.param(
        THING + "resource a 'x.y/things/k@2020-01-01' = {\n  parent: thing\n  scope: thing\n  name: 'a'\n}\n",
        [(4, 10, "no scope of its own")],
        id="parent and scope",
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = {\n  name: 'a'\n  scope: resourceGroup('b')\n}\n",
        [(3, 10, "the function resourceGroup")],
        id="a scope that is a function",
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = {\n  name: 'a'\n  scope: thing.id\n  dependsOn: [thing.id]\n}\n" + THING,
        [(1, 10, "scope of a must be"), (1, 10, "dependsOn of a must be")],
        id="members where symbols are meant",
    ),
    pytest.param(
        "targetScope = 'subscription'\nresource g 'Microsoft.Resources/resourceGroups@2025-04-01' existing = {\n"
        "  name: 'g'\n}\nresource a 'x.y/z@2020-01-01' = {\n  name: 'a'\n  scope: g\n}\n",
        [(5, 10, "in another resource group")],
        id="a resource of another resource group",
    ),
    pytest.param(
        "resource g 'Microsoft.Resources/resourceGroups@2025-04-01' = {\n  name: 'g'\n}\n",
        [(1, 10, "targetScope 'subscription'")],
        id="a resource group inside a resource group",
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' existing = {\n  name: 'a'\n  tags: {}\n}\n",
        [(1, 10, "cannot say tags")],
        id="an existing resource with a body",
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = {\n  name: 'a'\n  type: 'b'\n}\n",
        [(1, 10, "cannot say type")],
        id="a body that names its type",
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = {\n  name: 'a'\n  p: b.id\n}\nresource b 'x.y/z@2020-01-01' = {\n  name: 'b'\n  p: a.id\n}\n",
        [(1, 10, "a refers to itself"), (5, 10, "b refers to itself")],
        id="a circle",
    ),
    pytest.param("output o resource 'x' = 1\n", [(1, 10, "not Bicep")], id="an output of a resource"),
    pytest.param("output o string[] = []\n", [(1, 10, "the type of an output")], id="an output of a typed list"),
    pytest.param(
        "output o int = 1\noutput o int = 2\n",
        [(1, 8, "more than once"), (2, 8, "more than once")],
        id="an output twice",
    ),
    pytest.param(value("1 q: 2"), [(3, 8, "a comma or a new line")], id="two properties without anything between"),
    pytest.param(value("[1 2]"), [(3, 9, "a comma or a new line")], id="two items without anything between"),
    pytest.param(value("resourceId('a/b'\n'c')"), [(3, 17, "not Bicep")], id="two arguments without a comma"),
    pytest.param(value("\n 1"), [(4, 2, "on the line")], id="a value on a line of its own"),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' =\n{\n  name: 'a'\n}\n",
        [(2, 1, "on the line")],
        id="a body on a line of its own",
    ),
    pytest.param(THING + "@description('d')\n", [(4, 1, "nothing follows")], id="a description of nothing"),
    pytest.param("this is no Bicep\n", [(1, 1, "not Bicep")], id="another language"),
    pytest.param(
        "param p string\n" + value("a ? 1 : 2"),
        [(1, 1, "a parameter"), (4, 6, "a ternary")],
        id="two mistakes are told at once",
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_it_is_refused_where_it_stands(text: str, expected: list[tuple[int, int, str]]) -> None:
    with pytest.raises(DesiredStateError) as refused:
        compile_template(text, "main.bicep")
    found = refused.value.findings
    assert {(one.line, one.column) for one in found} == {(line, column) for line, column, _ in expected}, str(refused)
    for line, column, message in expected:
        assert any((one.line, one.column) == (line, column) and message in one.message for one in found), found


def test_lowering_refuses_the_same() -> None:
    with pytest.raises(DesiredStateError, match=r"main\.bicep:1:1: a parameter"):
        lower("param p string\n", "main.bicep", "s", "g")


def test_a_refusal_shows_the_line_and_marks_it() -> None:
    with pytest.raises(DesiredStateError) as refused:
        compile_template(value("uniqueString('a')"), "main.bicep")
    assert str(refused.value).splitlines()[1:] == ["    p: uniqueString('a')", "       ^^^^^^^^^^^^"]
