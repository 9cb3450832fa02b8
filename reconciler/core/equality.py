"""When two wire values mean the same to Azure. Generic first; what only one type does is a field rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.spellings import same_scalar

KEYS = ("name", "id", "key", "category")
"""By these a list of objects is matched, element to element, whatever its order."""


def is_empty(value: Any) -> bool:
    """Azure drops nulls and answers empties where nothing was said, and the other way round: at any depth. An object whose keys are
    resource ids is never empty: there the key alone says something. An identity of type None is no identity.
    """
    match value:
        case None | "":
            return True
        case list():
            return all(is_empty(item) for item in value)
        case {"type": "None", **rest}:
            return not any(key for key in rest if key not in ("principalId", "tenantId", "userAssignedIdentities"))
        case dict():
            return all("/" not in name and is_empty(item) for name, item in value.items())
    return False


def same(declared: Any, live: Any, path: Sequence[str] = ()) -> bool:
    """Either way round. `path` are the names that the values stand under, outermost first: what a person wrote (a tag) is taken
    literally, what the service gives meaning to is not.
    """
    return _alike(declared, live, tuple(path), subset=False)


def fits(declared: Any, live: Any, path: Sequence[str] = ()) -> bool:
    """Whether live is what was declared, and perhaps more: objects may hold properties that nobody declared, lists not. A null
    asks for nothing.
    """
    return _alike(declared, live, tuple(path), subset=True)


def _alike(declared: Any, live: Any, path: tuple[str, ...], *, subset: bool) -> bool:
    if declared is live or (type(declared) is type(live) and declared == live):
        return True
    if subset and (declared is None or (isinstance(live, dict) and declared == {})):
        return True
    if is_empty(declared) and is_empty(live):
        return True
    match declared, live:
        case dict(), dict():
            return _alike_objects(declared, live, path, subset=subset)
        case list(), list():
            return _alike_lists(declared, live, path, subset=subset)
        case (dict() | list(), _) | (_, dict() | list()):
            return False
    return same_scalar(declared, live, path)


def _alike_objects(declared: dict[str, Any], live: dict[str, Any], path: tuple[str, ...], *, subset: bool) -> bool:
    """Names fold case; what one side lacks is as good as empty."""
    left = {name.lower(): value for name, value in declared.items()}
    right = {name.lower(): value for name, value in live.items()}
    names = left if subset else {**left, **right}
    if any("/" in name and not (name in left and name in right) for name in names):
        return False
    return all(_alike(left.get(name), right.get(name), (*path, name), subset=subset) for name in names)


def _alike_lists(declared: list[Any], live: list[Any], path: tuple[str, ...], *, subset: bool) -> bool:
    """Whether the elements can be paired, in any order. An element may fit several, so earlier pairs are moved when needed."""
    if len(declared) != len(live):
        return False
    fitting = [
        [place for place, other in enumerate(live) if _alike(item, other, path, subset=subset)] for item in declared
    ]
    taken: dict[int, int] = {}
    return all(_pair(item, fitting, taken, set()) for item in range(len(declared)))


def _pair(item: int, fitting: list[list[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Finds `item` a place, moving those who have one to another if that helps (augmenting paths)."""
    for place in fitting[item]:
        if place in tried:
            continue
        tried.add(place)
        if place not in taken or _pair(taken[place], fitting, taken, tried):
            taken[place] = item
            return True
    return False


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
