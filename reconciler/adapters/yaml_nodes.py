"""YAML text to values that know where they stand. YAML 1.2 core schema: `yes` is text, dates are text.

The subset is small on purpose: no aliases, no tags, one document. So nothing can expand or construct anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reconciler.errors import Finding

if TYPE_CHECKING:
    from ruamel.yaml.events import Event

Path = tuple[str | int, ...]
DEEPEST = 40
LARGEST_BYTES = 2_000_000

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: tuple[tuple[str, bool | None], ...] = (("null", None), ("true", True), ("false", False))
_CONSTANTS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **{spelling: value for word, value in _WORDS for spelling in (word, word.capitalize(), word.upper())},
}


@dataclass(frozen=True)
class Span:
    """A stretch of a file's text. `line` and `column` count from 1; `start` and `end` are character offsets."""

    file: str
    line: int
    column: int
    start: int
    end: int

    @property
    def length(self) -> int:
        return max(1, self.end - self.start)


@dataclass(frozen=True)
class Node:
    """A value: scalar, `dict[str, Entry]` or `list[Node]`. `raw` is a scalar as it is spelled, without its quotes."""

    value: Any
    span: Span
    raw: str = ""
    flow: bool = False
    quoted: bool = False

    def at(self, path: Path) -> Node | None:
        """The node at a path below this one."""
        node: Node | None = self
        for part in path:
            if node is None:
                return None
            match node.value:
                case dict():
                    node = node.value[part].node if part in node.value else None
                case list() if isinstance(part, int) and part < len(node.value):
                    node = node.value[part]
                case _:
                    return None
        return node

    def plain(self) -> Any:
        """The value as ordinary Python data."""
        match self.value:
            case dict():
                return {key: entry.node.plain() for key, entry in self.value.items()}
            case list():
                return [item.plain() for item in self.value]
        return self.value


@dataclass(frozen=True)
class Entry:
    """A key of a mapping and what it holds."""

    key: Span
    node: Node


@dataclass
class Document:
    """One file: its text and what was wrong with it. `root` is None where nothing could be read."""

    file: str
    text: str
    root: Node | None = None
    findings: list[Finding] = field(default_factory=list)

    def finding(self, span: Span, message: str, marks: tuple[Span, ...] = ()) -> Finding:
        """A finding with the line it is about; `marks` are further stretches of that line to underline."""
        lines = self.text.splitlines()
        excerpt = lines[span.line - 1].lstrip("\ufeff") if span.line <= len(lines) else ""
        fits = max(1, len(excerpt.rstrip()) - span.column + 1)
        more = tuple((mark.column, mark.length) for mark in marks if mark.line == span.line)
        return Finding(self.file, span.line, span.column, message, excerpt, min(span.length, fits), more)


def read_document(file: str, data: bytes) -> Document:
    """Never raises: what is wrong with the text is in `findings`."""
    start = Span(file, 1, 1, 0, 1)
    try:
        document = Document(file, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return _not_utf8(file, data, error)
    if len(data) > LARGEST_BYTES:
        document.text = ""
        document.findings.append(document.finding(start, f"the file is larger than {LARGEST_BYTES:,} bytes"))
        return document
    try:
        document.root = _Composer(document).compose()
    except _Unreadable as error:
        document.findings.append(error.finding)
    if document.root is None and not document.findings:
        document.findings.append(document.finding(start, "the file is empty: expected keys and values"))
    return document


def _not_utf8(file: str, data: bytes, error: UnicodeDecodeError) -> Document:
    before = data[: error.start].decode("utf-8-sig", "replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    document = Document(file, data.decode("utf-8-sig", "replace"))
    message = f"the file is not UTF-8 text: byte 0x{data[error.start]:02x}; save it as UTF-8"
    document.findings.append(document.finding(Span(file, line, column, error.start, error.start + 1), message))
    return document


class _Unreadable(Exception):  # a signal inside this module, not an error of ours
    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(str(finding))


class _Composer:
    """Builds nodes from ruamel's parse events, which carry positions, styles, anchors and tags."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.depth = 0

    def compose(self) -> Node | None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
        from ruamel.yaml.reader import ReaderError

        try:
            self.events = self._watched(YAML(typ="safe", pure=True).parse(self.document.text))
            return self._document()
        except MarkedYAMLError as error:
            raise _Unreadable(self._syntax(error)) from error
        except ReaderError as error:
            before = self.document.text[: error.position]
            at = (before.count("\n") + 1, len(before) - before.rfind("\n"))
            span = Span(self.document.file, *at, error.position, error.position + 1)
            raise _Unreadable(self.document.finding(span, "a control character has no place in YAML")) from error
        except YAMLError as error:
            raise _Unreadable(self.document.finding(Span(self.document.file, 1, 1, 0, 1), str(error))) from error

    def _syntax(self, error: Any) -> Finding:
        mark = error.problem_mark or error.context_mark
        span = Span(self.document.file, mark.line + 1, mark.column + 1, mark.index, mark.index + 1)
        if "\t" in self.document.text[mark.index : mark.index + 1] or "'\\t'" in str(error.problem):
            return self.document.finding(span, "a tab where YAML wants spaces: indent with spaces")
        hint = "a quote, a bracket or the indent is wrong here or just above"
        return self.document.finding(span, f"not YAML: {error.problem or error.context}; {hint}")

    def _watched(self, events: Iterator[Event]) -> Iterator[Event]:
        """Refuses what the subset leaves out, wherever it stands."""
        for event in events:
            kind = type(event).__name__
            anchor = getattr(event, "anchor", None)
            if kind == "AliasEvent":
                self._refuse(event, f'an alias "*{anchor}": write the value out, aliases are not read here')
            if anchor:
                self._note(event, f'an anchor "&{anchor}": anchors and aliases are not read here; delete it')
            tag = getattr(event, "tag", None)
            if tag and str(tag) != "!" and not kind.startswith("Document"):
                self._refuse(event, f'a tag "{tag}": tags are not read here; delete it')
            yield event

    def _span(self, event: Event) -> Span:
        begin, end = event.start_mark, event.end_mark
        return Span(self.document.file, begin.line + 1, begin.column + 1, begin.index, end.index)

    def _note(self, event: Event, message: str) -> None:
        self.document.findings.append(self.document.finding(self._span(event), message))

    def _refuse(self, event: Event, message: str) -> None:
        raise _Unreadable(self.document.finding(self._span(event), message))

    def _document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self.events:
            match type(event).__name__:
                case "DocumentStartEvent":
                    documents += 1
                    if documents > 1:
                        self._refuse(event, "a second document (---): a file holds one")
                case "MappingStartEvent" | "SequenceStartEvent" | "ScalarEvent":
                    root = self._node(event)
        if root is not None and root.value is None:
            return None
        if root is not None and not isinstance(root.value, dict):
            self.document.findings.append(
                self.document.finding(root.span, f"expected keys and values at the top, found {describe(root)}")
            )
            return None
        return root

    def _node(self, event: Any) -> Node:
        kind = type(event).__name__
        if kind == "ScalarEvent":
            return self._scalar(event)
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(event, f"nested deeper than {DEEPEST} levels")
        node = self._mapping(event) if kind == "MappingStartEvent" else self._sequence(event)
        self.depth -= 1
        return node

    def _scalar(self, event: Any) -> Node:
        plain = event.style is None or event.style == ""
        value = resolve(event.value) if plain else event.value
        return Node(value, self._span(event), event.value, quoted=not plain)

    def _sequence(self, start: Any) -> Node:
        items: list[Node] = []
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            items.append(self._node(event))
        return Node(items, self._whole(start, event), flow=bool(start.flow_style))

    def _mapping(self, start: Any) -> Node:
        entries: dict[str, Entry] = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            key, span = self._node(event), self._span(event)
            value = self._after(span, self._node(next(self.events)))
            if not isinstance(key.value, str):
                shown = f"; write '{key.raw}' in quotes" if key.raw else ""
                self._note(event, f"a key must be text, found {describe(key)}{shown}")
            elif key.value in entries:
                first = entries[key.value].key.line
                self._note(event, f'the key "{key.value}" stands here twice: first on line {first}')
            else:
                entries[key.value] = Entry(span, value)
        return Node(entries, self._whole(start, event), flow=bool(start.flow_style))

    def _after(self, key: Span, value: Node) -> Node:
        """An empty value stands right after its colon; the parser puts it at the next token."""
        if value.value is not None or value.raw or value.quoted:
            return value
        colon = self.document.text.find(":", key.end) + 1
        return replace(value, span=Span(key.file, key.line, key.column + colon - key.start, colon, colon))

    def _whole(self, start: Any, end: Any) -> Span:
        first = self._span(start)
        return Span(first.file, first.line, first.column, first.start, end.end_mark.index)


def resolve(text: str) -> Any:
    """A plain scalar's value by the YAML 1.2 core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 300 else text
    if re.fullmatch(r"0x[0-9a-fA-F]+|0o[0-7]+", text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        return float(text.replace(".", ""))
    return text


def describe(node: Node) -> str:
    """What a person would say a value is: `the number 3`, `text "abc"`, `a list`."""
    match node.value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {node.raw}"
        case int() | float():
            return f"the number {node.raw}"
        case str():
            return f'text "{node.raw if len(node.raw) < 60 else node.raw[:57] + "..."}"'
        case list():
            return "a list" if node.value else "an empty list"
    return "a mapping" if node.value else "an empty mapping"
