"""When two wire values mean the same to Azure. Generic first; what only one type does is a field rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

KEYS = ("name", "id", "key")
"""By these a list of objects is matched, element to element, whatever its order."""

_TOKEN = re.compile(r"^[A-Za-z][A-Za-z0-9_.-]*$")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")
_DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$")
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d")
_ID = re.compile(r"^/?(subscriptions|providers)/", re.I)
_BARE_ROLE = re.compile(r"^/subscriptions/[^/]+(/providers/microsoft\.authorization/roledefinitions/.+)$")


def is_empty(value: Any) -> bool:
    """Azure drops nulls and answers empties where nothing was said, and the other way round."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def same(declared: Any, live: Any, key: str = "") -> bool:
    """Scalars and whole values alike. `key` is the property's own name: casing of free text under `tags` is never folded."""
    if declared is live or (type(declared) is type(live) and declared == live):
        return True
    if is_empty(declared) and is_empty(live):
        return True
    match declared, live:
        case dict(), dict():
            return _same_objects(declared, live)
        case list(), list():
            return _same_lists(declared, live, key)
        case (dict() | list(), _) | (_, dict() | list()):
            return False
    return bool(_scalar(declared, key) == _scalar(live, key))


def _same_objects(declared: dict[str, Any], live: dict[str, Any]) -> bool:
    """Names fold case; what one side lacks is as good as empty."""
    left = {name.lower(): value for name, value in declared.items()}
    right = {name.lower(): value for name, value in live.items()}
    return all(same(left.get(name), right.get(name), name) for name in {**left, **right})


def _same_lists(declared: Sequence[Any], live: Sequence[Any], key: str) -> bool:
    if len(declared) != len(live):
        return False
    left = list(live)
    for item in declared:
        found = next((index for index, other in enumerate(left) if same(item, other, key)), None)
        if found is None:
            return False
        left.pop(found)
    return True


def _scalar(value: Any, key: str) -> Any:
    """One spelling for all spellings of a value."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return float(value)
        case str():
            return _text(value.strip(), key)
    return value


def _text(text: str, key: str) -> Any:
    if key == "location":
        return text.replace(" ", "").lower()
    if _NUMBER.match(text):
        return float(text)
    if found := _DURATION.match(text):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return ("duration", ((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    if _MOMENT.match(text):
        return _moment(text)
    if _ID.match(text):
        folded = "/" + text.strip("/").lower()
        return bare[1] if (bare := _BARE_ROLE.match(folded)) else folded
    if _TOKEN.match(text) and key != "tags":
        return text.lower()
    return text.rstrip("/") if "://" in text else text


def _moment(text: str) -> Any:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def list_key(*lists: Sequence[Any]) -> str | None:
    """The property that names every element of every list, when there is one."""
    items = [item for group in lists for item in group]
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    for key in KEYS:
        if all(isinstance(item.get(key), str) for item in items) and all(
            len({item[key].lower() for item in group}) == len(group) for group in lists
        ):
            return key
    return None
