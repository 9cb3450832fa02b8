"""The field rules of `reconciler/rules/*.yaml`: one file a resource provider."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from reconciler.core.rules import FieldRule, Kind, Rules, ServiceMade
from reconciler.errors import Bug

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
    )


def _read(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(path) or {}


def _types(documents: dict[str, dict[str, Any]], key: str) -> frozenset[str]:
    return frozenset(name.lower() for document in documents.values() for name in document.get(key, []))


def _field(file: str, one: dict[str, Any]) -> FieldRule:
    try:
        values = {key: tuple(one[key]) for key in ("declared", "live") if key in one}
        plain = {key: value for key, value in one.items() if key not in ("declared", "live", "kind", "type", "path")}
        return FieldRule(**plain, **values, kind=Kind(one["kind"]), type=one["type"].lower(), path=one["path"].lower())
    except (KeyError, TypeError, ValueError) as error:
        raise Bug(f"reconciler/rules/{file}: rule {one.get('id', one)}: {error}") from error
