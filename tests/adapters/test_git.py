"""The commit that a plan names."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.git import OUTSIDE, commit


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def committed(root: Path) -> None:
    git(root, "init", "-q")
    (root / "base.yaml").write_text("a: 1\n")
    git(root, "add", "base.yaml")
    git(root, "commit", "-q", "-m", "first")


def changed(root: Path) -> None:
    committed(root)
    (root / "base.yaml").write_text("a: 2\n")


def added(root: Path) -> None:
    committed(root)
    (root / "prod.yaml").write_text("b: 1\n")


@pytest.mark.parametrize(
    ("prepare", "dirty"),
    [
        pytest.param(committed, False, id="a clean tree is named by its commit alone"),
        pytest.param(changed, True, id="a changed tracked file makes it dirty"),
        pytest.param(added, True, id="a new file makes it dirty"),
    ],
)
def test_in_a_repository(tmp_path: Path, prepare: Callable[[Path], None], dirty: bool) -> None:
    prepare(tmp_path)
    head = subprocess.run(
        ["git", "-C", str(tmp_path), "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert commit(tmp_path) == (f"{head}-dirty" if dirty else head)


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(lambda _root: None, id="a folder outside any repository has no commit"),
        pytest.param(lambda root: git(root, "init", "-q"), id="a repository without commits has none either"),
    ],
)
def test_without_a_commit(tmp_path: Path, prepare: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    prepare(tmp_path)
    assert commit(tmp_path) == OUTSIDE
