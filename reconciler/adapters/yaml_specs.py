"""From nodes to pydantic specs. What pydantic says about a value becomes a finding a person can act on."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from reconciler.adapters.yaml_nodes import Entry, Node, Path, Span, describe
from reconciler.core.problems import closest
from reconciler.errors import Finding

SpecType = TypeVar("SpecType", bound=BaseModel)
Report = Callable[[Span, str], Finding]
"""Makes a finding of a span and a message; knows the texts of the files."""

_ROUNDS = 8  # a repair can uncover the next mistake; what is left after this many is reported in the next run


@dataclass
class Checked(Generic[SpecType]):
    """`spec` is None where too much was wrong. `repaired` are paths whose value is not what the author wrote."""

    spec: SpecType | None
    findings: list[Finding] = field(default_factory=list)
    repaired: set[Path] = field(default_factory=set)


def to_spec(spec: type[SpecType], root: Node, report: Report) -> Checked[SpecType]:
    """Validates, reports every mistake once, and repairs what it can so that further checks can run as well."""
    checked: Checked[SpecType] = Checked(None)
    for _ in range(_ROUNDS):
        try:
            checked.spec = spec.model_validate(root.plain())
        except ValidationError as error:
            root, hopeless = _take(spec, root, error, report, checked)
            if hopeless:
                break
        else:
            break
    return checked


def _take(
    spec: type[BaseModel], root: Node, error: ValidationError, report: Report, checked: Checked[SpecType]
) -> tuple[Node, bool]:
    """Reports one round of mistakes. Returns the repaired tree and whether something required is missing."""
    details = [(_real_path(root, detail["loc"]), dict(detail)) for detail in error.errors(include_url=False)]
    unknown = [path for path, detail in details if detail["type"] == "extra_forbidden"]
    missing = [path for path, detail in details if detail["type"] == "missing"]
    before = root
    for path in unknown:
        root = _take_unknown_key(spec, root, path, report, checked)
    for path in missing:
        if not any(path[: len(gone)] == gone for gone in checked.repaired):
            message = f'missing key "{path[-1]}" in {_place(spec, path[:-1])}: expected {_wanted(spec, path)}'
            checked.findings.append(report(_head(before, path[:-1]), message))
    for path, detail in reversed(details):  # from the end, so that taking an item out of a list moves no other
        node = root.at(path)
        if detail["type"] not in ("extra_forbidden", "missing") and node is not None:
            checked.findings.append(report(node.span, _wrong_value(spec, path, node, detail)))
            checked.repaired.add(path)
            root = _without(root, path)
    return root, any(root.at(path) is None for path in missing)


def _take_unknown_key(
    spec: type[BaseModel], root: Node, path: Path, report: Report, checked: Checked[SpecType]
) -> Node:
    """Reports a key, and gives its value the name it was probably meant to have."""
    key, known = str(path[-1]), _known_keys(spec, path[:-1])
    guess = closest(key, known)
    message = f'unknown key "{key}" in {_place(spec, path[:-1])}'
    checked.findings.append(report(_entry(root, path).key, message + (_did_you_mean(guess) or _keys_are(known))))
    checked.repaired.add(path)
    target = (*path[:-1], guess or "")
    if guess is None or root.at(target) is not None:
        return _without(root, path)
    checked.repaired.add(target)
    return _renamed(root, path, guess)


def _real_path(root: Node, location: tuple[int | str, ...]) -> Path:
    """Pydantic's location without the steps that are not keys of ours (`[key]`, union members)."""
    path: list[int | str] = []
    for index, part in enumerate(location):
        if part == "[key]" and index == len(location) - 1:
            continue
        node = root.at(tuple(path))
        last = index == len(location) - 1
        known = node is not None and (
            (isinstance(node.value, dict) and part in node.value)
            or (isinstance(node.value, list) and isinstance(part, int))
        )
        if known or (last and node is not None and isinstance(node.value, dict)):
            path.append(part)
    return tuple(path)


def _entry(root: Node, path: Path) -> Entry:
    parent = root.at(path[:-1])
    assert parent is not None
    entry = parent.value[path[-1]]
    assert isinstance(entry, Entry)
    return entry


def _head(root: Node, path: Path) -> Span:
    """Where a thing begins: its key, or the file's first line."""
    return (
        _entry(root, path).key
        if path and isinstance(path[-1], str)
        else replace(root.span, line=1, column=1, end=root.span.start)
    )


def _without(node: Node, path: Path) -> Node:
    return _changed(node, path, lambda entries, key: {k: v for k, v in entries.items() if k != key})


def _renamed(node: Node, path: Path, name: str) -> Node:
    return _changed(node, path, lambda entries, key: {name if k == key else k: v for k, v in entries.items()})


def _changed(node: Node, path: Path, change: Callable[[dict[str, Entry], str], dict[str, Entry]]) -> Node:
    head, *rest = path
    if isinstance(node.value, list):
        assert isinstance(head, int)
        if rest:
            items = [_changed(v, tuple(rest), change) if i == head else v for i, v in enumerate(node.value)]
        else:
            items = [v for i, v in enumerate(node.value) if i != head]
        return replace(node, value=items)
    if not rest:
        return replace(node, value=change(node.value, str(head)))
    entry = node.value[head]
    return replace(node, value={**node.value, head: Entry(entry.key, _changed(entry.node, tuple(rest), change))})


def _did_you_mean(guess: str | None) -> str:
    return f': did you mean "{guess}"?' if guess else ""


def _keys_are(known: Iterable[str]) -> str:
    names = sorted(known)
    return f"; its keys are {', '.join(names)}" if names else ""


def _annotation_at(spec: Any, path: Path) -> Any:
    """The declared type of the value at a path; None where nothing is declared."""
    current: Any = spec
    for part in path:
        current = _bare(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            known = current.model_fields.get(str(part))
            current = known.annotation if known else None
        elif typing.get_origin(current) is dict:
            current = typing.get_args(current)[1]
        elif typing.get_origin(current) is list:
            current = typing.get_args(current)[0]
        else:
            return None
    return _bare(current)


def _bare(annotation: Any) -> Any:
    """Without `Annotated[...]` and `| None`."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in (typing.Union, types.UnionType):
            annotation = next(arm for arm in typing.get_args(annotation) if arm is not type(None))
        else:
            return annotation


def _known_keys(spec: type[BaseModel], path: Path) -> list[str]:
    found = _annotation_at(spec, path)
    return list(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else []


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _place(spec: type[BaseModel], path: Path) -> str:
    """`deployment "blue"`, `"instances" of deployment "blue"`, `the desired state`."""
    if not path:
        return f"the {_words(spec.__name__)}"
    found, parent = _annotation_at(spec, path), _annotation_at(spec, path[:-1])
    named = typing.get_origin(parent) is dict and isinstance(found, type) and issubclass(found, BaseModel)
    if named:
        return f'{_words(found.__name__)} "{path[-1]}"'
    own = f"item {path[-1] + 1}" if isinstance(path[-1], int) else f'"{path[-1]}"'
    return f"{own} of {_place(spec, path[:-1])}" if len(path) > 1 else own


_KINDS: dict[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _wanted(spec: type[BaseModel], path: Path) -> str:
    """What a person should write there."""
    found = _annotation_at(spec, path)
    if typing.get_origin(found) is typing.Literal:
        options = [f'"{option}"' for option in typing.get_args(found)]
        return " or ".join([", ".join(options[:-1]), options[-1]] if len(options) > 1 else options)
    if typing.get_origin(found) is list:
        return "a list"
    return _KINDS.get(found, "keys and values")


_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
}


def _wrong_value(spec: type[BaseModel], path: Path, node: Node, detail: dict[str, Any]) -> str:
    name, found, context = _place(spec, path), describe(node), detail.get("ctx", {})
    match detail["type"]:
        case kind if kind in _LIMITS:
            words, key = _LIMITS[kind]
            expected = f"{words} {context[key]}"
        case "too_short":
            expected = f"at least {context['min_length']} item long"
        case "string_pattern_mismatch":
            expected = f"text that matches {context['pattern']}"
        case "finite_number":
            expected = "a finite number"
        case "literal_error":
            options = [str(option) for option in typing.get_args(_annotation_at(spec, path))]
            found += _did_you_mean(closest(node.raw, options))
            expected = _wanted(spec, path)
        case "string_type" if node.raw and node.value is not None:
            found += f": write '{node.raw}' in quotes"
            expected = "text"
        case _:
            expected = _wanted(spec, path)
    return f"{name} must be {expected}, found {found}"
