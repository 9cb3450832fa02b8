"""`models/<name>/model.yaml` and `models/<name>/versions/<n>.yaml` as a catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from reconciler.adapters.yaml_nodes import Document, read_document
from reconciler.adapters.yaml_specs import to_spec
from reconciler.adapters.yaml_text import spell
from reconciler.core.model_version import Catalogue, Model, ModelSpec, ModelVersion
from reconciler.errors import Finding

SpecType = TypeVar("SpecType", bound=BaseModel)
Reader = Callable[[Path], bytes]


def read_catalogue(root: Path, read: Reader = Path.read_bytes) -> tuple[Catalogue, list[Finding]]:
    """Every model that has a `model.yaml`, and what is wrong with its files."""
    findings: list[Finding] = []
    models: dict[str, Model] = {}
    for file in sorted((root / "models").glob("*/model.yaml")):
        document, spec = _read(root, file, ModelSpec, read)
        findings += document.findings
        if spec is not None and spec.name != file.parent.name:
            findings.append(_at(document, "name", f'name must equal the folder\'s: expected "{file.parent.name}"'))
        versions, more = _versions(root, file.parent, spec, read)
        findings += more
        if spec is not None:
            models[file.parent.name] = Model(spec, versions)
    return Catalogue(models), findings


def version_text(version: ModelVersion) -> str:
    """A version file: one line a subject, and one a smoke case. Digits that are text are quoted."""
    data = version.model_dump()
    smoke = data.pop("smoke")
    lines = ["# Written by `reconciler models register`; never edited."]
    lines += [f"{key}: {spell(value)}" for key, value in data.items()]
    lines += ["smoke:", f"  tolerance_percent: {spell(smoke['tolerance_percent'])}", "  cases:"]
    lines += [f"    - {spell(case)}" for case in smoke["cases"]]
    return "\n".join(lines) + "\n"


def write_version(root: Path, model: str, version: ModelVersion) -> Path:
    """Writes `models/<model>/versions/<n>.yaml` in one step. Raises FileExistsError: a version never changes."""
    file = root / "models" / model / "versions" / f"{version.version}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = file.with_suffix(".part")
    whole.write_text(version_text(version), encoding="utf-8")
    try:
        file.hardlink_to(whole)
    finally:
        whole.unlink()
    return file


def _versions(
    root: Path, folder: Path, spec: ModelSpec | None, read: Reader
) -> tuple[dict[int, ModelVersion], list[Finding]]:
    findings: list[Finding] = []
    versions: dict[int, ModelVersion] = {}
    for file in sorted((folder / "versions").glob("*.yaml")):
        document, version = _read(root, file, ModelVersion, read)
        if version is not None and str(version.version) != file.stem:
            document.findings.append(
                _at(
                    document,
                    "version",
                    f"version must equal the file's name: expected {file.stem}, found {version.version}",
                )
            )
        if version is not None and spec is not None and spec.metric.name not in version.metrics:
            message = f'no metric "{spec.metric.name}", by which {spec.name} is judged (model.yaml); found '
            document.findings.append(_at(document, "metrics", message + (", ".join(sorted(version.metrics)) or "none")))
        findings += document.findings
        if version is not None:
            versions[version.version] = version
    return versions, findings


def _read(root: Path, file: Path, spec: type[SpecType], read: Reader) -> tuple[Document, SpecType | None]:
    document = read_document(file.relative_to(root).as_posix(), read(file))
    if document.root is None:
        return document, None
    checked = to_spec(spec, document.root, document.finding)
    document.findings += checked.findings
    return document, checked.spec


def _at(document: Document, key: str, message: str) -> Finding:
    assert document.root is not None
    node = document.root.at((key,))
    return document.finding(node.span if node else document.root.span, message)
