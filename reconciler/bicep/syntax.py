"""What flat Bicep is made of. `reader` makes these from text; `template` and `lowering` read them."""

from __future__ import annotations

from dataclasses import dataclass, field

RESOURCE_GROUPS = "microsoft.resources/resourcegroups"
META_PROPERTIES = ("parent", "scope", "name", "dependsOn")
"""What a resource's object says about the resource, not in its body."""


@dataclass(frozen=True)
class Mark:
    """A place in the text: line and column count from 1, `span` is in characters."""

    line: int
    column: int
    span: int = 1


NOWHERE = Mark(1, 1)


@dataclass(frozen=True)
class Member:
    """`symbol.a.b`: what another resource is, or what Azure makes of it. No path: the resource itself."""

    symbol: str
    path: tuple[str, ...] = ()
    at: Mark = field(default=NOWHERE, compare=False)

    @property
    def is_runtime(self) -> bool:
        """Only Azure knows it."""
        return self.path not in ((), ("id",), ("name",))


@dataclass(frozen=True)
class Call:
    """A pure function of literal texts."""

    function: str
    arguments: tuple[str, ...]
    at: Mark = field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class Interpolated:
    """Text and members in turn."""

    parts: tuple[str | Member, ...]
    at: Mark = field(default=NOWHERE, compare=False)

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(part for part in self.parts if isinstance(part, Member))


@dataclass(frozen=True)
class Object:
    """Properties in their order; a key may be interpolated."""

    properties: tuple[tuple[str | Interpolated, Value], ...] = ()

    def get(self, name: str) -> Value:
        return next((value for key, value in self.properties if key == name), None)


Value = None | bool | int | str | tuple["Value", ...] | Object | Member | Call | Interpolated


@dataclass(frozen=True)
class Declaration:
    """`resource symbol 'type@api' = {...}`. `declared_at` is what the comment right above says, if there is one."""

    symbol: str
    type: str
    api_version: str
    existing: bool
    body: Object
    at: Mark
    description: str | None = None
    declared_at: str = ""

    @property
    def name(self) -> str:
        name = self.body.get("name")
        return name if isinstance(name, str) else ""

    @property
    def parent(self) -> str | None:
        return self._symbol_of("parent")

    @property
    def scope(self) -> str | None:
        return self._symbol_of("scope")

    @property
    def depends_on(self) -> tuple[str, ...]:
        listed = self.body.get("dependsOn")
        return tuple(one.symbol for one in listed if isinstance(one, Member)) if isinstance(listed, tuple) else ()

    def _symbol_of(self, key: str) -> str | None:
        value = self.body.get(key)
        return value.symbol if isinstance(value, Member) else None


@dataclass(frozen=True)
class Output:
    name: str
    type: str
    value: Value
    at: Mark
    description: str | None = None


@dataclass(frozen=True)
class Document:
    """A whole file. `scope` is the target scope."""

    scope: str
    resources: tuple[Declaration, ...]
    outputs: tuple[Output, ...] = ()

    def by_symbol(self) -> dict[str, Declaration]:
        return {one.symbol: one for one in self.resources}


def members(value: Value) -> list[Member]:
    """Every member inside a value, keys included, in document order."""
    match value:
        case Member():
            return [value]
        case Interpolated():
            return list(value.members)
        case Object():
            found = [inner for key, item in value.properties for inner in (*members(key), *members(item))]
        case tuple():
            found = [inner for item in value for inner in members(item)]
        case _:
            found = []
    return found
