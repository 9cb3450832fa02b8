"""Data held against their contract: columns, types, ranges, keys, counts, checksum. Generic over contracts; CSV, gzipped or not."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from reconciler.core.desired import Spec
from reconciler.errors import DesiredStateError, Finding

SHOWN_AT_MOST = 20

Bound = int | float | date


def _integer(text: str) -> int:
    """Digits as every reader takes them: `int` would take spaces and underscores too."""
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII) is None:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or "_" in text or text != text.strip():
        raise ValueError(text)
    return value


def _date(text: str) -> date:
    """`fromisoformat` would take 19900614 and 1990-W24-4 too."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is None:
        raise ValueError(text)
    return date.fromisoformat(text)


def _text(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


_PARSE: dict[str, Callable[[str], Any]] = {"integer": _integer, "number": _number, "date": _date, "text": _text}
_NOUNS = {"integer": "a whole number", "number": "a number", "date": "a date such as 1990-06-14", "text": "text"}
_BOUNDS: dict[str, tuple[type, ...]] = {"integer": (int,), "number": (int, float), "date": (date,), "text": ()}


class Column(Spec):
    """What every value of a column is; no value may be missing. `values` are all that are allowed."""

    type: Literal["integer", "number", "date", "text"]
    min: Bound | None = None
    max: Bound | None = None
    values: Annotated[list[Bound | str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _bounds_are_of_the_type(self) -> Column:
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and not isinstance(bound, _BOUNDS[self.type]):
                raise ValueError(f"{name}: {bound} is no bound of a column of type {self.type}")
        return self


class Rows(Spec):
    min: Annotated[int, Field(ge=0)] = 0
    max: int | None = None


class Contract(Spec):
    """`contract.yaml` beside the data."""

    format: Literal["csv"]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rows: Rows
    keys: Annotated[list[str], Field(min_length=1)]
    columns: dict[str, Column]

    @model_validator(mode="after")
    def _keys_are_columns(self) -> Contract:
        missing = [name for name in self.keys if name not in self.columns]
        if missing:
            raise ValueError(f"keys: there is no column {', '.join(missing)}")
        return self


@dataclass(frozen=True)
class _Mistake:
    line: int
    message: str


@dataclass(frozen=True)
class _Judge:
    """Says what is wrong with values of one column. Columns repeat themselves, so each text is judged once."""

    name: str
    column: Column
    seen: dict[str, str] = field(default_factory=dict)

    def problem(self, text: str) -> str:
        """Empty where nothing is wrong."""
        found = self.seen.get(text)
        if found is None:
            found = self.seen[text] = self._judge(text)
        return found

    def _judge(self, text: str) -> str:
        column = self.column
        try:
            value = _PARSE[column.type](text)
        except ValueError:
            return f'{self.name}: {_NOUNS[column.type]} is expected, found "{text}"'
        if column.min is not None and value < column.min:
            return f"{self.name}: {text} is below {column.min}"
        if column.max is not None and value > column.max:
            return f"{self.name}: {text} is above {column.max}"
        if column.values is not None and value not in column.values:
            return f"{self.name}: {text} is none of {', '.join(map(str, column.values))}"
        return ""


def check_data(contract_path: Path, data_path: Path, shown_as: str) -> None:
    """`shown_as` is the data's path as people know it. Raises DesiredStateError with file and line, the first mistakes of many."""
    contract = read_contract(contract_path)
    content = _content(data_path, shown_as)
    mistakes = list(_first(_mistakes(contract, content), SHOWN_AT_MOST))
    found = hashlib.sha256(content).hexdigest()
    if found != contract.sha256:
        mistakes.insert(0, _Mistake(1, f"sha256 is {found}, the contract says {contract.sha256}"))
    if mistakes:
        findings = [Finding(shown_as, one.line, 1, one.message) for one in mistakes]
        closing = f"The data break their contract, {contract_path.name}; nothing was trained or registered."
        raise DesiredStateError(findings, closing)


def read_contract(path: Path) -> Contract:
    """Raises DesiredStateError for a contract that is none."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        return Contract.model_validate(YAML(typ="safe", pure=True).load(_content(path, str(path))))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise DesiredStateError([Finding(str(path), mark.line + 1 if mark else 1, 1, str(error.problem))]) from error
    except ValidationError as error:
        messages = [f"{'.'.join(map(str, one['loc'])) or 'contract'}: {one['msg']}" for one in error.errors()]
        raise DesiredStateError([Finding(str(path), 1, 1, message) for message in messages]) from error


def _content(path: Path, shown_as: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DesiredStateError([Finding(shown_as, 1, 1, f"cannot be read: {error.strerror}")]) from error


def _first(mistakes: Iterator[_Mistake], most: int) -> Iterator[_Mistake]:
    for number, one in enumerate(mistakes):
        if number == most:
            yield _Mistake(one.line, "more mistakes follow; these are the first")
            return
        yield one


def _mistakes(contract: Contract, content: bytes) -> Iterator[_Mistake]:
    try:
        text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
    except (gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        yield _Mistake(1, f"cannot be read: {error}")
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if header != list(contract.columns):
            wanted = ", ".join(contract.columns)
            yield _Mistake(1, f"the columns are {', '.join(header) or 'none'}; the contract says {wanted}")
            return
        yield from _row_mistakes(contract, rows)
    except csv.Error as error:
        yield _Mistake(max(rows.line_num, 1), f"is no CSV: {error}")


def _row_mistakes(contract: Contract, rows: Any) -> Iterator[_Mistake]:
    """`rows` is a csv reader behind the header; it alone knows lines, since a quoted value may hold several."""
    judges = [_Judge(name, column) for name, column in contract.columns.items()]
    key_places = [list(contract.columns).index(name) for name in contract.keys]
    keys = ", ".join(contract.keys)
    seen: dict[tuple[str, ...], int] = {}
    count = 0
    for row in rows:
        line, count = rows.line_num, count + 1
        if len(row) != len(judges):
            yield _Mistake(line, f"{len(row)} values where {len(judges)} columns are expected")
            continue
        for text, judge in zip(row, judges, strict=True):
            if problem := judge.problem(text):
                yield _Mistake(line, problem)
        earlier = seen.setdefault(tuple(row[place] for place in key_places), line)
        if earlier != line:
            yield _Mistake(line, f"{keys} are those of line {earlier}")
    most = contract.rows.max
    if count < contract.rows.min or (most is not None and count > most):
        upper = "any number" if most is None else most
        yield _Mistake(max(rows.line_num, 1), f"{count} rows; the contract says {contract.rows.min} to {upper}")
