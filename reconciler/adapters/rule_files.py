"""The field rules of `reconciler/rules/*.yaml`: one file a resource provider."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from reconciler.core.rules import FieldRule, Kind, Rules, ServiceMade
from reconciler.errors import Bug

_VALUES = ("declared", "live", "api_versions")
FOLDER = Path(__file__).resolve().parent.parent / "rules"


@cache
def load_rules(folder: Path = FOLDER) -> Rules:
    """Every rule of every file. Raises Bug on a rule without a reason, of an unknown kind, or with an id used twice."""
    documents = {path.name: _read(path) for path in sorted(folder.glob("*.yaml"))}
    fields = [_field(name, one) for name, document in documents.items() for one in document.get("fields", [])]
    ids = [rule.id for rule in fields]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise Bug(f"rule ids are used twice: {', '.join(twice)}")
    return Rules(
        fields=tuple(sorted(fields, key=lambda rule: rule.id)),
        service_made=tuple(
            ServiceMade(**one) for document in documents.values() for one in document.get("service_made", [])
        ),
        stateful=_types(documents, "stateful"),
        retained=_types(documents, "retained"),
        untagged=_types(documents, "untagged"),
        parse=_parse,
    )


def _read(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(path) or {}


def _parse(text: str) -> Any:
    """The document that a text holds: YAML, and so JSON too."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ValueError(str(error)) from error


def _types(documents: dict[str, dict[str, Any]], key: str) -> frozenset[str]:
    return frozenset(name.lower() for document in documents.values() for name in document.get(key, []))


def _field(file: str, one: dict[str, Any]) -> FieldRule:
    try:
        values: dict[str, Any] = {key: tuple(one[key]) if key in _VALUES else one[key] for key in one}
        names: dict[str, Any] = {"kind": Kind(one["kind"]), "type": one["type"].lower(), "path": one["path"].lower()}
        rule = FieldRule(**values | names)
    except (KeyError, TypeError, ValueError) as error:
        raise Bug(f"reconciler/rules/{file}: rule {one.get('id', one)}: {error}") from error
    if not rule.reason:
        raise Bug(f"reconciler/rules/{file}: rule {rule.id} gives no reason")
    return rule
