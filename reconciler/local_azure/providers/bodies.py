"""Small moves on wire bodies that several providers make."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from reconciler.local_azure.behaviour import Body
from reconciler.local_azure.wire import AzureRefusal


def defaulted(body: Body, defaults: Body) -> Body:
    """`body` with what it does not say taken from `defaults`, at every depth."""
    merged = dict(body)
    for key, value in defaults.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = defaulted(merged[key], value)
        elif merged.get(key) is None:
            merged[key] = value
    return merged


def at(body: Body | None, path: str) -> Any:
    """The value at a dotted path; None where it ends early."""
    value: Any = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def refuse_change(before: Body | None, after: Body, path: str, code: str) -> None:
    """Raises AzureRefusal(409) when an immutable property would change."""
    old, new = at(before, path), at(after, path)
    if before is not None and new is not None and old is not None and old != new:
        name = path.rpartition(".")[2]
        raise AzureRefusal(409, code, f"The property '{name}' was specified in the input, but it cannot be updated.")


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def location(text: str) -> str:
    return text.replace(" ", "").lower()
