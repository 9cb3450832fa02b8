"""What a document must hold to beyond its form: symbols that exist, names that fit types, nothing circular."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reconciler.bicep.syntax import (
    META_PROPERTIES,
    RESOURCE_GROUPS,
    Declaration,
    Document,
    Interpolated,
    Mark,
    Member,
    Object,
    Value,
    members,
)

Problem = tuple[Mark, str]

_READ_ONLY = ("id", "type", "apiVersion")


def problems(document: Document) -> Iterator[Problem]:
    """Everything that keeps the document from being lowered."""
    yield from _duplicates(document)
    symbols = document.by_symbol()
    for one in document.resources:
        yield from _meta(one)
        yield from _family(one, symbols)
        yield from _body(one, document)
    for output in document.outputs:
        yield from _values(output.value, symbols)
    yield from _circles(document)


def _duplicates(document: Document) -> Iterator[Problem]:
    symbols = Counter(one.symbol for one in document.resources)
    outputs = Counter(one.name for one in document.outputs)
    for one in document.resources:
        if symbols[one.symbol] > 1:
            yield one.at, f"the symbol {one.symbol} is declared more than once"
    for output in document.outputs:
        if outputs[output.name] > 1:
            yield output.at, f"the output {output.name} is declared more than once"


def _meta(one: Declaration) -> Iterator[Problem]:
    """The properties that say which resource it is."""
    if not one.name:
        yield one.at, f"{one.symbol} needs a name, as literal text"
    elif "/" in one.name:
        yield one.at, f"the name {one.name} has a slash: name each parent through parent:"
    for key in ("parent", "scope"):
        value = one.body.get(key)
        if value is not None and not _is_symbol(value):
            yield one.at, f"{key} of {one.symbol} must be the symbol of a resource"
    listed = one.body.get("dependsOn")
    if listed is not None and not (isinstance(listed, tuple) and all(map(_is_symbol, listed))):
        yield one.at, f"dependsOn of {one.symbol} must be a list of symbols"
    for said, _ in one.body.properties:
        if said in _READ_ONLY or (one.existing and said not in META_PROPERTIES):
            yield one.at, f"{one.symbol} cannot say {said}"


def _is_symbol(value: Value) -> bool:
    return isinstance(value, Member) and not value.path


def _family(one: Declaration, symbols: dict[str, Declaration]) -> Iterator[Problem]:
    """A child's type is its parent's and one more segment; anything else has a type of one segment."""
    if one.parent and one.scope:
        yield one.at, f"{one.symbol} has a parent and so no scope of its own"
    prefix = one.type.rpartition("/")[0]
    parent = symbols.get(one.parent) if one.parent else None
    if parent and prefix.lower() != parent.type.lower():
        yield one.at, f"{one.type} cannot be a child of {parent.type}"
    if not one.parent and "/" in prefix:
        yield one.at, f"{one.type} is the type of a child: write parent:"
    scope = symbols.get(one.scope) if one.scope else None
    if scope and scope.type.lower() == RESOURCE_GROUPS:
        yield one.at, f"{one.symbol} is in another resource group: write it in that group's file"


def _body(one: Declaration, document: Document) -> Iterator[Problem]:
    symbols = document.by_symbol()
    for key, value in one.body.properties:
        if key in META_PROPERTIES:
            yield from _unknown(value, symbols)
        else:
            yield from _values(Object(((key, value),)), symbols)
    if document.scope == "resourceGroup" and one.type.lower() == RESOURCE_GROUPS:
        yield one.at, "a resource group is declared in a file of targetScope 'subscription'"


def _unknown(value: Value, symbols: dict[str, Declaration]) -> Iterator[Problem]:
    for member in members(value):
        if member.symbol not in symbols:
            yield member.at, f"no resource is called {member.symbol} here"


def _values(value: Value, symbols: dict[str, Declaration]) -> Iterator[Problem]:
    yield from _unknown(value, symbols)
    for member in members(value):
        match member.path:
            case ("id",) | ("name",) | ("properties" | "identity", *_):
                pass
            case _:
                yield member.at, "of another resource, only .id, .name, .properties and .identity may be used"
    for text, is_key in _texts(value):
        yield from _text(text, is_key)


def _texts(value: Value, is_key: bool = False) -> Iterator[tuple[Interpolated, bool]]:
    match value:
        case Interpolated():
            yield value, is_key
        case Object():
            for key, item in value.properties:
                yield from _texts(key, is_key=True)
                yield from _texts(item)
        case tuple():
            for item in value:
                yield from _texts(item)


def _text(text: Interpolated, is_key: bool) -> Iterator[Problem]:
    unknown = [member for member in text.members if member.is_runtime]
    if unknown and is_key:
        yield text.at, "a key cannot hold a value that is only known after apply"
    if len(unknown) > 1:
        yield text.at, "a text can hold one value that is only known after apply, not more"
    if unknown and any("{}" in part for part in text.parts if isinstance(part, str)):
        yield text.at, "a text with a value that is only known after apply cannot hold {} itself"


def _circles(document: Document) -> Iterator[Problem]:
    """Resources that wait for themselves, each told once."""
    symbols = document.by_symbol()
    direct = {one.symbol: {m.symbol for m in members(one.body)} & symbols.keys() for one in document.resources}
    for one in document.resources:
        reached, waiting = set[str](), set(direct[one.symbol])
        while waiting:
            symbol = waiting.pop()
            reached.add(symbol)
            waiting |= direct[symbol] - reached
        if one.symbol in reached:
            yield one.at, f"{one.symbol} refers to itself, directly or through others"
