"""Where the strings and comments of a Bicep text are.

The grammar takes `'  // text'` for a comment and drops `\\$`, so it gets the text with strings blanked out, every
character in one byte. It tells the structure, with offsets that hold in the original; we read the strings ourselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_COMMENT = re.compile(r"//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_NOT_BREAK = re.compile(r"[^\r\n]")
_PLAIN = re.compile(r"[^'/{}#$\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\U0010ffff]+")
_TEXT = re.compile(r"[^'\\$\r\n]+")
_MULTI_LINE = re.compile(r"'''.*?'{3,}", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(['\\nrt$]))")
_ESCAPED = {"'": "'", "\\": "\\", "n": "\n", "r": "\r", "t": "\t", "$": "$"}


@dataclass
class Masked:
    """`text` is as long as the original. `mistakes` are offsets, with what is wrong there."""

    text: str
    mistakes: list[tuple[int, str]]


@dataclass
class _Scanner:
    source: str
    masked: list[str]
    mistakes: list[tuple[int, str]] = field(default_factory=list)
    position: int = 0
    braces: list[int] = field(default_factory=list)
    """Open braces within each interpolation that we are inside of."""

    def blank(self, end: int, character: str) -> None:
        blanked = _NOT_BREAK.sub(character, self.source[self.position : end])
        self.masked[self.position : end] = blanked
        self.position = end

    def code(self) -> None:
        """One comment, string or character."""
        here = self.source[self.position]
        if run := _PLAIN.match(self.source, self.position):
            self.position = run.end()
        elif comment := _COMMENT.match(self.source, self.position):
            self.blank(comment.end(), " ")
        elif long_text := _MULTI_LINE.match(self.source, self.position):
            self.position += 3
            self.blank(long_text.end() - 3, "x")
            self.position += 3
        elif here == "'":
            self.position += 1
            self.string()
        elif here == "}" and self.braces and self.braces[-1] == 0:
            self.braces.pop()
            self.position += 1
            self.string()
        else:
            self.plain(here)

    def plain(self, here: str) -> None:
        if self.braces and here in "{}":
            self.braces[-1] += 1 if here == "{" else -1
        if here not in "/{}":
            self.mistakes.append((self.position, f"the character {here!r} is outside the flat subset"))
            self.masked[self.position] = " "
        self.position += 1

    def string(self) -> None:
        """The rest of a string's text: up to its end or the next interpolation."""
        start = self.position
        while self.position < len(self.source):
            if run := _TEXT.match(self.source, self.position):
                self.blank(run.end(), "x")
                continue
            here = self.source[self.position]
            if here == "'":
                self.position += 1
                return
            if here in "\r\n":
                break
            if self.source.startswith("${", self.position):
                self.braces.append(0)
                self.position += 2
                return
            self.blank(min(self.position + (2 if here == "\\" else 1), len(self.source)), "x")
        self.mistakes.append((start - 1, "the string does not end on its line"))


def mask(source: str) -> Masked:
    """The text with strings as `x` and comments as blanks."""
    scanner = _Scanner(source, list(source))
    while scanner.position < len(source):
        scanner.code()
    return Masked("".join(scanner.masked), scanner.mistakes)


def unescaped(text: str) -> tuple[str, int | None]:
    """What a stretch of a single-quoted string means, and the offset of an escape that Bicep does not know."""
    parts: list[str] = []
    position = 0
    while (backslash := text.find("\\", position)) >= 0:
        escape = _ESCAPE.match(text, backslash)
        code = int(escape[1], 16) if escape and escape[1] else 0
        if escape is None or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            return "", backslash
        parts += [text[position:backslash], chr(code) if escape[1] else _ESCAPED[escape[2]]]
        position = escape.end()
    return "".join([*parts, text[position:]]), None


def multi_line(text: str) -> str:
    """What a string in three quotes, them included, means: a line break right after the first ones does not count."""
    inner = text[3:-3]
    return inner[2:] if inner.startswith("\r\n") else inner[1:] if inner[:1] in ("\n", "\r") else inner
