"""Colour on a terminal, plain text elsewhere."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35"}


@dataclass(frozen=True)
class Style:
    """Wraps text in ANSI codes, or leaves it alone."""

    colour: bool = False

    def __call__(self, text: str, *names: str) -> str:
        if not self.colour or not names:
            return text
        return f"\033[{';'.join(_CODES[name] for name in names)}m{text}\033[0m"


def style_for(stream: TextIO = sys.stdout) -> Style:
    """Colour only on a terminal that can show it; https://no-color.org is honoured."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Style(colour=stream.isatty() and not plain)
