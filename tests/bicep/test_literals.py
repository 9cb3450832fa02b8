"""Whatever can be written as literals comes out as it went in, through our lowering and the official compiler alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.bicep import compile_template, lower
from tests.bicep.conftest import without_stamp

AWKWARD = st.sampled_from(
    ["[", "]", "'", "''", "'''", "${", "}", "$", "\\", "\n", "\r\n", "//", "/*", "*/", "#", "é", "\u2028"]
)
TEXT = st.one_of(
    st.lists(st.one_of(AWKWARD, st.text(max_size=3)), max_size=6).map("".join),
    st.text(max_size=5).map(lambda text: f"[{text}]"),
)
LEAF = st.one_of(st.none(), st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), TEXT)
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


def spelled(value: Any) -> str:
    """A tree as Bicep literals, one item a line."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return "'" + "".join(map(character, value)) + "'"
        case list():
            return "[" + "".join(f"\n{spelled(item)}" for item in value) + "\n]"
    return "{" + "".join(f"\n{spelled(key)}: {spelled(item)}" for key, item in value.items()) + "\n}"


def character(one: str) -> str:
    if one in "'\\$":
        return f"\\{one}"
    return one if one.isprintable() else f"\\u{{{ord(one):x}}}"


def file_of(trees: list[Any]) -> str:
    return "".join(
        f"resource r{number} 'x.y/z@2020-01-01' = {{\n  name: 'n{number}'\n  properties: {spelled(tree)}\n}}\n"
        for number, tree in enumerate(trees)
    )


@settings(max_examples=300, deadline=None)
@given(TREE)
def test_a_tree_of_literals_lowers_to_itself(tree: Any) -> None:
    (lowered,) = lower(file_of([tree]), "main.bicep", "s", "g")
    assert json.dumps(lowered.body["properties"]) == json.dumps(tree)
    assert not lowered.needs


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees=st.lists(TREE, min_size=1, max_size=8))
def test_the_official_compiler_reads_the_same(trees: list[Any], build: Callable[[str], dict[str, Any]]) -> None:
    text = file_of(trees)
    assert without_stamp(compile_template(text, "main.bicep")) == build(text)


MULTI_LINE = st.text(alphabet="ab'${}\\\n/*[] :", max_size=30).map(lambda text: re.sub("'{3,}", "''", text))


def holding(inner: str) -> str:
    return f"resource r 'x.y/z@2020-01-01' = {{\n  name: 'n'\n  properties: '''\n{inner}'''\n}}\n"


@settings(max_examples=300, deadline=None)
@given(MULTI_LINE)
def test_a_multi_line_text_is_taken_as_it_stands(inner: str) -> None:
    (lowered,) = lower(holding(inner), "main.bicep", "s", "g")
    assert lowered.body == {"properties": inner}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inner=MULTI_LINE)
def test_the_official_compiler_takes_it_so_too(inner: str, build: Callable[[str], dict[str, Any]]) -> None:
    assert without_stamp(compile_template(holding(inner), "main.bicep")) == build(holding(inner))
