"""Declarations -> an ARM template, as the official compiler writes it (array mode, measured with 0.49)."""

from __future__ import annotations

from typing import Any

from reconciler.bicep.syntax import Call, Declaration, Document, Interpolated, Member, Object, Value

Template = dict[str, Any]

SCHEMAS = {
    "resourceGroup": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "subscription": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
}
GENERATOR = {"name": "reconciler", "version": "1"}
_SPECIAL = ("parent", "scope", "name", "dependsOn")


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
        template["outputs"] = {
            name: {"type": kind, "value": emitter.json(value)} for name, kind, value in document.outputs
        }
    return template


class _Emitter:
    def __init__(self, document: Document) -> None:
        self._symbols = document.by_symbol()
        self._scope = document.scope

    def resource(self, one: Declaration) -> Template:
        emitted: Template = {"type": one.type, "apiVersion": one.api_version}
        if scope := one.refers_to("scope"):
            emitted["scope"] = f"[{self.id(self._symbols[scope])}]"
        emitted["name"] = self._name(one)
        emitted |= {str(self._key(key)): self.json(value) for key, value in one.body.properties if key not in _SPECIAL}
        if needs := self._needs(one):
            emitted["dependsOn"] = [f"[{self.id(self._symbols[symbol])}]" for symbol in needs]
        return emitted

    def _name(self, one: Declaration) -> str:
        names = self._names(one)
        if len(names) == 1:
            return _bracketed(names[0])
        holes = "/".join(f"{{{index}}}" for index in range(len(names)))
        return f"[format('{holes}', {', '.join(_quoted(name) for name in names)})]"

    def _names(self, one: Declaration) -> list[str]:
        parent = one.refers_to("parent")
        return [*(self._names(self._symbols[parent]) if parent else []), one.name]

    def id(self, one: Declaration) -> str:
        """The expression for a resource's id."""
        arguments = ", ".join(_quoted(text) for text in (one.type, *self._names(one)))
        top = one
        while parent := top.refers_to("parent"):
            top = self._symbols[parent]
        if scope := top.refers_to("scope"):
            return f"extensionResourceId({self.id(self._symbols[scope])}, {arguments})"
        return f"{'subscriptionResourceId' if self._scope == 'subscription' else 'resourceId'}({arguments})"

    def _needs(self, one: Declaration) -> list[str]:
        """Symbols of every resource that this one refers to, sorted; existing ones are looked through, not waited for."""
        found: set[str] = set()
        self._collect(one.body, found)
        waited: set[str] = set()
        for symbol in found:
            target = self._symbols[symbol]
            waited |= set(self._needs(target)) if target.existing else {symbol}
        return sorted(waited)

    def _collect(self, value: Value, found: set[str]) -> None:
        match value:
            case Member():
                found.add(value.symbol)
            case Interpolated():
                found.update(part.symbol for part in value.parts if isinstance(part, Member))
            case Object():
                for key, item in value.properties:
                    self._collect(key, found)
                    self._collect(item, found)
            case list():
                for item in value:
                    self._collect(item, found)

    def json(self, value: Value) -> Any:
        match value:
            case Object():
                return {self._key(key): self.json(item) for key, item in value.properties}
            case list():
                return [self.json(item) for item in value]
            case str():
                return _bracketed(value)
            case Member(path=("name",)):
                return _bracketed(self._names(self._symbols[value.symbol])[-1])
            case Member():
                return f"[{self._member(value)}]"
            case Call():
                return f"[{self._call(value)}]"
            case Interpolated():
                return f"[{self._format(value)}]"
        return value

    def _key(self, key: str | Interpolated) -> str:
        return _bracketed(key) if isinstance(key, str) else f"[{self._format(key)}]"

    def _format(self, value: Interpolated) -> str:
        text, arguments = "", []
        for part in value.parts:
            if isinstance(part, str):
                text += part.replace("{", "{{").replace("}", "}}")
            else:
                text += f"{{{len(arguments)}}}"
                arguments.append(self._member(part))
        return f"format({', '.join([_quoted(text), *arguments])})"

    def _call(self, value: Call) -> str:
        return f"{value.function}({', '.join(_quoted(one) for one in value.arguments)})"

    def _member(self, value: Member) -> str:
        target = self._symbols[value.symbol]
        match value.path:
            case () | ("id",):
                return self.id(target)
            case ("name",):
                names = self._names(target)
                return _quoted(names[-1])
            case ("properties", *rest):
                return ".".join([f"reference({self.id(target)}, {_quoted(target.api_version)})", *rest])
        return ".".join([f"reference({self.id(target)}, {_quoted(target.api_version)}, 'full')", *value.path])


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _bracketed(text: str) -> str:
    """Text that looks like an expression must not be one."""
    return f"[{text}" if text.startswith("[") and text.endswith("]") else text
