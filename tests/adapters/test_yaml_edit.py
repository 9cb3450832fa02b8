"""The edits of verbs: as small as one made by hand, and all or nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.adapters.yaml_edit import Edit, promote, remove_deployment, set_traffic
from reconciler.adapters.yaml_files import load
from reconciler.adapters.yaml_nodes import read_document
from reconciler.adapters.yaml_text import drop, put, spell
from reconciler.errors import DesiredStateError, ReconcilerError
from tests.adapters.yaml_repository import PROD, write_repository

FILE = "environments/prod.yaml"
BLUE = PROD.splitlines()[8]
EMPTY = PROD[: PROD.index("    deployments:")] + "    deployments: {}   # none yet\n    traffic: {}\n"
BLOCK = (
    PROD[: PROD.index("    traffic")]
    + "    traffic:\n      blue: 90   # old\n      # the new one\n      green: 10\nowner: me\n"
)


def written(root: Path, edit: Edit) -> list[str]:
    assert (root / FILE).read_text() == edit.after
    return edit.diff()


@pytest.mark.parametrize(
    ("before", "split", "diff"),
    [
        pytest.param(
            PROD,
            {"blue": 50, "green": 50},
            [
                "-    traffic: {blue: 90, green: 10}      # percent",
                "+    traffic: {blue: 50, green: 50}      # percent",
            ],
            id="two numbers of one line change",
        ),
        pytest.param(
            PROD,
            {"green": 100},
            ["-    traffic: {blue: 90, green: 10}      # percent", "+    traffic: {green: 100}      # percent"],
            id="a deployment leaves the split",
        ),
        pytest.param(
            PROD,
            {"green": 20, "blue": 80},
            [
                "-    traffic: {blue: 90, green: 10}      # percent",
                "+    traffic: {blue: 80, green: 20}      # percent",
            ],
            id="the order of the file stays",
        ),
        pytest.param(
            PROD,
            {},
            ["-    traffic: {blue: 90, green: 10}      # percent", "+    traffic: {}      # percent"],
            id="no traffic at all",
        ),
        pytest.param(PROD, {"blue": 90, "green": 10}, [], id="nothing to change"),
        pytest.param(
            PROD.replace("{blue: 90, green: 10}", "{blue: 100}"),
            {"blue": 90, "green": 10},
            ["-    traffic: {blue: 100}      # percent", "+    traffic: {blue: 90, green: 10}      # percent"],
            id="a deployment joins the split",
        ),
        pytest.param(
            PROD.replace("{blue: 90, green: 10}", "{}"),
            {"blue": 100},
            ["-    traffic: {}      # percent", "+    traffic: {blue: 100}      # percent"],
            id="the first traffic",
        ),
        pytest.param(
            PROD[: PROD.index("    traffic")], {"blue": 100}, ["+    traffic: {blue: 100}"], id="no traffic key yet"
        ),
        pytest.param(
            BLOCK,
            {"blue": 50, "green": 50},
            ["-      blue: 90   # old", "+      blue: 50   # old", "-      green: 10", "+      green: 50"],
            id="a block with comments keeps them",
        ),
        pytest.param(
            BLOCK,
            {"green": 100},
            ["-      blue: 90   # old", "-      green: 10", "+      green: 100"],
            id="a line leaves a block",
        ),
    ],
)
def test_traffic_changes_as_little_as_a_person_would(
    tmp_path: Path, before: str, split: dict[str, int], diff: list[str]
) -> None:
    root = write_repository(tmp_path, {FILE: before})
    assert written(root, set_traffic(root, "prod", "retail-forecast", split)) == diff


@pytest.mark.parametrize(
    ("before", "words", "diff"),
    [
        pytest.param(
            PROD,
            {"deployment": "blue", "model": "retail-forecast:2"},
            [
                "-" + BLUE,
                "+" + BLUE.replace("forecast:1", "forecast:2"),
            ],
            id="a version is promoted in its column and quotes",
        ),
        pytest.param(
            PROD,
            {"deployment": "green", "model": "retail-forecast:1", "size": "Standard_F8s_v2", "instances": 4},
            [
                "-      green: {model: 'retail-forecast:2', size: Standard_F4s_v2, instances: {min: 3, max: 8}}",
                "+      green: {model: 'retail-forecast:1', size: Standard_F8s_v2, instances: {min: 4, max: 4}}",
            ],
            id="size and instances too",
        ),
        pytest.param(
            PROD,
            {"deployment": "red", "model": "retail-forecast:2"},
            [
                '+      red: {model: "retail-forecast:2", size: Standard_F4s_v2, instances: {min: 3, max: 8}}',
            ],
            id="a new deployment is made like its sibling",
        ),
        pytest.param(
            EMPTY,
            {"deployment": "blue", "model": "retail-forecast:1", "size": "Standard_F4s_v2", "instances": 3},
            [
                "-    deployments: {}   # none yet",
                "+    deployments:   # none yet",
                '+      blue: {model: "retail-forecast:1", size: Standard_F4s_v2, instances: {min: 3, max: 3}}',
            ],
            id="the first deployment",
        ),
    ],
)
def test_a_promotion_changes_one_line(tmp_path: Path, before: str, words: dict[str, Any], diff: list[str]) -> None:
    root = write_repository(tmp_path, {FILE: before})
    assert written(root, promote(root, "prod", "retail-forecast", **words)) == diff


def test_a_deployment_leaves_with_its_zero_of_traffic(tmp_path: Path) -> None:
    root = write_repository(tmp_path, {FILE: PROD.replace("90, green: 10", "100, green: 0")})
    assert written(root, remove_deployment(root, "prod", "retail-forecast", "green")) == [
        "-      green: {model: 'retail-forecast:2', size: Standard_F4s_v2, instances: {min: 3, max: 8}}",
        "-    traffic: {blue: 100, green: 0}      # percent",
        "+    traffic: {blue: 100}      # percent",
    ]


def test_what_promote_adds_remove_takes_away(tmp_path: Path) -> None:
    root = write_repository(tmp_path, {FILE: EMPTY.replace("   # none yet", "")})
    before = (root / FILE).read_text()
    promote(root, "prod", "retail-forecast", "blue", "retail-forecast:1", size="Standard_F4s_v2", instances=3)
    remove_deployment(root, "prod", "retail-forecast", "blue")
    assert (root / FILE).read_text() == before


def move(root: Path, **split: int) -> Edit:
    return set_traffic(root, "prod", "retail-forecast", split)


@pytest.mark.parametrize(
    ("before", "change", "words"),
    [
        pytest.param(PROD, lambda root: move(root, blue=90), "adds up to 90", id="traffic that does not add up"),
        pytest.param(PROD, lambda root: move(root, blue=110, green=-10), "is negative", id="negative traffic"),
        pytest.param(PROD, lambda root: move(root, blue=90, gren=10), 'did you mean "green"', id="traffic to nobody"),
        pytest.param(
            PROD,
            lambda root: set_traffic(root, "prod", "retail-forcast", {}),
            'did you mean "retail-forecast"',
            id="an endpoint nobody declared",
        ),
        pytest.param(
            PROD,
            lambda root: promote(root, "prod", "retail-forecast", "green", "retail-forecast:9"),
            "has no version 9",
            id="a version nobody registered",
        ),
        pytest.param(
            EMPTY,
            lambda root: promote(root, "prod", "retail-forecast", "green", "retail-forecast:1"),
            "say --size and --instances",
            id="a first deployment without a size",
        ),
        pytest.param(
            PROD,
            lambda root: remove_deployment(root, "prod", "retail-forecast", "green"),
            "still gets 10 %",
            id="removing what has traffic",
        ),
        pytest.param(
            PROD,
            lambda root: remove_deployment(root, "prod", "retail-forecast", "red"),
            'has no deployment "red"',
            id="removing what is not there",
        ),
    ],
)
def test_a_bad_edit_leaves_the_file_untouched(tmp_path: Path, before: str, change: Any, words: str) -> None:
    root = write_repository(tmp_path, {FILE: before})
    with pytest.raises(ReconcilerError, match=words):
        change(root)
    assert (root / FILE).read_text() == before
    assert sorted(file.name for file in (root / "environments").iterdir()) == ["base.yaml", "dev.yaml", "prod.yaml"]


def test_a_deployment_that_base_declares_cannot_be_removed_here(tmp_path: Path) -> None:
    root = write_repository(tmp_path)
    base = root / "environments/base.yaml"
    base.write_text(
        base.read_text()
        + "endpoints: {retail-forecast: {deployments: {old: {model: 'retail-forecast:1', size: Standard_F4s_v2}}}}\n"
    )
    with pytest.raises(ReconcilerError, match=r"environments/base\.yaml:21, which must be edited by hand"):
        remove_deployment(root, "prod", "retail-forecast", "old")
    assert (root / FILE).read_text() == PROD


def test_the_mode_the_byte_order_mark_and_the_line_ends_stay(tmp_path: Path) -> None:
    root = write_repository(tmp_path, {FILE: b"\xef\xbb\xbf" + EMPTY.replace("\n", "\r\n").encode()})
    (root / FILE).chmod(0o640)
    promote(root, "prod", "retail-forecast", "blue", "retail-forecast:1", size="Standard_F4s_v2", instances=3)
    data = (root / FILE).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf# yaml")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert (root / FILE).stat().st_mode & 0o777 == 0o640
    assert list(load(root, "prod").state.endpoints["retail-forecast"].deployments) == ["blue"]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([PROD, BLOCK, PROD.replace("\n", "\r\n")]), st.integers(0, 100))
def test_whatever_the_split_every_other_line_stays(before: str, blue: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = write_repository(Path(folder), {FILE: before})
        edit = set_traffic(root, "prod", "retail-forecast", {"blue": blue, "green": 100 - blue})
        assert load(root, "prod").state.endpoints["retail-forecast"].traffic == {"blue": blue, "green": 100 - blue}
        pairs = list(zip(before.split("\n"), (root / FILE).read_bytes().decode().split("\n"), strict=True))
        changed = [old for old, new in pairs if old != new]
        assert all("blue:" in line or "green:" in line for line in changed)
        assert (edit.before == edit.after) == (blue == 90)


KEYS = st.text("abz-", min_size=1, max_size=3).filter(lambda key: not key.startswith("-"))
SPLITS = st.dictionaries(KEYS, st.integers(0, 100), max_size=4)
LAYOUTS = [
    "# head\nx:\n  before: 1   # one\n  t: {}{comment}\n  after: [1,  2]\nend: 'z'\n",
    "# head\nx: {before: 1, t: {}, after: [1,  2]}{comment}\nend: 'z'\n",
    "x:\n  t: {}{comment}\n",
]


@given(st.sampled_from(LAYOUTS), st.sampled_from(["", "  # why"]), st.lists(SPLITS, min_size=1, max_size=4))
def test_any_sequence_of_splits_reads_back_and_leaves_the_rest(
    layout: str, comment: str, splits: list[dict[str, int]]
) -> None:
    text = layout.replace("{comment}", comment)
    for split in splits:
        text = put(text, ("x", "t"), split)
        root = read_document("x", text.encode()).root
        assert root is not None
        assert root.plain()["x"]["t"] == split
    assert put(text, ("x", "t"), {}) == layout.replace("{comment}", comment)


@given(SPLITS, KEYS)
def test_what_is_put_can_be_dropped(split: dict[str, int], key: str) -> None:
    text = put("t: {}\n", ("t",), split)
    if key not in split:
        assert drop(put(text, ("t", key), 1), ("t", key)) == text
    assert drop(text, ("t", "no such key")) == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_whatever_is_spelled_reads_back(value: Any) -> None:
    document = read_document("x", f"a: {spell(value)}\n".encode())
    assert document.root is not None, document.findings
    assert document.root.plain() == {"a": value}


def test_a_file_that_is_broken_already_is_not_edited(tmp_path: Path) -> None:
    root = write_repository(tmp_path, {FILE: PROD.replace("traffic:", "trafic:")})
    with pytest.raises(DesiredStateError, match='did you mean "traffic"'):
        set_traffic(root, "prod", "retail-forecast", {"blue": 100})
