"""What the YAML names must be in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.yaml_files import merge
from reconciler.adapters.yaml_nodes import read_document
from reconciler.adapters.yaml_paths import missing_files
from reconciler.core.desired import DesiredState
from tests.adapters.yaml_repository import BASE, PROD, write_repository


def declared(base: str) -> DesiredState:
    low, high = read_document("base", base.encode()).root, read_document("prod", PROD.encode()).root
    assert low is not None
    assert high is not None
    return DesiredState.model_validate(merge(low, high).plain())


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        pytest.param("data/sales.csv", "data/sales.csv", [], id="all is there"),
        pytest.param(
            "data/sales.csv",
            "data/sale.csv",
            ['data.sales.path: no such file "data/sale.csv": did you mean "data/sales.csv"?'],
            id="a misspelt file",
        ),
        pytest.param(
            "data/contract.yaml",
            "nowhere/c.yaml",
            ['data.sales.contract: no such file "nowhere/c.yaml"'],
            id="a folder that is not there",
        ),
        pytest.param(
            "data/sales.csv",
            "../sales.csv",
            ['data.sales.path: "../sales.csv" is outside the repository: expected a file inside it'],
            id="a file outside",
        ),
        pytest.param(
            "data/sales.csv",
            "/etc/passwd",
            ['data.sales.path: "/etc/passwd" is outside the repository: expected a file inside it'],
            id="an absolute path",
        ),
        pytest.param("data/sales.csv", "data", ['data.sales.path: "data" is not a file'], id="a folder for a file"),
        pytest.param(
            "code: training",
            "code: data/sales.csv",
            ['jobs.train.code: "data/sales.csv" is not a folder'],
            id="a file for a folder",
        ),
        pytest.param(
            "context: scoring",
            "context: scorng",
            ['runtime_images.scoring.context: no such folder "scorng": did you mean "scoring"?'],
            id="a misspelt context is one mistake",
        ),
        pytest.param(
            "context: scoring",
            "context: data",
            ['runtime_images.scoring.dockerfile: no such file "data/Dockerfile"'],
            id="a context without a Dockerfile",
        ),
    ],
)
def test_what_is_named_is_there(tmp_path: Path, old: str, new: str, found: list[str]) -> None:
    problems = missing_files(write_repository(tmp_path), declared(BASE.replace(old, new)))
    assert [f"{'.'.join(map(str, problem.path))}: {problem.message}" for problem in problems] == found
