"""Request bodies that people really sent to Azure, written as Bicep: both compilers read them alike, and lower them whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.bicep import compile_template, lower
from tests.bicep.conftest import without_stamp
from tests.bicep.test_literals import spelled

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "pairs.jsonl"
FOLDED = ("id", "name", "type", "apiversion", "scope", "parent", "dependson")
AT_ONCE = 250


@pytest.fixture(scope="module")
def bodies() -> list[dict[str, Any]]:
    """Recorded bodies of whole numbers only, without what Bicep itself says of a resource."""
    if not CORPUS.exists():
        pytest.skip("the recorded request bodies are not at ../shared/corpus")
    with CORPUS.open() as lines:
        sent = [json.loads(line).get("put_body") for line in lines]
    return [
        {key: item for key, item in body.items() if key.lower() not in FOLDED}
        for body in sent
        if isinstance(body, dict) and body and "." not in re.sub(r'"(\\.|[^"\\])*"', "", json.dumps(body))
    ]


def declared(bodies: list[dict[str, Any]]) -> str:
    return "".join(
        f"resource r{number} 'x.y/z@2020-01-01' = {{\n  name: 'n{number}'\n  properties: {spelled(body)}\n}}\n"
        for number, body in enumerate(bodies)
    )


def test_recorded_bodies_lower_to_themselves(bodies: list[dict[str, Any]]) -> None:
    assert len(bodies) > 1000
    lowered = lower(declared(bodies), "main.bicep", "s", "g")
    assert [one.body["properties"] for one in lowered] == bodies


def test_recorded_bodies_compile_as_they_do_officially(
    bodies: list[dict[str, Any]], build: Callable[[str], dict[str, Any]]
) -> None:
    some = bodies[::4]  # all 1,700 were compared once; a quarter keeps the tests short
    for start in range(0, len(some), AT_ONCE):
        text = declared(some[start : start + AT_ONCE])
        assert without_stamp(compile_template(text, "main.bicep")) == build(text)
