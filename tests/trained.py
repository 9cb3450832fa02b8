"""Trained models for tests: small ones of a few stores, made once a session by the project's own training code."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TRAINING = ROOT / "models" / "retail-forecast" / "training"
DATA = ROOT / "models" / "retail-forecast" / "data" / "orange_juice_weekly.csv.gz"
STORES = {"2", "5", "8", "9", "12"}


def train(data: Path, variant: str, output: Path) -> str:
    """Runs train.py as a job would, in a process of its own. Returns what it printed."""
    words = [sys.executable, "train.py", "--data", str(data), "--variant", variant, "--output", str(output)]
    done = subprocess.run(words, cwd=TRAINING, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def few_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of five stores."""
    path = tmp_path_factory.mktemp("data") / "few.csv"
    with gzip.open(DATA, "rt", newline="") as source, path.open("w", newline="") as target:
        rows = csv.reader(source)
        writer = csv.writer(target)
        writer.writerow(next(rows))
        writer.writerows(row for row in rows if row[1] in STORES)
    return path


@pytest.fixture(scope="session")
def small_models(few_stores: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Output folder of each variant, trained on five stores."""
    folder = tmp_path_factory.mktemp("models")
    for variant in ("1", "2"):
        train(few_stores, variant, folder / variant)
    return {variant: folder / variant for variant in ("1", "2")}
