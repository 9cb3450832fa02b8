"""Files and folders that the YAML names must be there, inside the repository."""

from __future__ import annotations

from pathlib import Path

from reconciler.adapters.yaml_nodes import Path as KeyPath
from reconciler.core.desired import DesiredState
from reconciler.core.problems import Problem, closest


def missing_files(root: Path, state: DesiredState) -> list[Problem]:
    """What is named and not there, outside the repository, or a file where a folder is meant."""
    found: list[Problem | None] = []
    for name, image in state.runtime_images.items():
        below: KeyPath = ("runtime_images", name)
        found.append(context := _missing(root, (*below, "context"), image.context, folder=True))
        if context is None:
            found.append(_missing(root, (*below, "dockerfile"), f"{image.context}/{image.dockerfile}", folder=False))
    for name, asset in state.data.items():
        found.append(_missing(root, ("data", name, "path"), asset.path, folder=False))
        found.append(_missing(root, ("data", name, "contract"), asset.contract, folder=False))
    for name, job in state.jobs.items():
        found.append(_missing(root, ("jobs", name, "code"), job.code, folder=True))
    return [problem for problem in found if problem]


def _missing(root: Path, path: KeyPath, text: str, *, folder: bool) -> Problem | None:
    noun = "folder" if folder else "file"
    target = root / text
    if not target.resolve().is_relative_to(root.resolve()):
        return Problem(path, f'"{text}" is outside the repository: expected a {noun} inside it')
    if target.is_dir() if folder else target.is_file():
        return None
    if target.exists():
        return Problem(path, f'"{text}" is not a {noun}')
    siblings = [entry.name for entry in target.parent.iterdir()] if target.parent.is_dir() else []
    guess = closest(target.name, siblings)
    hint = f': did you mean "{(Path(text).parent / guess).as_posix()}"?' if guess else ""
    return Problem(path, f'no such {noun} "{text}"{hint}')
