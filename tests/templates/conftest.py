"""A copy of the repository with two model versions and two colours, so that specs of every kind are rendered."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.adapters.jinja import render_files
from reconciler.adapters.yaml_files import Loaded, load
from reconciler.core.resource import Resource
from reconciler.render import resources
from tests.adapters.yaml_repository import VERSION

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "staging", "prod")
COLOURS = """\
    deployments:
      blue: {model: "retail-forecast:1", size: Standard_F4s_v2, instances: {min: 2, max: 4}}
      green:
        model: "retail-forecast:2"
        size: Standard_F4s_v2
        request_timeout_s: 5
        variables: {LOG_LEVEL: debug}
"""


@dataclass(frozen=True)
class Rendered:
    """One environment: its YAML, the files of build/ENV and the resources that follow from them."""

    loaded: Loaded
    files: dict[str, str]
    resources: list[Resource]


@pytest.fixture(scope="session")
def populated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every environment serves version 1 as blue, has version 2 as green, and splits and mirrors traffic."""
    root = tmp_path_factory.mktemp("repository")
    for folder in ("environments", "templates", "models", "scoring"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    versions = root / "models" / "retail-forecast" / "versions"
    versions.mkdir(exist_ok=True)
    for number in "12":
        text = VERSION.replace("NUMBER", number).replace("sales:1", "orange-juice-weekly:1")
        (versions / f"{number}.yaml").write_text(text)
    for name in ENVIRONMENTS:
        file = root / "environments" / f"{name}.yaml"
        text = file.read_text()
        assert "    deployments: {}\n" in text
        text = text.replace("    deployments: {}\n", COLOURS)
        file.write_text(
            text.replace("    traffic: {}\n", "    traffic: {blue: 90, green: 10}\n    mirror: {green: 5}\n")
        )
    return root


@pytest.fixture(scope="session")
def rendered(populated: Path) -> dict[str, Rendered]:
    """By environment."""
    found = {}
    for name in ENVIRONMENTS:
        loaded = load(populated, name)
        files = render_files(loaded, populated)
        found[name] = Rendered(loaded, files, resources(loaded, populated, files))
    return found
