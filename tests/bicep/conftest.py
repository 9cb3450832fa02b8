"""The official compiler as one warm process, where it lies beside the repository."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.official_bicep import Calls, compiler
from reconciler.bicep import Template

BICEP = Path(__file__).resolve().parents[3] / "shared" / "tools" / "bicep"


@pytest.fixture(scope="session")
def official() -> Iterator[Calls]:
    if not BICEP.exists():
        pytest.skip("the official compiler is not at ../shared/tools/bicep")
    with compiler(BICEP) as calls:
        yield calls


@pytest.fixture
def build(official: Calls, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """`build(text)`: what `bicep build` makes of it, its own stamp apart."""

    def compile_officially(text: str) -> dict[str, Any]:
        file = tmp_path / "snippet.bicep"
        file.write_bytes(text.encode())
        answer = official.call("bicep/compile", {"path": str(file)})
        errors = [one for one in answer["diagnostics"] if one["level"] == "Error"]
        assert not errors, f"the official compiler refuses the test's own text: {errors}"
        return without_stamp(json.loads(answer["contents"]))

    return compile_officially


def without_stamp(template: Template) -> Template:
    metadata = {key: value for key, value in template["metadata"].items() if key != "_generator"}
    return template | {"metadata": metadata}
