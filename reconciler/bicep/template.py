"""Declarations -> an ARM template, as the official compiler writes it (array mode, measured with 0.49)."""

from __future__ import annotations

from typing import Any

from reconciler.bicep.syntax import (
    META_PROPERTIES,
    Call,
    Declaration,
    Document,
    Interpolated,
    Member,
    Object,
    Output,
    Value,
    members,
)

Template = dict[str, Any]

SCHEMAS = {
    "resourceGroup": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "subscription": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
}
GENERATOR = {"name": "reconciler", "version": "1"}


def template_of(document: Document) -> Template:
    """What `bicep build` would say of the same text, its own stamp apart."""
    emitter = _Emitter(document)
    template: Template = {
        "$schema": SCHEMAS[document.scope],
        "contentVersion": "1.0.0.0",
        "metadata": {"_generator": GENERATOR},
        "resources": [emitter.resource(one) for one in document.resources if not one.existing],
    }
    if document.outputs:
        template["outputs"] = {one.name: emitter.output(one) for one in document.outputs}
    return template


class _Emitter:
    def __init__(self, document: Document) -> None:
        self._symbols = document.by_symbol()
        self._scope = document.scope

    def resource(self, one: Declaration) -> Template:
        emitted: Template = {"type": one.type, "apiVersion": one.api_version}
        if scope := self._scope_of(one):
            emitted["scope"] = f"[{self.id(self._symbols[scope])}]"
        emitted["name"] = self._name(one)
        emitted |= {self._key(key): self.json(item) for key, item in one.body.properties if key not in META_PROPERTIES}
        if needs := self._needs(one):
            emitted["dependsOn"] = [f"[{self.id(self._symbols[symbol])}]" for symbol in sorted(needs)]
        return emitted | _described(one.description)

    def output(self, one: Output) -> Template:
        return {"type": one.type, **_described(one.description), "value": self.json(one.value)}

    def _scope_of(self, one: Declaration) -> str | None:
        """A child is where its parent is."""
        return self._scope_of(self._symbols[one.parent]) if one.parent else one.scope

    def _name(self, one: Declaration) -> str:
        names = self._names(one)
        if len(names) == 1:
            return _bracketed(names[0])
        holes = "/".join(f"{{{index}}}" for index in range(len(names)))
        return f"[format('{holes}', {', '.join(_quoted(name) for name in names)})]"

    def _names(self, one: Declaration) -> list[str]:
        return [*(self._names(self._symbols[one.parent]) if one.parent else []), one.name]

    def id(self, one: Declaration) -> str:
        """The expression for a resource's id."""
        arguments = ", ".join(_quoted(text) for text in (one.type, *self._names(one)))
        if scope := self._scope_of(one):
            return f"extensionResourceId({self.id(self._symbols[scope])}, {arguments})"
        return f"{'subscriptionResourceId' if self._scope == 'subscription' else 'resourceId'}({arguments})"

    def _needs(self, one: Declaration) -> set[str]:
        """Symbols of every resource that this one refers to; existing ones are looked through, not waited for."""
        needs: set[str] = set()
        for symbol in {member.symbol for member in members(one.body)}:
            target = self._symbols[symbol]
            needs |= self._needs(target) if target.existing else {symbol}
        return needs

    def json(self, value: Value) -> Any:
        match value:
            case Object():
                return {self._key(key): self.json(item) for key, item in value.properties}
            case tuple():
                return [self.json(item) for item in value]
            case str():
                return _bracketed(value)
            case Member(path=("name",)):
                return _bracketed(self._symbols[value.symbol].name)
            case Member() | Call() | Interpolated():
                return f"[{self._expression(value)}]"
        return value

    def _expression(self, value: Member | Call | Interpolated) -> str:
        match value:
            case Member():
                return self._member(value)
            case Call():
                return f"{value.function}({', '.join(map(_quoted, value.arguments))})"
            case Interpolated():
                return self._format(value)

    def _key(self, key: str | Interpolated) -> str:
        return _bracketed(key) if isinstance(key, str) else f"[{self._format(key)}]"

    def _format(self, value: Interpolated) -> str:
        text = ""
        arguments: list[str] = []
        for part in value.parts:
            if isinstance(part, str):
                text += part.replace("{", "{{").replace("}", "}}")
            else:
                text += f"{{{len(arguments)}}}"
                arguments.append(self._member(part))
        return f"format({', '.join([_quoted(text), *arguments])})"

    def _member(self, value: Member) -> str:
        target = self._symbols[value.symbol]
        match value.path:
            case () | ("id",):
                return self.id(target)
            case ("name",):
                return _quoted(target.name)
            case ("properties", *rest):
                return ".".join([f"reference({self.id(target)}, {_quoted(target.api_version)})", *rest])
        return ".".join([f"reference({self.id(target)}, {_quoted(target.api_version)}, 'full')", *value.path])


def _described(description: str | None) -> Template:
    return {} if description is None else {"metadata": {"description": _bracketed(description)}}


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _bracketed(text: str) -> str:
    """Text that looks like an expression must not be one."""
    return f"[{text}" if text.startswith("[") and text.endswith("]") else text
