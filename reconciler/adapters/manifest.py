"""The digest of an artefact: of a file its sha256, of a folder that of its manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePath

CHUNK_BYTES = 1 << 20


def manifest(folder: Path) -> str:
    """`sha256sum` lines of every file below `folder`, sorted by relative path: `sha256sum --check` reads them."""
    found = ((path.relative_to(folder), path) for path in folder.rglob("*") if path.is_file())
    files = sorted((name.as_posix(), path) for name, path in found if not _is_by_product(name))
    return "".join(f"{_file_sha256(path)}  {name}\n" for name, path in files)


def _is_by_product(name: PurePath) -> bool:
    """What an interpreter or a file manager leaves behind is no part of an artefact."""
    return any(part == "__pycache__" or part.startswith(".") for part in name.parts)


def manifest_sha256(path: Path) -> str:
    """Raises FileNotFoundError when nothing lies at `path`."""
    if path.is_dir():
        return hashlib.sha256(manifest(path).encode()).hexdigest()
    return _file_sha256(path)


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
