"""What every test shares: golden files, the repository, the folder of shared facts."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.embedded", "tests.trained"]

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what the code now prints into the golden files"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest):
    """`golden(path, text)`: text equals the file's; with --update-golden the file is written instead."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path} is missing: run pytest with --update-golden and review it"
        assert text == path.read_text()

    return compare


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Azure's type definitions, recorded payloads and the official compiler; not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder of recorded Azure facts beside the repository (../shared)")
    return SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow modules first: with two workers, a long one that begins last is waited for alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
