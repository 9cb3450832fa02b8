"""Which commit a plan was made from: metadata for people, never part of a digest."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

OUTSIDE = "no-commit"
"""`root` is in no git repository, has no commit yet, or git is not installed."""


def commit(root: Path) -> str:
    """The short id of HEAD; with `-dirty` where tracked or new files differ from it."""
    head = _git(root, "rev-parse", "--short", "HEAD")
    if head is None:
        return OUTSIDE
    return f"{head}-dirty" if _git(root, "status", "--porcelain") else head


def changed(folder: Path) -> bool:
    """Whether tracked or new files below a folder differ from HEAD."""
    return bool(_git(folder, "status", "--porcelain", "--", "."))


def _git(root: Path, *arguments: str) -> str | None:
    """What git printed; None where it refused."""
    program = shutil.which("git")
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603  fixed arguments, no shell
        [program, "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout.strip() if done.returncode == 0 else None
