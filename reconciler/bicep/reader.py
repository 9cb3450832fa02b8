"""Flat Bicep text -> a document. What is outside the subset is refused with line and column, all at once."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from reconciler.bicep import scanner
from reconciler.bicep.findings import Findings
from reconciler.bicep.syntax import Call, Declaration, Document, Interpolated, Mark, Member, Object, Output, Value

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

FUNCTIONS = ("json", "resourceId", "subscriptionResourceId", "tenantResourceId")
SCOPES = ("resourceGroup", "subscription")
OUTPUT_TYPES = ("array", "bool", "int", "object", "string")
_DECLARED_AT = re.compile(r"\s*//\s*declared at:\s*(\S+)\s*")
_TYPE = re.compile(r"([A-Za-z][\w.]*(?:/\w+)+)@(\d{4}-\d\d-\d\d(?:-[a-z]+)?)", re.ASCII)
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_OUTSIDE = {
    "for_statement": "a loop",
    "if_statement": "a condition",
    "module_declaration": "a module",
    "parameter_declaration": "a parameter",
    "variable_declaration": "a variable",
    "resource_declaration": "a nested child resource",
    "ternary_expression": "a ternary",
    "binary_expression": "an operator",
    "unary_expression": "an operator",
    "nullable_type": "an operator",
    "subscript_expression": "an index",
}


@cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_bicep

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


def read(text: str, file: str) -> tuple[Document, Findings]:
    """The document as far as it can be read, and everything wrong with its form."""
    findings = Findings(file, text)
    masked = scanner.mask(text)
    for offset, message in masked.mistakes:
        findings.refuse(findings.mark(offset, offset + 1), message)
    if masked.mistakes:  # where a string does not end, the rest is guesswork
        return Document("resourceGroup", ()), findings
    root = _parser().parse(masked.text.encode()).root_node
    for node in _errors(root):
        end = node.end_byte if node.end_point[0] == node.start_point[0] else node.start_byte + 1
        findings.refuse(findings.mark(node.start_byte, end), "this is not Bicep that the grammar knows")
    return _Reader(text, masked.text, findings).document(root), findings


@dataclass
class _Reader:
    text: str
    masked: str
    findings: Findings

    def source(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte]

    def mark(self, node: Node) -> Mark:
        return self.findings.mark(node.start_byte, node.end_byte)

    def refuse(self, node: Node, message: str) -> None:
        if not node.has_error:  # else it was told already, as a mistake of form
            self.findings.refuse(self.mark(node), message)

    def _separate(self, nodes: list[Node], by: str = r"[,\r\n]") -> list[Node]:
        """The grammar takes neighbours without anything between them; Bicep does not."""
        for one, other in pairwise(nodes):
            if not one.has_error and not re.search(by, self.masked[one.end_byte : other.start_byte]):
                self.refuse(other, "a comma or a new line is expected before this")
        return nodes

    def _on_one_line(self, nodes: list[Node]) -> None:
        """The grammar lets a new line stand anywhere; Bicep does not."""
        for one, other in pairwise(nodes):
            if one.end_point[0] != other.start_point[0] and not one.has_error:
                self.refuse(other, "this is expected on the line of what is before it")

    def outside(self, node: Node) -> None:
        what = _OUTSIDE.get(node.type, node.type.replace("_", " "))
        self.refuse(node, f"{what} is outside the flat subset: write resources with literal values and symbols only")

    def document(self, root: Node) -> Document:
        scope = "resourceGroup"
        resources: list[Declaration] = []
        outputs: list[Output] = []
        decorators: Node | None = None
        for node in self._separate(root.named_children):
            match node.type:
                case "decorators":
                    decorators = node
                    continue
                case "target_scope_assignment":
                    scope = self._target_scope(node)
                case "resource_declaration":
                    resources += self._resource(node, decorators)
                case "output_declaration":
                    outputs += self._output(node, decorators)
                case _ if not node.is_error:
                    self.outside(node)
            decorators = None
        if decorators:
            self.refuse(decorators, "nothing follows that this describes")
        return Document(scope, tuple(resources), tuple(outputs))

    def _target_scope(self, node: Node) -> str:
        scope = self.literal(node.named_children[0])
        if scope not in SCOPES:
            self.refuse(node, f"targetScope is one of {', '.join(SCOPES)}")
        return scope

    def _resource(self, node: Node, decorators: Node | None) -> list[Declaration]:
        symbol, kind, *rest = node.named_children
        self._on_one_line(node.children)
        if [child.type for child in rest] != ["object"]:
            for child in rest[-1:]:
                self.outside(child)
            return []
        type_, version = self._type(kind)
        above = (decorators or node).start_point[0] - 1
        declared = _DECLARED_AT.fullmatch(self.findings.lines[above]) if above >= 0 else None
        return [
            Declaration(
                symbol=self.source(symbol),
                type=type_,
                api_version=version,
                existing=any(self.source(child) == "existing" for child in node.children),
                body=self.object(rest[0]),
                at=self.mark(symbol),
                description=self._description(decorators),
                declared_at=declared[1] if declared else "",
            )
        ]

    def _type(self, node: Node) -> tuple[str, str]:
        if matched := _TYPE.fullmatch(self.literal(node)):
            return matched[1], matched[2]
        self.refuse(node, "a resource type and its API version are expected, such as 'Microsoft.X/things@2026-01-01'")
        return "", ""

    def _output(self, node: Node, decorators: Node | None) -> list[Output]:
        name, kind, *rest = node.named_children
        self._on_one_line(node.children)
        if self.source(kind) not in OUTPUT_TYPES or len(rest) != 1:
            self.refuse(kind, f"the type of an output is one of {', '.join(OUTPUT_TYPES)}")
            return []
        value = self.value(rest[0])
        description = self._description(decorators)
        return [Output(self.source(name), self.source(kind), value, self.mark(name), description)]

    def _description(self, decorators: Node | None) -> str | None:
        found = None
        for one in decorators.named_children if decorators else []:
            call = one.named_children[0]
            arguments = call.named_children[-1].named_children
            if self.source(call.named_children[0]) in ("description", "sys.description") and len(arguments) == 1:
                found = self.literal(arguments[0])
            else:
                self.refuse(one, "the only decorator of the flat subset is @description")
        return found

    def object(self, node: Node) -> Object:
        properties: dict[str | Interpolated, Value] = {}
        for child in self._separate(node.named_children):
            if child.type != "object_property" or len(child.named_children) != 2:
                if not child.is_error:
                    self.outside(child.named_children[0] if len(child.named_children) == 1 else child)
                continue
            self._on_one_line(child.children)
            key = child.named_children[0]
            name = self.string(key) if key.type == "string" else self.source(key)
            if name in properties:
                self.refuse(key, f"the property {self.source(key)} is already there")
            properties[name] = self.value(child.named_children[1])
        return Object(tuple(properties.items()))

    def value(self, node: Node) -> Value:
        """A literal, a symbol's member, an interpolation of members, or one of a few pure functions."""
        found: Value = None
        match node.type:
            case "null":
                pass
            case "string":
                found = self.string(node)
            case "boolean":
                found = self.source(node) == "true"
            case "object":
                found = self.object(node)
            case "array":
                found = tuple(self.value(child) for child in self._separate(node.named_children))
            case "identifier" | "member_expression":
                found = self.member(node)
            case "call_expression":
                found = self._call(node)
            case "number" | "unary_expression" if _INTEGER.fullmatch(self.source(node)):
                found = self._integer(node)
            case _:
                self.outside(node)
        return found

    def _integer(self, node: Node) -> int:
        number = int(self.source(node))
        if not -(2**63) <= number < 2**63:
            self.refuse(node, "a whole number of at most 64 bits is expected")
        return number

    def member(self, node: Node) -> Member | None:
        words = self.source(node).split(".")
        if not all(re.fullmatch(r"[A-Za-z_]\w*", word, re.ASCII) for word in words):
            self.refuse(node, "only plain members of a resource may be used, such as identity.properties.principalId")
            return None
        return Member(words[0], tuple(words[1:]), self.mark(node))

    def _call(self, node: Node) -> Call | None:
        name, arguments = node.named_children[0], node.named_children[1].named_children
        self._separate(arguments, by=",")
        if self.source(name) not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            self.refuse(name, f"the function {self.source(name)} is outside the flat subset, which has {known}")
            return None
        call = Call(self.source(name), tuple(self.literal(child) for child in arguments), self.mark(node))
        if problem := _misused(call):
            self.refuse(node, problem)
        return call

    def literal(self, node: Node) -> str:
        value = self.string(node) if node.type == "string" else None
        if isinstance(value, str):
            return value
        self.refuse(node, "literal text is expected here")
        return ""

    def string(self, node: Node) -> str | Interpolated:
        source = self.source(node)
        if source.startswith("'''"):
            return scanner.multi_line(source)
        parts: list[str | Member] = []
        position = node.start_byte + 1
        holes = [child for child in node.named_children if child.type == "interpolation"]
        for hole in holes:
            parts.append(self._text(position, hole.start_byte))
            member = self._interpolated(hole)
            parts += [member] if member else []
            position = hole.end_byte
        parts.append(self._text(position, node.end_byte - 1))
        if not holes:
            return str(parts[0])
        return Interpolated(tuple(part for part in parts if part != ""), self.mark(node))

    def _interpolated(self, hole: Node) -> Member | None:
        inside = hole.named_children
        if len(inside) == 1 and inside[0].type in ("identifier", "member_expression"):
            return self.member(inside[0])
        self.refuse(hole, "only members of a resource may stand in a text: write anything else out")
        return None

    def _text(self, start: int, end: int) -> str:
        text, mistake = scanner.unescaped(self.text[start:end])
        if mistake is not None:
            at = self.findings.mark(start + mistake, start + mistake + 2)
            self.findings.refuse(at, "Bicep knows the escapes \\\\ \\' \\n \\r \\t \\$ and \\u{...} only")
        return text


def _misused(call: Call) -> str | None:
    """What is wrong with the arguments of a function."""
    if call.function == "json":
        try:
            json.loads(*call.arguments, parse_constant=lambda name: json.loads(f"not JSON: {name}"))
        except (TypeError, ValueError):
            return "one text that is valid JSON is expected"
        return None
    kinds = call.arguments[0].count("/") if call.arguments else 0
    if not kinds or len(call.arguments) != kinds + 1:
        return "a resource type and one name for each of its segments are expected"
    return None


def _errors(node: Node) -> list[Node]:
    """The outermost nodes that the grammar could not make sense of."""
    if node.is_error or node.is_missing:
        return [node]
    return [found for child in node.children if child.has_error for found in _errors(child)]
