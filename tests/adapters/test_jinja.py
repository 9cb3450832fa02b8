"""Values as Bicep and YAML spell them, files that appear whole, template mistakes with their place."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.adapters.jinja import bicep_literal, bicep_object, render_files, symbol, write_files, yaml_scalar
from reconciler.adapters.yaml_files import load
from reconciler.bicep import lower
from reconciler.errors import DesiredStateError
from tests.adapters.yaml_repository import write_repository

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        pytest.param("plain", "'plain'", id="text"),
        pytest.param("it's", "'it\\'s'", id="a quote"),
        pytest.param("a\\b", "'a\\\\b'", id="a backslash"),
        pytest.param("${x}", "'\\${x}'", id="what looks like an expression"),
        pytest.param("$5", "'$5'", id="a dollar alone"),
        pytest.param("a\nb\tc\r", "'a\\nb\\tc\\r'", id="line ends and tabs"),
        pytest.param("bell\x07", "'bell\\u{7}'", id="a control character"),
        pytest.param(True, "true", id="a boolean"),
        pytest.param(30, "30", id="a number"),
        pytest.param(0.5, "json('0.5')", id="a decimal"),
        pytest.param(1234567.25, "json('1234567.25')", id="a decimal of many digits"),
    ],
)
def test_bicep_literals(value: object, literal: str) -> None:
    assert bicep_literal(value) == literal


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="nothing"),
        pytest.param([1], id="a list"),
        pytest.param(math.inf, id="more than any number"),
        pytest.param(math.nan, id="what is no number"),
    ],
)
def test_what_has_no_literal_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        bicep_literal(value)


def compiled(literal: str) -> object:
    text = f"resource one 'x.y/z@2020-01-01' = {{\n  name: 'n'\n  properties: {literal}\n}}\n"
    (one,) = lower(text, "main.bicep", "s", "g")
    return one.body["properties"]


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT | st.booleans() | st.integers(-(2**31), 2**31))
def test_a_literal_compiles_to_its_value(value: object) -> None:
    assert compiled(bicep_literal(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_loses_no_digit(value: float) -> None:
    assert compiled(bicep_literal(value)) == value


@given(st.dictionaries(TEXT.filter(bool), TEXT, max_size=4))
def test_an_object_compiles_to_itself(value: dict[str, str]) -> None:
    lowered = {key.lower() for key in value}
    if len(lowered) == len(value):
        assert compiled(bicep_object(value, 2)) == value


@given(
    st.recursive(
        TEXT | st.booleans() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
    )
)
def test_yaml_reads_what_was_written(value: object) -> None:
    assert YAML(typ="safe", pure=True).load(f"key: {yaml_scalar(value)}\n") == {"key": value}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("logs", "lakeLogs", id="one word"),
        pytest.param("raw-data", "lakeRawData", id="a dash"),
        pytest.param("raw1", "lakeRaw1", id="a digit"),
        pytest.param("raw-1", "lakeRaw_1", id="a digit after a dash is not the same"),
    ],
)
def test_symbols(name: str, expected: str) -> None:
    assert symbol(name, "lake") == expected


def test_files_replace_the_folder_whole(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "dev"
    write_files({"old.bicep": "x", "aml/old.yml": "x"}, folder)
    write_files({"main.bicep": "a\n", "aml/model.yml": "é\n"}, folder)
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {"main.bicep": b"a\n", "aml/model.yml": "é\n".encode()}
    assert [path.name for path in folder.parent.iterdir()] == ["dev"]


@pytest.fixture
def repository_copy(tmp_path: Path) -> Path:
    write_repository(tmp_path)
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        pytest.param(
            "infra/vault.bicep.j2",
            "{{ state.nothing }}",
            "no attribute 'nothing'",
            id="an unknown name",
        ),
        pytest.param("infra/vault.bicep.j2", "{% if %}", "xpected", id="a broken tag"),
        pytest.param(
            "infra/vault.bicep.j2",
            "{{ none | bicep }}",
            "no Bicep literal",
            id="a value without a literal",
        ),
        pytest.param(
            "infra/main.bicep.j2",
            "{% include 'x.j2' %}",
            "x.j2",
            id="an include of nothing",
        ),
        pytest.param("aml/data.yml.j2", "{{ asset.size }}", "no attribute 'size'", id="in a spec"),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_place(repository_copy: Path, file: str, line: str, said: str) -> None:
    template = repository_copy / "templates" / file
    text = template.read_text().rstrip()
    number = len(text.splitlines()) + 1
    template.write_text(f"{text}\n{line}\n")
    with pytest.raises(DesiredStateError) as caught:
        render_files(load(repository_copy, "dev"), repository_copy)
    (finding,) = caught.value.findings
    assert str(finding).startswith(f"templates/{file}:{number}:1: ")
    assert said in finding.message
