"""Mistakes as a person makes them at the command line: a clear error with its place, the right exit code, nothing half-written."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.demo.scratch import scratch_copy
from tests.conftest import ROOT

BLUE = '      blue: {model: "retail-forecast:1", size: Standard_F4s_v2, instances: {min: 1, max: 1}}'


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scratch_copy(ROOT, tmp_path_factory.mktemp("bad") / "repository")


@pytest.fixture
def repository(copied: Path, tmp_path: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(copied), str(tmp_path / "clone")], check=True)
    return tmp_path / "clone"


def reconciler(repository: Path, *words: str, **variables: str) -> tuple[int, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    command = [sys.executable, "-m", "reconciler.cli", "-C", str(repository), *words]
    environment = {**own, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)
    return done.returncode, done.stdout + done.stderr


def replace(old: str, new: str, file: str = "environments/dev.yaml") -> Callable[[Path], None]:
    def edit(repository: Path) -> None:
        path = repository / file
        text = path.read_text()
        assert old in text, f"{file} no longer holds {old!r}"
        path.write_text(text.replace(old, new, 1))

    return edit


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        pytest.param(
            replace("name_suffix:", "name_sufix:"),
            ["environments/dev.yaml:5:1", 'did you mean "name_suffix"'],
            id="a misspelt key",
        ),
        pytest.param(
            replace("idle_before_scale_down_s: 900", "idle_before_scale_down_s: soon", "environments/base.yaml"),
            ["environments/base.yaml:26", "a whole number"],
            id="text where a number belongs",
        ),
        pytest.param(
            replace(
                "    deployments: {}\n    # {blue: 90, green: 10}\n    traffic: {}",
                f"    deployments:\n{BLUE}\n    traffic: {{blue: 90}}",
            ),
            ["adds up to 90, not 100 or 0"],
            id="traffic of 90",
        ),
        pytest.param(
            replace("    deployments: {}", f"    deployments:\n{BLUE}"),
            ["retail-forecast:1"],
            id="a model version that nobody registered",
        ),
        pytest.param(
            replace("Standard_DS3_v2", "Standard_DS33_v2", "environments/base.yaml"),
            ["environments/base.yaml:26", "Standard_DS33_v2"],
            id="a size that does not exist",
        ),
        pytest.param(
            replace("runtime_image: training", "runtime_image: traning", "environments/base.yaml"),
            ["environments/base.yaml", 'did you mean "training"'],
            id="a reference to nothing",
        ),
        pytest.param(
            replace("    deployments: {}", "\tdeployments: {}"),
            ["environments/dev.yaml:10", "tab"],
            id="a tab as indentation",
        ),
        pytest.param(
            replace(
                "name: {{ names.registry | bicep }}",
                "name: {{ names.registri | bicep }}",
                "templates/infra/registry.bicep.j2",
            ),
            ["templates/infra/registry.bicep.j2:"],
            id="a template that names what is not there",
        ),
        pytest.param(
            replace("adminUserEnabled: false", "adminUserEnabled: !true", "templates/infra/registry.bicep.j2"),
            ["main.bicep:", "flat subset"],
            id="a template that is not flat",
        ),
    ],
)
def test_validate_names_the_place(repository: Path, edit: Callable[[Path], None], parts: list[str]) -> None:
    edit(repository)
    code, printed = reconciler(repository, "validate", "dev")
    assert code == 1, printed
    assert all(part in printed for part in parts), printed
    assert "Traceback" not in printed
    assert not (repository / "build").exists()


def test_an_environment_that_is_no_file_says_which_there_are(repository: Path) -> None:
    code, printed = reconciler(repository, "render", "production")
    assert code == 1
    assert "prod" in printed
    assert "Traceback" not in printed
    assert not (repository / "build").exists()


def test_data_that_break_their_contract_are_not_trained_on(repository: Path) -> None:
    path = repository / "models" / "retail-forecast" / "data" / "orange_juice_weekly.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    lines[7] = lines[7].replace(",1,", ",99,", 1)
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    code, printed = reconciler(repository, "models", "train", "dev")
    assert code == 1, printed
    assert "orange_juice_weekly.csv.gz:8:1: brand: 99 is above 11" in printed
    assert "Traceback" not in printed


def test_an_azure_that_cannot_be_reached_is_said_so(repository: Path) -> None:
    identity = {
        "AZURE_TENANT_ID": "0" * 8 + "-0000-0000-0000-" + "0" * 12,
        "AZURE_CLIENT_ID": "x",
        "AZURE_CLIENT_SECRET": "s3cr3t-value",
    }
    code, printed = reconciler(
        repository, "plan", "dev", HTTPS_PROXY="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9", **identity
    )
    assert code == 1, printed
    assert "Next:" in printed
    assert "s3cr3t-value" not in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("words", "part"),
    [
        pytest.param(["traffic", "dev", "blue=lots"], "whole number", id="a share in words"),
        pytest.param(["traffic", "dev", "blue=100"], "blue", id="traffic to a deployment that is not declared"),
        pytest.param(
            [
                "promote",
                "dev",
                "retail-forecast:9",
                "--deployment",
                "blue",
                "--size",
                "Standard_F4s_v2",
                "--instances",
                "1",
            ],
            "retail-forecast:9",
            id="an unknown version",
        ),
        pytest.param(
            ["models", "show", "retail-forecast:1"], "there is no model version", id="showing what is not there"
        ),
        pytest.param(["apply", "dev", "--approve", "yes"], "neither a digest", id="an approval that is none"),
    ],
)
def test_edits_and_questions_that_cannot_be(repository: Path, words: list[str], part: str) -> None:
    before = (repository / "environments" / "dev.yaml").read_text()
    code, printed = reconciler(repository, *words, HTTPS_PROXY="http://127.0.0.1:9")
    assert code == 1, printed
    assert part in printed
    assert "Traceback" not in printed
    assert (repository / "environments" / "dev.yaml").read_text() == before
