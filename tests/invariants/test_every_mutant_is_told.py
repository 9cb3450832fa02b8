"""Change any one thing of what our own templates declare, in any environment: the differ says so."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.rule_files import load_rules
from reconciler.core.diff import Applied, Comparison, compare
from reconciler.core.resource import Body, Reference, Resource
from reconciler.pipeline import desire

pytestmark = [
    pytest.mark.slow,
    # azure-ai-ml 1.35 defines its schemas in a way that marshmallow 4 will no longer take.
    pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning"),
]
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "staging", "prod")
GONE = object()
Place = tuple[str | int, ...]

SAME_BY_MEANING = {
    ("properties.properties.enableNodePublicIp", "gone"): "true is the default and is not always answered",
    ("properties.traffic", "gone"): "no traffic map says the same as an empty one",
    ("properties.mirrorTraffic", "gone"): "no mirror says the same as an empty one",
    ("properties.build.contextUri", "shorter"): "the last slash of an address says nothing",
}
"""Mutants that say what was declared in other words."""


def known(reference: Reference) -> str:
    return f"made-up-{reference.path}"


def resolved(value: Any) -> Any:
    match value:
        case Reference():
            return known(value)
        case dict():
            return {name: resolved(item) for name, item in value.items()}
        case list():
            return [resolved(item) for item in value]
    return value


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every scalar and every empty container, with the way to it."""
    if isinstance(value, dict | list) and value:
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*place, name))
    else:
        yield place, value


def lists(value: Any, place: Place = ()) -> Iterator[Place]:
    if isinstance(value, list):
        yield place
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from lists(item, (*place, name))


def other_values(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"gone": GONE, "flipped": not value}
        case int() | float():
            return {"gone": GONE, "more": value + 1, "less": value - 1}
        case str():
            return {"gone": GONE, "longer": f"{value}x", "numbered": f"{value}1", "shorter": value[:-1]}
    return {"gone": GONE}


def with_value(body: Body, place: Place, value: Any) -> Body:
    changed = copy.deepcopy(body)
    holder: Any = changed
    for name in place[:-1]:
        holder = holder[name]
    if value is GONE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return changed


def with_one_more(body: Body, place: Place) -> Body:
    changed = copy.deepcopy(body)
    holder: Any = changed
    for name in place:
        holder = holder[name]
    first = holder[0]
    holder.append({**first, "name": "by-hand"} if isinstance(first, dict) else f"{first}-by-hand")
    return changed


def mutants(body: Body) -> Iterator[tuple[str, str, Body]]:
    for place, value in leaves(body):
        for kind, other in other_values(value).items():
            yield ".".join(map(str, place)), kind, with_value(body, place, other)
    for place in lists(body):
        yield ".".join(map(str, place)), "one more", with_one_more(body, place)


def is_told(resource: Resource, live: Body, applied: Applied | None) -> bool:
    comparison = Comparison(resource.type, load_rules(), known, applied, resource.api_version)
    return bool(compare(resource.body, live, comparison).changes)


def test_every_mutant_of_every_environment_is_told() -> None:
    count, missed = 0, set()
    for environment in ENVIRONMENTS:
        for resource in desire(ROOT, environment).resources:
            body = resolved(resource.body)
            record = Applied(body, body, resource.api_version)
            assert not is_told(resource, body, None), resource.id
            for path, kind, live in mutants(body):
                count += 1
                if not (is_told(resource, live, None) and is_told(resource, live, record)):
                    missed.add((path, kind))
    assert missed <= set(SAME_BY_MEANING)
    assert count >= 2000
