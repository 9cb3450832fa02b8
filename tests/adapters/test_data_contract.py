"""Data and their contract: every way to break it is found, with its line; the data of this repository keep theirs."""

from __future__ import annotations

import csv
import gzip
import hashlib
import time
from pathlib import Path

import pytest

from reconciler.adapters.data_contract import SHOWN_AT_MOST, check_data, read_contract
from reconciler.errors import DesiredStateError

DATA = Path("models") / "retail-forecast" / "data"
SPEC = """\
format: csv
sha256: "{sha256}"
rows: {{min: 2, max: 60}}
keys: [store, week]
columns:
  week: {{type: date, min: 1990-06-14, max: 1992-10-01}}
  store: {{type: integer, min: 2}}
  price: {{type: number, min: 0.3, max: 8}}
  deal: {{type: integer, values: [0, 1]}}
  name: {{type: text}}
"""
HEADER = "week,store,price,deal,name\n"
FIRST, SECOND = "1990-06-14,2,2.5,0,a\n", "1990-06-21,2,2.5,1,b\n"


def broken(folder: Path, content: bytes, sha256: str | None = None) -> list[str]:
    """`line: message` of each finding; none where the data are sound."""
    data, contract = folder / "data.csv", folder / "contract.yaml"
    data.write_bytes(content)
    contract.write_text(SPEC.format(sha256=sha256 or hashlib.sha256(content).hexdigest()))
    try:
        check_data(contract, data, "models/m/data.csv")
    except DesiredStateError as error:
        return [str(finding).removeprefix("models/m/data.csv:").replace(":1: ", ": ", 1) for finding in error.findings]
    return []


@pytest.mark.parametrize("packed", [pytest.param(False, id="as text"), pytest.param(True, id="gzipped")])
def test_sound_data_pass(tmp_path: Path, packed: bool) -> None:
    content = (HEADER + FIRST + SECOND).encode()
    assert broken(tmp_path, gzip.compress(content, mtime=0) if packed else content) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("1990-06-21,2,2.5,1", "4 values where 5 columns are expected", id="a value is missing"),
        pytest.param("1990-06-21,2,2.5,1,b,c", "6 values where 5 columns are expected", id="a value too many"),
        pytest.param("", "0 values where 5 columns are expected", id="an empty line"),
        pytest.param("1990-06-21,x,2.5,1,b", 'store: a whole number is expected, found "x"', id="a word for a number"),
        pytest.param("1990-06-21,,2.5,1,b", 'store: a whole number is expected, found ""', id="an empty number"),
        pytest.param("1990-06-21,2.0,2.5,1,b", 'store: a whole number is expected, found "2.0"', id="a fraction"),
        pytest.param("1990-06-21,1_0,2.5,1,b", 'store: a whole number is expected, found "1_0"', id="Python's digits"),
        pytest.param("1990-06-21, 2,2.5,1,b", 'store: a whole number is expected, found " 2"', id="a space"),
        pytest.param("1990-06-21,1,2.5,1,b", "store: 1 is below 2", id="a store below the range"),
        pytest.param("1990-06-21,2,0.2,1,b", "price: 0.2 is below 0.3", id="a price below the range"),
        pytest.param("1990-06-21,2,8.01,1,b", "price: 8.01 is above 8", id="a price above the range"),
        pytest.param("1990-06-21,2,nan,1,b", 'price: a number is expected, found "nan"', id="not a number"),
        pytest.param("1990-06-21,2,inf,1,b", 'price: a number is expected, found "inf"', id="infinity"),
        pytest.param("1990-06-21,2,2.5,2,b", "deal: 2 is none of 0, 1", id="a value that is not allowed"),
        pytest.param("1990-06-21,2,2.5,1,", 'name: text is expected, found ""', id="an empty text"),
        pytest.param(
            "19900621,2,2.5,1,b",
            'week: a date such as 1990-06-14 is expected, found "19900621"',
            id="a date unlike ours",
        ),
        pytest.param(
            "1990-02-30,2,2.5,1,b",
            'week: a date such as 1990-06-14 is expected, found "1990-02-30"',
            id="a day that does not exist",
        ),
        pytest.param("1992-10-08,2,2.5,1,b", "week: 1992-10-08 is above 1992-10-01", id="a week after the last"),
        pytest.param("1990-06-14,2,3.5,1,b", "store, week are those of line 2", id="the same key twice"),
        pytest.param('1990-06-21,2,2.5,1,"b', "is no CSV: unexpected end of data", id="a quote that is never closed"),
    ],
)
def test_a_bad_row_is_found_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    assert broken(tmp_path, (HEADER + FIRST + row + "\n").encode()) == [f"3: {message}"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            b"store,week\n1,2\n",
            "1: the columns are store, week; the contract says week, store, price, deal, name",
            id="other columns",
        ),
        pytest.param(
            b"", "1: the columns are none; the contract says week, store, price, deal, name", id="nothing at all"
        ),
        pytest.param(HEADER.encode(), "1: 0 rows; the contract says 2 to 60", id="no rows"),
        pytest.param((HEADER + FIRST).encode(), "2: 1 rows; the contract says 2 to 60", id="too few rows"),
        pytest.param(
            b"\xff\xfe",
            "1: cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
            id="bytes that are no text",
        ),
        pytest.param(
            gzip.compress(HEADER.encode(), mtime=0)[:-12],
            "1: cannot be read: Compressed file ended before the end-of-stream marker was reached",
            id="half a gzip file",
        ),
    ],
)
def test_a_bad_file_is_found(tmp_path: Path, content: bytes, message: str) -> None:
    assert broken(tmp_path, content) == [message]


def test_a_damaged_gzip_file_is_a_finding(tmp_path: Path) -> None:
    content = bytearray(gzip.compress((HEADER + FIRST * 50).encode(), mtime=0))
    content[14] ^= 0xFF
    [finding] = broken(tmp_path, bytes(content))
    assert finding.startswith("1: cannot be read: ")


def test_another_checksum_is_found_though_every_row_is_sound(tmp_path: Path) -> None:
    content = (HEADER + FIRST + SECOND).encode()
    found = hashlib.sha256(content).hexdigest()
    assert broken(tmp_path, content, "0" * 64) == [f"1: sha256 is {found}, the contract says {'0' * 64}"]


def test_lines_are_counted_though_a_value_spans_two(tmp_path: Path) -> None:
    content = HEADER + '1990-06-14,2,2.5,0,"a\nb"\n' + "1990-06-21,1,2.5,1,b\n"
    assert broken(tmp_path, content.encode()) == ["4: store: 1 is below 2"]


def test_of_many_mistakes_the_first_are_shown(tmp_path: Path) -> None:
    rows = "".join(f"1990-06-21,{store},9,1,b\n" for store in range(2, 52))
    found = broken(tmp_path, (HEADER + rows).encode())
    assert len(found) == SHOWN_AT_MOST + 1
    assert found[-1].endswith("more mistakes follow; these are the first")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(("format: csv", "format: parquet"), "format: Input should be 'csv'", id="another format"),
        pytest.param(("keys: [store", "keys: [shop"), "there is no column shop", id="a key that is no column"),
        pytest.param(
            ("price: {type: number, min: 0.3", "price: {type: number, min: 1990-06-14"),
            "min: 1990-06-14 is no bound of a column of type number",
            id="a date as bound of a number",
        ),
        pytest.param(("rows:", "lines:"), "lines: Extra inputs are not permitted", id="an unknown key"),
        pytest.param(("columns:", "columns: ["), "expected ',' or ']'", id="no YAML"),
    ],
)
def test_a_contract_that_is_none_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(SPEC.format(sha256="0" * 64).replace(*change))
    with pytest.raises(DesiredStateError) as raised:
        read_contract(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_missing_data_are_a_finding(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text(SPEC.format(sha256="0" * 64))
    with pytest.raises(DesiredStateError, match=r"models/m/none\.csv:1:1: cannot be read: No such file"):
        check_data(tmp_path / "contract.yaml", tmp_path / "none.csv", "models/m/none.csv")


def test_the_data_of_this_repository_keep_their_contract_and_are_checked_quickly(repository: Path) -> None:
    started = time.process_time()
    check_data(repository / DATA / "contract.yaml", repository / DATA / "orange_juice_weekly.csv.gz", "data")
    assert time.process_time() - started < 3


def test_the_data_equal_their_source(repository: Path, shared: Path) -> None:
    """Column by column, row by row: nothing but columns that the model does not use was left out."""
    packed, source = repository / DATA / "orange_juice_weekly.csv.gz", shared / "data" / "orange_juice_weekly.csv"
    with gzip.open(packed, "rt", newline="") as ours, source.open(newline="") as theirs:
        kept = list(csv.DictReader(ours))
        assert kept == [{name: row[name] for name in kept[0]} for row in csv.DictReader(theirs)]


def test_the_packed_file_carries_no_time_and_no_name(repository: Path) -> None:
    """So that packing the same rows again gives the same bytes."""
    head = (repository / DATA / "orange_juice_weekly.csv.gz").read_bytes()[:10]
    assert head[3] == 0
    assert head[4:8] == bytes(4)
