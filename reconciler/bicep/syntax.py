"""Flat Bicep text -> declarations. What is outside the subset is refused with line and column, all at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from reconciler.errors import DesiredStateError, Finding

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

FUNCTIONS = ("json", "resourceId", "subscriptionResourceId", "tenantResourceId")
SCOPES = ("resourceGroup", "subscription")
_ESCAPES = {"\\'": "'", "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\$": "$"}
_DECLARED_AT = re.compile(r"^//\s*declared at:\s*(\S+)\s*$")


@dataclass(frozen=True)
class Member:
    """`symbol.a.b`: what another resource is, or what Azure makes of it."""

    symbol: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Interpolated:
    """Text and members in turn."""

    parts: tuple[str | Member, ...]


@dataclass(frozen=True)
class Object:
    """Properties in their order; a key may be interpolated."""

    properties: tuple[tuple[str | Interpolated, Value], ...] = ()

    def get(self, name: str) -> Value:
        return next((value for key, value in self.properties if key == name), None)


Value = None | bool | int | str | list["Value"] | Object | Member | Call | Interpolated


@dataclass(frozen=True)
class Declaration:
    """`resource symbol 'type@api' = {...}`. `line` counts from 1; `declared_at` is the comment right above, if there is one."""

    symbol: str
    type: str
    api_version: str
    existing: bool
    body: Object
    line: int
    declared_at: str

    @property
    def name(self) -> str:
        name = self.body.get("name")
        return name if isinstance(name, str) else ""

    def refers_to(self, key: str) -> str | None:
        """The symbol that `parent:` or `scope:` names."""
        value = self.body.get(key)
        return value.symbol if isinstance(value, Member) else None


@dataclass(frozen=True)
class Document:
    scope: str
    resources: tuple[Declaration, ...]
    outputs: tuple[tuple[str, str, Value], ...] = ()

    def by_symbol(self) -> dict[str, Declaration]:
        return {one.symbol: one for one in self.resources}


@cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_bicep

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


def parse(text: str, file: str) -> Document:
    """Raises DesiredStateError with a finding for everything that is not flat, literal Bicep."""
    reader = _Reader(file, text.splitlines())
    document = reader.document(_parser().parse(text.encode()).root_node)
    if reader.findings:
        raise DesiredStateError(reader.findings, "Templates are flat and literal Bicep: docs/how-to/resource-type.md")
    return document


@dataclass
class _Reader:
    file: str
    lines: list[str]
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, node: Node, message: str) -> None:
        row, column = node.start_point
        excerpt = self.lines[row] if row < len(self.lines) else ""
        width = max(1, min(node.end_point[1] - column, len(excerpt) - column)) if node.end_point[0] == row else 1
        self.findings.append(Finding(self.file, row + 1, column + 1, message, excerpt, span=width))

    def document(self, root: Node) -> Document:
        scope, declared_at = "resourceGroup", ""
        resources: list[Declaration] = []
        outputs: list[tuple[str, str, Value]] = []
        for node in root.named_children:
            match node.type:
                case "target_scope_assignment":
                    scope = self._text(node.named_children[0])
                    if scope not in SCOPES:
                        self.refuse(node, f"targetScope is one of {', '.join(SCOPES)}")
                case "comment":
                    found = _DECLARED_AT.match(_source(node))
                    declared_at = found[1] if found else declared_at
                    continue
                case "resource_declaration":
                    if declaration := self._resource(node, declared_at):
                        resources.append(declaration)
                case "output_declaration":
                    outputs.append(self._output(node))
                case "decorators" | "decorator":
                    continue
                case "ERROR":
                    self.refuse(node, "not Bicep that the grammar knows")
                case kind:
                    self.refuse(
                        node,
                        f"{kind.replace('_', ' ')} is outside the flat subset: write literal values and resources only",
                    )
            declared_at = ""
        if root.has_error and not self.findings:
            self.refuse(_first_error(root), "not Bicep that the grammar knows")
        self._check_symbols(root, resources)
        return Document(scope, tuple(resources), tuple(outputs))

    def _check_symbols(self, root: Node, resources: list[Declaration]) -> None:
        symbols = {one.symbol for one in resources}
        for node in _descendants(root):
            if (
                node.type == "member_expression"
                and (first := _leftmost(node)).type == "identifier"
                and _source(first) not in symbols
            ):
                self.refuse(first, f"no resource is called {_source(first)} here")

    def _resource(self, node: Node, declared_at: str) -> Declaration | None:
        symbol, kind, *rest = [child for child in node.named_children if child.type not in ("decorators", "decorator")]
        body = next((child for child in rest if child.type == "object"), None)
        if body is None:
            self.refuse(node, "a resource is one object: loops and conditions are outside the flat subset")
            return None
        type_name, _, version = self._text(kind).partition("@")
        existing = any(child.type == "existing" or _source(child) == "existing" for child in node.children)
        shape = self._object(body)
        if not isinstance(shape.get("name"), str):
            self.refuse(body, "the name must be literal text")
        return Declaration(_source(symbol), type_name, version, existing, shape, node.start_point[0] + 1, declared_at)

    def _output(self, node: Node) -> tuple[str, str, Value]:
        name, kind, value = node.named_children[:3]
        return _source(name), _source(kind), self.value(value)

    def _object(self, node: Node) -> Object:
        properties: list[tuple[str | Interpolated, Value]] = []
        for child in node.named_children:
            if child.type == "comment":
                continue
            if child.type != "object_property" or len(child.named_children) < 2:
                self.refuse(child, f"{child.type.replace('_', ' ')} inside an object is outside the flat subset")
                continue
            key, value = child.named_children[0], child.named_children[-1]
            name = _source(key) if key.type == "identifier" else self._string(key)
            if isinstance(name, str | Interpolated):
                properties.append((name, self.value(value)))
        return Object(tuple(properties))

    def value(self, node: Node) -> Value:
        """A literal, a symbol's member, an interpolation of members, or one of a few pure functions."""
        match node.type:
            case "string":
                return self._string(node)
            case "number":
                return int(_source(node))
            case "boolean":
                return _source(node) == "true"
            case "null":
                return None
            case "object":
                return self._object(node)
            case "array":
                return [self.value(child) for child in node.named_children if child.type != "comment"]
            case "identifier" | "member_expression":
                return self._member(node)
            case "call_expression":
                return self._call(node)
            case "unary_expression" if re.fullmatch(r"-\d+", _source(node)):
                return int(_source(node))
        self.refuse(node, f"{node.type.replace('_', ' ')} is outside the flat subset: write the value itself")
        return None

    def _member(self, node: Node) -> Member | None:
        words = _source(node).split(".")
        if not all(re.fullmatch(r"[A-Za-z_]\w*", word) for word in words):
            self.refuse(node, "only plain members of a resource may be used, such as identity.properties.principalId")
            return None
        return Member(words[0], tuple(words[1:]))

    def _call(self, node: Node) -> Value:
        name, arguments = node.named_children[0], node.named_children[1]
        if _source(name) not in FUNCTIONS:
            self.refuse(name, f"the function {_source(name)} is outside the flat subset; it has {', '.join(FUNCTIONS)}")
            return None
        return Call(_source(name), tuple(self._text(child) for child in arguments.named_children))

    def _text(self, node: Node) -> str:
        value = self._string(node) if node.type == "string" else None
        if isinstance(value, str):
            return value
        self.refuse(node, "literal text is expected")
        return ""

    def _string(self, node: Node) -> str | Interpolated | None:
        if _source(node).startswith("'''"):
            return _source(node)[3:-3].removeprefix("\r\n").removeprefix("\n")
        parts: list[str | Member] = []
        for child in node.named_children:
            match child.type:
                case "string_content":
                    parts.append(_source(child))
                case "escape_sequence":
                    parts.append(_unescaped(_source(child)))
                case "interpolation":
                    member = self._member(child.named_children[0])
                    if member is None:
                        return None
                    parts.append(member)
        if all(isinstance(part, str) for part in parts):
            return "".join(part for part in parts if isinstance(part, str))
        return Interpolated(_joined(parts))


def _joined(parts: list[str | Member]) -> tuple[str | Member, ...]:
    """Neighbouring text as one part."""
    joined: list[str | Member] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)


def _unescaped(escape: str) -> str:
    return _ESCAPES.get(escape) or chr(int(escape[3:-1], 16))


def _source(node: Node) -> str:
    return (node.text or b"").decode()


def _leftmost(node: Node) -> Node:
    while node.type == "member_expression" and node.named_children:
        node = node.named_children[0]
    return node


def _descendants(node: Node) -> list[Node]:
    found = [node]
    for child in node.named_children:
        found += _descendants(child)
    return found


def _first_error(root: Node) -> Node:
    return next((node for node in _descendants(root) if node.is_error or node.is_missing), root)
