"""A copy of the repository that the demo may edit and commit to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from reconciler.errors import ReconcilerError


def scratch_copy(root: Path, target: Path) -> Path:
    """Copies what git tracks, as it is in the work tree, and commits it there. `root` itself is only read."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        source = root / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    _git(target, "init", "--quiet", "--initial-branch", "main")
    _git(target, "config", "user.name", "Demo")
    _git(target, "config", "user.email", "demo@example.invalid")
    _git(target, "add", "--all")
    _git(target, "commit", "--quiet", "--no-verify", "--message", "The repository as cloned")
    return target


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603, S607
    except FileNotFoundError as error:
        raise ReconcilerError("git is not on the path: the demo needs it") from error
    except subprocess.CalledProcessError as error:
        raise ReconcilerError(f"git {words[0]} in {folder}: {error.stderr.strip()}") from error
    return done.stdout
