"""The training code: no leakage, honest evaluation, one dependency set, one copy of the features."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import re
from pathlib import Path

import pytest

from tests.trained import DATA, ROOT, TRAINING, train


def test_the_features_are_one_implementation() -> None:
    assert (ROOT / "scoring" / "forecaster.py").read_bytes() == (TRAINING / "forecaster.py").read_bytes()


def test_a_model_is_text_and_json_only(small_models: dict[str, Path]) -> None:
    files = sorted(path.name for path in (small_models["2"] / "model").iterdir())
    assert files == ["model.json", "p10.txt", "p50.txt", "p90.txt"]
    assert (small_models["2"] / "model" / "p50.txt").read_text().startswith("tree\n")


def test_training_twice_gives_the_same_model(few_stores: Path, small_models: dict[str, Path], tmp_path: Path) -> None:
    train(few_stores, "1", tmp_path)
    assert (tmp_path / "model" / "p50.txt").read_bytes() == (small_models["1"] / "model" / "p50.txt").read_bytes()


def test_sales_of_the_held_out_weeks_do_not_reach_the_model(
    few_stores: Path, small_models: dict[str, Path], tmp_path: Path
) -> None:
    """Sales after the last week that is learnt from are multiplied; the boosters stay the same, byte for byte."""
    changed = tmp_path / "changed.csv"
    with few_stores.open(newline="") as source, changed.open("w", newline="") as target:
        rows = csv.reader(source)
        writer = csv.writer(target)
        writer.writerow(next(rows))
        for row in rows:
            writer.writerow([*row[:3], str(int(row[3]) * 7) if row[0] > "1992-08-06" else row[3], *row[4:]])
    train(changed, "2", tmp_path / "out")
    for name in ("p10.txt", "p50.txt", "p90.txt"):
        assert (tmp_path / "out" / "model" / name).read_bytes() == (small_models["2"] / "model" / name).read_bytes()


@pytest.mark.slow
def test_version_2_beats_version_1_and_both_beat_repeating_last_week(tmp_path: Path) -> None:
    for variant in ("1", "2"):
        train(DATA, variant, tmp_path / variant)
    one, two = (json.loads((tmp_path / variant / "metrics.json").read_text()) for variant in ("1", "2"))
    assert one["examples"] == two["examples"]
    assert two["wape"] < one["wape"] < one["wape_naive"]
    assert two["mape"] < one["mape"]


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^[\s-]*([A-Za-z0-9-]+)==([^\s;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    "path",
    [
        "models/retail-forecast/training/requirements.txt",
        "models/retail-forecast/training/conda.yaml",
        "scoring/requirements.txt",
    ],
)
def test_runtime_images_and_the_lock_pin_the_same_versions(path: str) -> None:
    locked, pinned = pins((ROOT / "requirements.lock").read_text()), pins((ROOT / path).read_text())
    assert pinned, f"{path} pins nothing"
    assert pinned == {name: locked[name] for name in pinned}
    assert pinned == {name: importlib.metadata.version(name) for name in pinned}


def test_the_conda_file_and_the_requirements_agree() -> None:
    assert pins((TRAINING / "conda.yaml").read_text()) == pins((TRAINING / "requirements.txt").read_text())


@pytest.mark.parametrize("folder", ["models/retail-forecast/training", "scoring"])
def test_dockerfiles_install_the_pinned_requirements_and_nothing_else(folder: str) -> None:
    text = (ROOT / folder / "Dockerfile").read_text()
    installs = re.findall(r"pip install (.*)", text)
    assert installs == ["--no-cache-dir -r requirements.txt"]
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert "FROM python:3.11-slim" in text
