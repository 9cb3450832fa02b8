"""Loading: what is merged, where each value came from, and how several mistakes are told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.adapters.yaml_files import environments, load, load_all, merge
from reconciler.adapters.yaml_nodes import Entry, Node, Span, read_document
from reconciler.errors import DesiredStateError
from tests.adapters.yaml_repository import FILES, PROD, write_repository

NOWHERE = Span("x.yaml", 1, 1, 0, 1)


def test_an_environment_is_base_with_its_own_file_on_top(tmp_path: Path) -> None:
    changes = {"environments/prod.yaml": PROD + "compute:\n  train-cpu: {nodes: {max: 8}}\n"}
    state = load(write_repository(tmp_path, changes), "prod").state
    assert state.owner == "forecasting-team"
    assert (state.compute["train-cpu"].size, state.compute["train-cpu"].nodes.max) == ("Standard_DS3_v2", 8)


def test_every_environment_is_a_file_beside_base(tmp_path: Path) -> None:
    root = write_repository(tmp_path)
    assert environments(root) == ["dev", "prod"]
    assert sorted(load_all(root)) == ["dev", "prod"]


def test_the_catalogue_holds_each_version(tmp_path: Path) -> None:
    catalogue = load(write_repository(tmp_path), "prod").catalogue
    assert sorted(catalogue.models["retail-forecast"].versions) == [1, 2]
    newest = catalogue.version("retail-forecast@latest")
    assert newest is not None
    assert newest.version == 2


@pytest.mark.parametrize(
    ("path", "place"),
    [
        pytest.param(
            "endpoints.retail-forecast.deployments.blue", "environments/prod.yaml:9", id="a key of the environment"
        ),
        pytest.param("compute.train-cpu.size", "environments/base.yaml:13", id="a key of base"),
        pytest.param("registry.sku", "environments/prod.yaml:1", id="a default that nobody wrote"),
        pytest.param(
            "storage.workspace.soft_delete_days", "environments/base.yaml:8", id="a default below a key of base"
        ),
        pytest.param(
            ("endpoints", "retail-forecast", "traffic", "blue"), "environments/prod.yaml:11", id="a tuple of keys"
        ),
    ],
)
def test_each_part_knows_its_file_and_line(tmp_path: Path, path: Any, place: str) -> None:
    assert str(load(write_repository(tmp_path), "prod").origin(path)) == place


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"\xef\xbb\xbf" + PROD.encode(), id="a byte order mark"),
        pytest.param(PROD.replace("\n", "\r\n").encode(), id="line ends of Windows"),
        pytest.param(PROD.rstrip("\n").encode(), id="no line end at the end"),
    ],
)
def test_how_an_editor_saves_does_not_matter(tmp_path: Path, text: bytes) -> None:
    loaded = load(write_repository(tmp_path, {"environments/prod.yaml": text}), "prod")
    assert loaded.state == load(write_repository(tmp_path), "prod").state
    assert loaded.origin("endpoints.retail-forecast.traffic").line == 11


def test_every_mistake_is_told_at_once_and_each_line_is_marked(tmp_path: Path) -> None:
    text = (
        PROD.replace("green: 10", "green: 40")
        .replace("90", "50")
        .replace("instances: {min: 3, max: 8}}  #", "instance: {min: 3}}  #")
    )
    with pytest.raises(DesiredStateError) as caught:
        load(write_repository(tmp_path, {"environments/prod.yaml": text}), "prod")
    assert str(caught.value) == (
        'environments/prod.yaml:9:66: unknown key "instance" in deployment "blue": did you mean "instances"?\n'
        '    blue:  {model: "retail-forecast:1", size: Standard_F4s_v2, instance: {min: 3}}  # steady\n'
        "                                                               ^^^^^^^^\n"
        "environments/prod.yaml:11:21: traffic adds up to 90, not 100 or 0\n"
        "    traffic: {blue: 50, green: 40}      # percent\n"
        "                    ^^         ^^\n"
        "2 errors in 1 file; nothing was rendered. Keys and their meaning: environments/schema.json"
    )


def test_a_mistake_in_base_is_told_once_for_all_environments(tmp_path: Path) -> None:
    changes = {"environments/base.yaml": FILES["environments/base.yaml"].replace("southeastasia", "atlantis")}
    with pytest.raises(DesiredStateError) as caught:
        load_all(write_repository(tmp_path, changes))
    assert [finding.file for finding in caught.value.findings] == ["environments/base.yaml"]


def test_a_misspelt_required_key_is_one_mistake_not_two(tmp_path: Path) -> None:
    changes = {"environments/prod.yaml": PROD.replace("name_suffix", "name_sufix")}
    with pytest.raises(DesiredStateError, match='did you mean "name_suffix"') as caught:
        load(write_repository(tmp_path, changes), "prod")
    assert len(caught.value.findings) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("prdo", 'did you mean "prod"? there are dev, prod', id="a misspelt environment"),
        pytest.param("base", "there are dev, prod", id="base is no environment"),
        pytest.param("../prod", "no such environment", id="a path is no environment"),
    ],
)
def test_an_environment_that_is_no_file(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(DesiredStateError) as caught:
        load(write_repository(tmp_path), name)
    assert words in str(caught.value)


def test_a_repository_without_environments(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    with pytest.raises(DesiredStateError, match="expected a file such as environments/dev"):
        load_all(tmp_path)


def node(value: Any) -> Node:
    if isinstance(value, dict):
        return Node({key: Entry(NOWHERE, node(item)) for key, item in value.items()}, NOWHERE)
    return Node(value, NOWHERE)


VALUES = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3).map(node)


@given(MAPPINGS)
def test_merging_with_nothing_or_itself_changes_nothing(mapping: Node) -> None:
    assert merge(mapping, node({})).plain() == mapping.plain()
    assert merge(node({}), mapping).plain() == mapping.plain()
    assert merge(mapping, mapping).plain() == mapping.plain()


@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_the_last_word_wins_and_merging_twice_is_merging_once(low: Node, middle: Node, high: Node) -> None:
    merged = merge(low, high).plain()
    assert set(merged) == set(low.plain()) | set(high.plain())
    for key, value in high.plain().items():
        assert merged[key] == value or isinstance(value, dict)
    assert merge(merge(low, high), high).plain() == merged
    assert list(merge(merge(low, middle), high).plain()) == list(
        dict.fromkeys([*low.plain(), *middle.plain(), *high.plain()])
    )


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    document = read_document("x.yaml", data)
    assert document.root is not None or document.findings


@given(st.text(alphabet=" \n\t{}[]:,-#&*!|>'\"%@`ab1?", max_size=60))
def test_no_punctuation_breaks_the_reader(text: str) -> None:
    document = read_document("x.yaml", text.encode())
    assert document.root is not None or document.findings
    for finding in document.findings:
        assert str(finding).startswith("x.yaml:")
