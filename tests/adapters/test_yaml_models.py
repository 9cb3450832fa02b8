"""Version files: what is written reads back, and is never written twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.model_files import read_catalogue, version_text, write_version
from reconciler.core.model_version import ModelVersion
from tests.adapters.yaml_repository import write_repository


def version(number: int, commit: str) -> ModelVersion:
    return ModelVersion.model_validate(
        {
            "version": number,
            "artefact": {"path": "azureml://a/b", "sha256": "43" * 32, "size_bytes": 7, "format": "lightgbm-text"},
            "data": {"asset": "sales:1", "sha256": "9b1c" * 16},
            "code": {"commit": commit, "path": "models/retail-forecast"},
            "job": {"name": "train-1", "environment": "dev"},
            "metrics": {"wape": 24.1, "bias": -0.4, "tiny": 1e-07},
            "smoke": {
                "tolerance_percent": 0.5,
                "cases": [{"request": {"weeks": [{"price": 2.5, "promotion": True}]}, "forecast": [1.5, 2.0]}],
            },
        }
    )


@pytest.mark.parametrize(
    "commit",
    [
        pytest.param("3f2a1c9", id="a commit"),
        pytest.param("1234567", id="a commit that YAML takes for a number"),
        pytest.param("12e4567", id="a commit that YAML takes for a float"),
        pytest.param("0000000", id="a commit of zeros"),
    ],
)
def test_what_is_registered_reads_back(tmp_path: Path, commit: str) -> None:
    root = write_repository(tmp_path)
    wanted = version(3, commit)
    file = write_version(root, "retail-forecast", wanted)
    catalogue, findings = read_catalogue(root)
    assert findings == []
    assert catalogue.models["retail-forecast"].versions[3] == wanted
    assert [entry.name for entry in sorted(file.parent.iterdir())] == ["1.yaml", "2.yaml", "3.yaml"]


def test_a_version_is_written_once(tmp_path: Path) -> None:
    root = write_repository(tmp_path)
    before = (root / "models/retail-forecast/versions/2.yaml").read_text()
    with pytest.raises(FileExistsError):
        write_version(root, "retail-forecast", version(2, "3f2a1c9"))
    assert (root / "models/retail-forecast/versions/2.yaml").read_text() == before
    assert not list((root / "models/retail-forecast/versions").glob("*.part"))


def test_a_version_file_is_short_enough_to_review() -> None:
    lines = version_text(version(1, "3f2a1c9")).splitlines()
    assert lines[1:3] == [
        "version: 1",
        f'artefact: {{path: "azureml://a/b", sha256: "{"43" * 32}", size_bytes: 7, format: lightgbm-text}}',
    ]
    assert len(lines) == 11
