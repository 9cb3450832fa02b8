"""What is wrong in one file, collected with its places."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from reconciler.bicep.syntax import Mark
from reconciler.errors import Finding


@dataclass
class Findings:
    file: str
    text: str
    found: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = re.split(r"\r\n|\r|\n", self.text)
        self._starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", self.text))]

    def mark(self, start: int, end: int) -> Mark:
        line = bisect_right(self._starts, start)
        column = start - self._starts[line - 1]
        rest = len(self.lines[line - 1]) - column
        return Mark(line, column + 1, max(1, min(end - start, rest)))

    def refuse(self, at: Mark, message: str) -> None:
        self.found.append(Finding(self.file, at.line, at.column, message, self.lines[at.line - 1], span=at.span))
