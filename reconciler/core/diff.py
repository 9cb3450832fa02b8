"""One resource, three ways: what we declare, what we last sent and were answered, what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from reconciler.core.equality import fits, is_empty, list_key, same
from reconciler.core.plan import ABSENT, Change, Class
from reconciler.core.resource import Body, Reference, references
from reconciler.core.rules import FieldRule, Kind, Rules, Said

Resolve = Callable[[Reference], Any]
"""The live value behind a reference, or ABSENT while nobody knows it."""

ENVELOPE = frozenset(("id", "name", "type", "apiversion", "etag", "systemdata"))
"""What stands around a body, lower case: who it is, not what it should be."""


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
    api_version: str = ""


def compare(declared: Body, live: Body, comparison: Comparison) -> Difference:
    """`live` may hold more than `declared`: what we never say is not ours."""
    applied = comparison.applied
    states = _States(declared, live, applied.sent, applied.answered) if applied else _States(declared, live)
    found = list(_Walk(Said(declared, comparison.api_version), comparison).of((), states))
    changes = tuple(change for change in found if change.cls is not Class.SUPPRESSED)
    moved = applied is not None and not same(_resolved(declared, comparison.resolve), applied.sent)
    return Difference(
        changes=changes,
        suppressed=tuple(change for change in found if change.cls is Class.SUPPRESSED),
        converged=moved and not changes,
    )


def compare_bodies(
    resource_type: str,
    api_version: str,
    put_body: Body,
    live_body: Body,
    rules: Rules,
    applied_live_body: Body | None = None,
) -> Difference:
    """Two bodies as they went over the wire; with `applied_live_body`, Azure's answer to `put_body`, three."""
    declared = {name: value for name, value in put_body.items() if name.lower() not in ENVELOPE}
    applied = Applied(declared, applied_live_body, api_version) if applied_live_body is not None else None
    return compare(declared, live_body, Comparison(resource_type, rules, _unknown, applied, api_version))


def _unknown(_reference: Reference) -> Any:
    return ABSENT


class _States(NamedTuple):
    """The values of one path. Without a record in the ledger the last two are absent."""

    declared: Any
    live: Any
    sent: Any = ABSENT
    answered: Any = ABSENT


@dataclass(frozen=True)
class _Walk:
    said: Said
    comparison: Comparison

    def of(self, path: tuple[str, ...], states: _States) -> Iterator[Change]:
        """Every difference at or below `path`."""
        declared, live = states.declared, states.live
        if isinstance(declared, Reference | list):
            declared = _resolved(declared, self.comparison.resolve)
        if type(declared) is type(live) and declared == live:
            return
        if isinstance(declared, dict):
            closed = self._closed(path)
            if closed and closed.kind is Kind.STAGED:
                states = _States(*map(_without_zeroes, states))
            if isinstance(live, dict):
                yield from self._entries(path, states, is_closed=closed is not None)
                return
            declared = states.declared
        if isinstance(declared, list) and isinstance(live, list) and (name := self._naming(path, declared, live)):
            keyed = _States(*(name(state) for state in states._replace(declared=declared)))
            yield from self._entries(path, keyed, is_closed=True)
        elif any(references(declared)):
            yield Change(_spelled(path), states.declared, live, Class.PENDING, states.sent)
        elif self._differs(path, states._replace(declared=declared)):
            yield self._judged(path, states._replace(declared=declared))

    def _closed(self, path: tuple[str, ...]) -> FieldRule | None:
        return self.comparison.rules.of(self.comparison.type, _spelled(path), Kind.CLOSED, Kind.STAGED)

    def _naming(self, path: tuple[str, ...], *lists: list[Any]) -> Callable[[Any], dict[str, Any]] | None:
        """How the elements of a list are told apart: by place where order matters, by a key where there is one."""
        if self.comparison.rules.of(self.comparison.type, _spelled(path), Kind.ORDERED):
            return _by_place
        key = list_key(*lists)
        return (lambda state: _by_key(state, key)) if key else None

    def _entries(self, path: tuple[str, ...], states: _States, *, is_closed: bool) -> Iterator[Change]:
        live, sent, answered = (_folded(state) for state in states[1:])
        for name, value in states.declared.items():
            below = (state.get(name.lower(), ABSENT) for state in (live, sent, answered))
            yield from self.of((*path, name), _States(value, *below))
        declared = {name.lower() for name in states.declared}
        for name, value in states.live.items():
            folded = name.lower()
            was_sent = sent.get(folded, ABSENT)
            if folded not in declared and (is_closed or not is_empty(_plain(was_sent))) and not is_empty(value):
                yield self._judged((*path, name), _States(ABSENT, value, was_sent, answered.get(folded, ABSENT)))

    def _differs(self, path: tuple[str, ...], states: _States) -> bool:
        """A null asks for nothing, unless it takes back something that was sent."""
        declared, live = _plain(states.declared), _plain(states.live)
        if declared is None and not is_empty(_plain(states.sent)):
            return not is_empty(live)
        if isinstance(declared, dict) and path and "/" in path[-1]:
            return states.live is ABSENT or not fits(declared, live, path)
        return not fits(declared, live, path)

    def _judged(self, path: tuple[str, ...], states: _States) -> Change:
        declared, live, sent, _ = states
        spelled = _spelled(path)
        silencer = self.comparison.rules.silencer(
            self.comparison.type, spelled, (_plain(declared), _plain(live)), self.said
        )
        # A value that git has changed since we sent it is never silenced.
        if silencer and (sent is ABSENT or same(_plain(sent), _plain(declared), path)):
            return Change(spelled, declared, live, Class.SUPPRESSED, sent, silencer.id)
        return Change(spelled, declared, live, self._class(path, states), sent)

    def _class(self, path: tuple[str, ...], states: _States) -> Class:
        if self.comparison.applied is None:
            return Class.PENDING
        declared, live, sent, answered = map(_plain, states)
        match same(declared, sent, path), same(live, answered, path):
            case True, True:
                return Class.NON_CONVERGENT
            case True, False:
                return Class.DRIFT
            case False, True:
                return Class.PENDING
        return Class.CONFLICT


def _resolved(value: Any, resolve: Resolve) -> Any:
    """With what is known in place of references; a reference that nobody can resolve yet stays one."""
    match value:
        case Reference():
            known = resolve(value)
            return value if known is ABSENT else known
        case dict():
            return {name: _resolved(item, resolve) for name, item in value.items()}
        case list():
            return [_resolved(item, resolve) for item in value]
    return value


def _plain(value: Any) -> Any:
    return None if value is ABSENT else value


def _folded(state: Any) -> dict[str, Any]:
    return {name.lower(): value for name, value in state.items()} if isinstance(state, dict) else {}


def _without_zeroes(state: Any) -> Any:
    """A traffic map answers a zero for every deployment that gets none."""
    return {name: value for name, value in state.items() if value != 0} if isinstance(state, dict) else state


def _by_key(state: Any, key: str) -> dict[str, Any]:
    if not isinstance(state, list):
        return {}
    return {str(item[key]): item for item in state if isinstance(item, dict) and key in item}


def _by_place(state: Any) -> dict[str, Any]:
    return {str(place): item for place, item in enumerate(state)} if isinstance(state, list) else {}


def _spelled(path: tuple[str, ...]) -> str:
    return ".".join(path)
