"""One resource, three ways: what we declare, what we last sent and were answered, what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.core.equality import is_empty, list_key, same
from reconciler.core.plan import ABSENT, Change, Class
from reconciler.core.resource import Body, Reference
from reconciler.core.rules import Kind, Rules

Resolve = Callable[[Reference], Any]
"""The live value behind a reference, or ABSENT while nobody knows it."""


@dataclass(frozen=True)
class Applied:
    """The ledger's record of one resource: what was sent, and what Azure answered right after."""

    sent: Body
    answered: Body
    api_version: str


@dataclass(frozen=True)
class Difference:
    """Every path where declared and live differ: what matters, and what a rule silences."""

    changes: tuple[Change, ...]
    suppressed: tuple[Change, ...]
    converged: bool = False
    """Live equals declared, though that is not what we last sent: somebody else brought it about."""


@dataclass(frozen=True)
class Comparison:
    """What every path of one resource is judged by."""

    type: str
    rules: Rules
    resolve: Resolve
    applied: Applied | None


def compare(declared: Body, live: Body, comparison: Comparison) -> Difference:
    """`live` may hold more than `declared`: what we never say is not ours."""
    applied = comparison.applied
    sent = applied.sent if applied else ABSENT
    answered = applied.answered if applied else ABSENT
    found = list(_walk((), declared, live, sent, answered, comparison))
    converged = applied is not None and not any(c.cls is not Class.SUPPRESSED for c in found)
    return Difference(
        changes=tuple(c for c in found if c.cls is not Class.SUPPRESSED),
        suppressed=tuple(c for c in found if c.cls is Class.SUPPRESSED),
        converged=converged and applied is not None and not _equal(declared, applied.sent, comparison.resolve),
    )


def _walk(  # noqa: PLR0913  the four states of a path and what judges it
    path: tuple[str, ...], declared: Any, live: Any, sent: Any, answered: Any, comparison: Comparison
) -> Iterator[Change]:
    if isinstance(declared, Reference):
        known = comparison.resolve(declared)
        if known is ABSENT:
            yield Change(_spelled(path), declared, live, Class.PENDING)
            return
        declared = known
    if isinstance(declared, dict) and isinstance(live, dict):
        yield from _walk_object(path, declared, live, sent, answered, comparison)
        return
    if isinstance(declared, list) and isinstance(live, list) and (key := list_key(declared, live)):
        yield from _walk_object(path, *(_by_key(state, key) for state in (declared, live, sent, answered)), comparison)
        return
    if not same(declared, live, path[-1] if path else ""):
        yield _judged(path, (declared, live, sent, answered), comparison)


def _walk_object(
    path: tuple[str, ...], declared: Any, live: Any, sent: Any, answered: Any, comparison: Comparison
) -> Iterator[Change]:  # noqa: PLR0913
    states = [_folded(state) for state in (live, sent, answered)]
    for name, value in declared.items():
        yield from _walk((*path, name), value, *(state.get(name.lower(), ABSENT) for state in states), comparison)
    names = {name.lower() for name in declared}
    closed = comparison.rules.of(comparison.type, _spelled(path), Kind.CLOSED, Kind.STAGED) if path else None
    for name, value in live.items() if isinstance(live, dict) else ():
        if name.lower() in names or is_empty(value):
            continue
        was_sent = states[1].get(name.lower(), ABSENT)
        if closed and value == 0:
            continue  # a traffic map answers a zero for every deployment that gets none
        if closed or not is_empty(None if was_sent is ABSENT else was_sent):
            yield _judged((*path, name), (ABSENT, value, was_sent, states[2].get(name.lower(), ABSENT)), comparison)


def _judged(path: tuple[str, ...], states: tuple[Any, Any, Any, Any], comparison: Comparison) -> Change:
    declared, live, sent, answered = states
    spelled = _spelled(path)
    silencer = comparison.rules.silencer(comparison.type, spelled, _plain(declared), _plain(live))
    if silencer and not _changed_since(sent, declared, path):
        return Change(spelled, declared, live, Class.SUPPRESSED, sent, silencer.id)
    return Change(spelled, declared, live, _classify(declared, live, sent, answered, path), sent)


def _changed_since(sent: Any, declared: Any, path: tuple[str, ...]) -> bool:
    """A value that git has changed since we sent it is never silenced."""
    return sent is not ABSENT and not same(_plain(sent), _plain(declared), path[-1])


def _classify(declared: Any, live: Any, sent: Any, answered: Any, path: tuple[str, ...]) -> Class:
    if sent is ABSENT and answered is ABSENT:
        return Class.DRIFT if declared is ABSENT else Class.PENDING
    key = path[-1] if path else ""
    git_moved = not same(_plain(declared), _plain(sent), key)
    azure_moved = not same(_plain(live), _plain(answered), key)
    match git_moved, azure_moved:
        case True, True:
            return Class.CONFLICT
        case True, False:
            return Class.PENDING
        case False, True:
            return Class.DRIFT
    return Class.NON_CONVERGENT


def _equal(declared: Any, sent: Any, resolve: Resolve) -> bool:
    return same(_resolved(declared, resolve), sent)


def _resolved(value: Any, resolve: Resolve) -> Any:
    match value:
        case Reference():
            return resolve(value)
        case dict():
            return {name: _resolved(item, resolve) for name, item in value.items()}
        case list():
            return [_resolved(item, resolve) for item in value]
    return value


def _plain(value: Any) -> Any:
    return None if value is ABSENT else value


def _folded(state: Any) -> dict[str, Any]:
    return {name.lower(): value for name, value in state.items()} if isinstance(state, dict) else {}


def _by_key(state: Any, key: str) -> dict[str, Any]:
    if not isinstance(state, list):
        return {}
    return {str(item[key]): item for item in state if isinstance(item, dict) and key in item}


def _spelled(path: tuple[str, ...]) -> str:
    """Dots inside a key (an id, a file name) would split a path: they are shown as they are and matched by no rule."""
    return ".".join(path)
