"""Data held against their contract: columns, types, ranges, keys, counts, checksum. Generic over contracts; CSV, gzipped or not."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from reconciler.core.desired import Spec
from reconciler.errors import DesiredStateError, Finding

SHOWN_AT_MOST = 20

Bound = int | float | date


class Column(Spec):
    """What every value of a column is; no value may be missing."""

    type: Literal["integer", "number", "date", "text"]
    min: Bound | None = None
    max: Bound | None = None


class Rows(Spec):
    min: Annotated[int, Field(ge=0)] = 0
    max: int | None = None


class Contract(Spec):
    """`contract.yaml` beside the data."""

    format: Literal["csv"]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rows: Rows
    keys: list[str]
    columns: dict[str, Column]


_PARSE: dict[str, Callable[[str], Any]] = {"integer": int, "number": float, "date": date.fromisoformat, "text": str}
_NOUNS = {"integer": "a whole number", "number": "a number", "date": "a date such as 1990-06-14", "text": "text"}


@dataclass(frozen=True)
class _Mistake:
    line: int
    message: str


def check_data(contract_path: Path, data_path: Path, shown_as: str) -> None:
    """`shown_as` is the data's path as people know it. Raises DesiredStateError with file and line, the first mistakes of many."""
    contract = read_contract(contract_path)
    content = data_path.read_bytes()
    mistakes = list(_first(_mistakes(contract, content), SHOWN_AT_MOST))
    found = hashlib.sha256(content).hexdigest()
    if found != contract.sha256:
        mistakes.insert(0, _Mistake(1, f"sha256 is {found}, the contract says {contract.sha256}"))
    if mistakes:
        findings = [Finding(shown_as, one.line, 1, one.message) for one in mistakes]
        raise DesiredStateError(findings, f"The data break their contract, {contract_path.name}; nothing was trained or registered.")


def read_contract(path: Path) -> Contract:
    """Raises DesiredStateError for a contract that is none."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        return Contract.model_validate(YAML(typ="safe", pure=True).load(path))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise DesiredStateError([Finding(str(path), mark.line + 1 if mark else 1, 1, str(error.problem))]) from error
    except ValidationError as error:
        messages = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise DesiredStateError([Finding(str(path), 1, 1, message) for message in messages]) from error


def _first(mistakes: Iterator[_Mistake], most: int) -> Iterator[_Mistake]:
    for number, one in enumerate(mistakes):
        if number == most:
            yield _Mistake(one.line, "more mistakes follow; these are the first")
            return
        yield one


def _mistakes(contract: Contract, content: bytes) -> Iterator[_Mistake]:
    try:
        text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError) as error:
        yield _Mistake(1, f"cannot be read: {error}")
        return
    rows = csv.reader(io.StringIO(text))
    header = next(rows, [])
    if header != list(contract.columns):
        yield _Mistake(1, f"the columns are {', '.join(header) or 'none'}; the contract says {', '.join(contract.columns)}")
        return
    yield from _row_mistakes(contract, rows)


def _row_mistakes(contract: Contract, rows: Iterator[list[str]]) -> Iterator[_Mistake]:
    checks = [(name, _PARSE[column.type], column) for name, column in contract.columns.items()]
    key_places = [list(contract.columns).index(name) for name in contract.keys]
    seen: dict[tuple[str, ...], int] = {}
    line = 1
    for line, row in enumerate(rows, 2):
        if len(row) != len(checks):
            yield _Mistake(line, f"{len(row)} values where {len(checks)} columns are expected")
            continue
        for text, (name, parse, column) in zip(row, checks, strict=True):
            if problem := _value_problem(text, parse, column):
                yield _Mistake(line, f"{name}: {problem}")
        key = tuple(row[place] for place in key_places)
        if (earlier := seen.setdefault(key, line)) != line:
            yield _Mistake(line, f"{', '.join(contract.keys)} are those of line {earlier}")
    count = line - 1
    if count < contract.rows.min or (contract.rows.max is not None and count > contract.rows.max):
        yield _Mistake(line, f"{count} rows; the contract says {contract.rows.min} to {contract.rows.max or 'any number'}")


def _value_problem(text: str, parse: Callable[[str], Any], column: Column) -> str:
    try:
        value = parse(text)
    except ValueError:
        return f'{_NOUNS[column.type]} is expected, found "{text}"'
    if column.min is not None and value < column.min:
        return f"{text} is below {column.min}"
    if column.max is not None and not value <= column.max:
        return f"{text} is above {column.max}"
    return ""
