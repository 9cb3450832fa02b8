"""`environments/schema.json`: what an editor completes and underlines while an environment is typed."""

from __future__ import annotations

import ast
import inspect
import json
from typing import Any

from reconciler.core import desired


def schema_text() -> str:
    """The file's text. Nothing is required: an editor sees one file, not the merged whole."""
    schema = _lean(desired.DesiredState.model_json_schema())
    definitions = {**schema["$defs"], "DesiredState": schema}
    for name, meanings in _docstrings().items():
        for key, meaning in meanings.items():
            if key in definitions.get(name, {}).get("properties", {}):
                definitions[name]["properties"][key]["description"] = meaning
    lean = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(lean, indent=2, ensure_ascii=False) + "\n"


def _lean(schema: Any) -> Any:
    """Without what is required and without titles that only repeat a key."""
    match schema:
        case {"properties": properties, **rest}:
            kept = {key: value for key, value in rest.items() if key not in ("required", "title")}
            return {**_lean(kept), "properties": {key: _lean(value) for key, value in properties.items()}}
        case dict():
            return {key: _lean(value) for key, value in schema.items() if key != "title"}
        case list():
            return [_lean(item) for item in schema]
    return schema


def _docstrings() -> dict[str, dict[str, str]]:
    """Class name -> field -> the string below it. Read from the source here, because doing it at import costs 0.2 s."""
    classes = [node for node in ast.parse(inspect.getsource(desired)).body if isinstance(node, ast.ClassDef)]
    return {node.name: _below_fields(node) for node in classes}


def _below_fields(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, after in zip(node.body, node.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                found[name] = inspect.cleandoc(text)
    return found
