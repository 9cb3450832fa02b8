"""How a check says that something cannot be. The adapter adds file, line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """Something that cannot be, at a path of the YAML. `marks` are the values to underline, `at_key` means the key."""

    path: Path
    message: str
    marks: tuple[Path, ...] = ()
    at_key: bool = False


def closest(wrong: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely means."""
    by_folded = {name.lower(): name for name in sorted(known)}
    found = difflib.get_close_matches(wrong.lower(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def listed(known: Iterable[str], most: int = 12) -> str:
    ordered = sorted(known)
    return ", ".join(ordered[:most]) + (", ..." if len(ordered) > most else "")


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """`: did you mean "x"?`, or what there is, or that there is nothing."""
    names = list(known)
    if guess := closest(wrong, names):
        return f': did you mean "{guess}"?'
    return f"; there is {listed(names)}" if names else "; none is declared"


def unknown(path: Path, noun: str, wrong: str, known: Iterable[str]) -> Problem:
    return Problem(path, f'unknown {noun} "{wrong}"{did_you_mean(wrong, known)}')


def min_above_max(path: Path, noun: str, least: int, most: int) -> Problem:
    return Problem(path, f"{noun}: min {least} is more than max {most}", ((*path, "min"), (*path, "max")))


def dashed_name(path: Path, noun: str, name: str) -> Iterator[Problem]:
    """3 to 32 characters, a letter first, then letters, digits and single dashes."""
    if not 3 <= len(name) <= 32:
        yield Problem(path, f'{noun} name "{name}" has {len(name)} characters: expected 3 to 32', at_key=True)
    elif not re.fullmatch(r"[A-Za-z](-?[A-Za-z0-9])*", name):
        rule = "begin with a letter and hold letters, digits and single dashes only"
        yield Problem(path, f'{noun} name "{name}" must {rule}', at_key=True)
