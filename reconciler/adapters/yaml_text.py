"""Surgery on YAML text: change one value, leave every other character alone.

ruamel's parser says where things stand; its emitter is not used, because it moves aligned columns and rewraps long
lines, and a pull request made by a command must be as small as one made by hand (docs: architecture, section 3).
"""

from __future__ import annotations

import json
import re
from typing import Any

from reconciler.adapters.yaml_nodes import Entry, Node, Path, read_document, resolve
from reconciler.errors import DesiredStateError

STEP = 2
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+( [A-Za-z0-9_./-]+)*")


def spell(value: Any) -> str:
    """A value in flow style, as a person would type it: quotes only where they are needed."""
    match value:
        case dict():
            return "{" + ", ".join(f"{spell(key)}: {spell(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(spell(item) for item in value) + "]"
        case str() if _PLAIN.fullmatch(value) and isinstance(resolve(value), str) and not value.startswith("-"):
            return value
        case str():
            return _quoted(value)
    return json.dumps(value)


def _quoted(value: str) -> str:
    """In double quotes. YAML's escape of a character beyond the first plane is not JSON's."""
    escaped = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped)


def put(text: str, path: Path, value: Any) -> str:
    """The text with the value at `path` set; missing parents and keys are added. A scalar keeps its quotes."""
    root = _parsed(text)
    node = root.at(path)
    if node is None:
        return _insert(text, root, path, value)
    if isinstance(value, dict) and isinstance(node.value, dict) and node.value:
        return _put_mapping(text, path, node, value)
    return text[: node.span.start] + _padded(text, node, _like(text, node, value)) + text[node.span.end :]


def drop(text: str, path: Path) -> str:
    """The text without the key at `path`. A mapping that is left without keys becomes `{}`."""
    root = _parsed(text)
    parent = root.at(path[:-1])
    if parent is None or not isinstance(parent.value, dict) or path[-1] not in parent.value:
        return text
    keys = list(parent.value)
    if len(keys) == 1 and parent.flow:
        return text[: parent.span.start] + "{}" + text[parent.span.end :]
    entry: Entry = parent.value[path[-1]]
    if parent.flow:
        return _drop_from_flow(text, parent, keys, str(path[-1]))
    start, end = _line_start(text, entry.key.start), _next_line(text, _last_end(entry.node))
    shorter = text[:start] + text[end:]
    if len(keys) > 1 or len(path) == 1:
        return shorter
    colon = text.index(":", _entry(root, path[:-1]).key.end) + 1
    return shorter[:colon] + " {}" + shorter[colon:]


def _parsed(text: str) -> Node:
    document = read_document("the edited file", text.encode())
    if document.root is None:
        raise DesiredStateError(document.findings)
    return document.root


def _entry(root: Node, path: Path) -> Entry:
    parent = root.at(path[:-1])
    assert parent is not None
    entry = parent.value[path[-1]]
    assert isinstance(entry, Entry)
    return entry


def _put_mapping(text: str, path: Path, node: Node, value: dict[str, Any]) -> str:
    """Key by key, so that what stays is not touched. New keys first: the mapping is never empty in between."""
    for key, item in value.items():
        if key not in node.value or node.value[key].node.plain() != item:
            text = put(text, (*path, key), item)
    for key in [key for key in node.value if key not in value]:
        text = drop(text, (*path, key))
    return text


def _like(text: str, node: Node, value: Any) -> str:
    """A new scalar in the quotes of the old one."""
    quote = text[node.span.start : node.span.start + 1]
    if isinstance(value, str) and node.quoted and quote in "'\"":
        return _quoted(value) if quote == '"' else "'" + value.replace("'", "''") + "'"
    if (
        isinstance(value, str)
        and isinstance(node.value, str)
        and not node.quoted
        and re.fullmatch(r"[\w.:-]+\w", value)
    ):
        return value
    return spell(value)


def _padded(text: str, node: Node, value: str) -> str:
    """An empty value begins right after its colon: keep a space between."""
    return " " + value if text[: node.span.start].endswith(":") else value


def _insert(text: str, root: Node, path: Path, value: Any) -> str:
    depth = next(depth for depth in range(len(path) - 1, -1, -1) if root.at(path[:depth]) is not None)
    parent = root.at(path[:depth])
    assert parent is not None
    missing = [str(part) for part in path[depth:]]
    if not parent.value:
        return _fill(text, root, path[:depth], missing, value)
    last = list(parent.value.values())[-1]
    if parent.flow:
        for key in reversed(missing[1:]):
            value = {key: value}
        end = last.node.span.end
        return f"{text[:end]}, {spell(missing[0])}: {spell(value)}{text[end:]}"
    column = next(iter(parent.value.values())).key.column - 1
    return _add_lines(text, _last_end(last.node), column, missing, value)


def _fill(text: str, root: Node, path: Path, missing: list[str], value: Any) -> str:
    """Puts the first key into `{}` or nothing: on a line of its own, unless that stands in a flow mapping."""
    node, entry = root.at(path), _entry(root, path)
    parent = root.at(path[:-1])
    assert node is not None
    assert parent is not None
    if parent.flow:
        for key in reversed(missing):
            value = {key: value}
        return text[: node.span.start] + _padded(text, node, spell(value)) + text[node.span.end :]
    colon = text.index(":", entry.key.end) + 1
    text = text[:colon] + text[node.span.end :]
    return _add_lines(text, colon, entry.key.column - 1 + STEP, missing, value)


def _add_lines(text: str, after: int, column: int, keys: list[str], value: Any) -> str:
    """New lines below the line that holds offset `after`, one key deeper each; the last holds the value."""
    newline = "\r\n" if "\r\n" in text else "\n"
    at = _next_line(text, after)
    head = text[:at] if text[:at].endswith("\n") else text[:at] + newline
    lines = [" " * (column + STEP * depth) + f"{spell(key)}:" for depth, key in enumerate(keys)]
    return head + newline.join(lines) + f" {spell(value)}" + newline + text[at:]


def _drop_from_flow(text: str, parent: Node, keys: list[str], key: str) -> str:
    index = keys.index(key)
    entries = list(parent.value.values())
    if index + 1 < len(keys):
        return text[: entries[index].key.start] + text[entries[index + 1].key.start :]
    return text[: entries[index - 1].node.span.end] + text[entries[index].node.span.end :]


def _last_end(node: Node) -> int:
    """Where the text of a value ends; a block's own end mark stands after the comments that follow it."""
    if node.flow or not node.value or not isinstance(node.value, dict | list):
        return node.span.end
    if isinstance(node.value, dict):
        return _last_end(list(node.value.values())[-1].node)
    return _last_end(node.value[-1])


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def _next_line(text: str, offset: int) -> int:
    if text[offset - 1 : offset] == "\n":  # a block scalar ends after its line break
        return offset
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1
