"""Declarations -> ids and bodies in ARM's wire form, with references where only Azure knows the value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from reconciler.bicep.syntax import (
    META_PROPERTIES,
    RESOURCE_GROUPS,
    Call,
    Declaration,
    Document,
    Interpolated,
    Member,
    Object,
    Value,
)
from reconciler.core.resource import Body, Reference, ResourceId
from reconciler.errors import Bug


@dataclass(frozen=True)
class Lowered:
    """One resource as it would be sent. `needs` are the ids it refers to, its parent and its scope."""

    symbol: str
    id: ResourceId
    api_version: str
    body: Body
    needs: frozenset[ResourceId]
    line: int
    declared_at: str


def lower_document(document: Document, subscription_id: str, resource_group: str | None) -> list[Lowered]:
    """In source order; `existing` resources are not in it."""
    lowering = _Lowering(document, subscription_id, resource_group)
    return [lowering.resource(one) for one in document.resources if not one.existing]


class _Lowering:
    def __init__(self, document: Document, subscription_id: str, resource_group: str | None) -> None:
        self._symbols = document.by_symbol()
        self._subscription = f"/subscriptions/{subscription_id}"
        self._root = (
            self._subscription
            if document.scope == "subscription"
            else f"{self._subscription}/resourceGroups/{resource_group}"
        )
        if document.scope == "resourceGroup" and not resource_group:
            raise Bug("a file at resource group scope was lowered without a resource group")

    def resource(self, one: Declaration) -> Lowered:
        needs: set[ResourceId] = set()
        body = {
            self._key(key, needs): self._value(item, needs)
            for key, item in one.body.properties
            if key not in META_PROPERTIES
        }
        for symbol in (one.parent, one.scope, *one.depends_on):
            needs |= {self.id(self._symbols[symbol])} if symbol else set()
        return Lowered(one.symbol, self.id(one), one.api_version, body, frozenset(needs), one.at.line, one.declared_at)

    def id(self, one: Declaration) -> ResourceId:
        kind, name = one.type.rpartition("/")[2], one.name
        if one.parent:
            return ResourceId(f"{self.id(self._symbols[one.parent])}/{kind}/{name}")
        if one.type.lower() == RESOURCE_GROUPS:
            return ResourceId(f"{self._subscription}/resourceGroups/{name}")
        root = self.id(self._symbols[one.scope]) if one.scope else self._root
        return ResourceId(f"{root}/providers/{one.type}/{name}")

    def _value(self, value: Value, needs: set[ResourceId]) -> Any:
        match value:
            case Object():
                return {self._key(key, needs): self._value(item, needs) for key, item in value.properties}
            case tuple():
                return [self._value(item, needs) for item in value]
            case Member():
                return self._member(value, needs)
            case Interpolated():
                return self._interpolated(value, needs)
            case Call():
                return self._call(value)
        return value

    def _key(self, key: str | Interpolated, needs: set[ResourceId]) -> str:
        text = key if isinstance(key, str) else self._interpolated(key, needs)
        if not isinstance(text, str):
            raise Bug("a key that is only known after apply passed the checks")
        return text

    def _member(self, value: Member, needs: set[ResourceId]) -> str | Reference:
        target = self._symbols[value.symbol]
        resource = self.id(target)
        needs.add(resource)
        match value.path:
            case () | ("id",):
                return str(resource)
            case ("name",):
                return target.name
        return Reference(resource, ".".join(value.path))

    def _interpolated(self, value: Interpolated, needs: set[ResourceId]) -> str | Reference:
        parts = [part if isinstance(part, str) else self._member(part, needs) for part in value.parts]
        unknown = [part for part in parts if isinstance(part, Reference)]
        if not unknown:
            return "".join(part for part in parts if isinstance(part, str))
        if len(unknown) > 1:
            raise Bug("a text with two values that are only known after apply passed the checks")
        text = "".join(part if isinstance(part, str) else "{}" for part in parts)
        return Reference(unknown[0].resource, unknown[0].path, text)

    def _call(self, value: Call) -> Any:
        kind, *names = value.arguments
        if value.function == "json":
            return json.loads(kind)
        namespace, *kinds = kind.split("/")
        pairs = "/".join(f"{one}/{name}" for one, name in zip(kinds, names, strict=True))
        root = {"subscriptionResourceId": self._subscription, "tenantResourceId": ""}.get(value.function, self._root)
        return f"{root}/providers/{namespace}/{pairs}"
