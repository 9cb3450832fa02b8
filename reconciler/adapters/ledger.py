"""What we last sent to Azure and what Azure answered, kept in Azure: versions of the Template Spec `ledger`.

One version an apply, named by a growing number (the fencing number of its lock) and updated in place: the intent is
written before a step, the result after it. Losing the ledger loses no resource: plans become two-way differences.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from reconciler.adapters.arm import LEDGER, Arm
from reconciler.adapters.ledger_format import encode, packed, sha256_of_text, unpacked
from reconciler.core.approval import Interrupted
from reconciler.core.diff import Applied
from reconciler.core.resource import Body, ResourceId

API_VERSION = "2022-02-01"
KEPT_RUNS = 50
DONE = "done"
"""The outcome of a run whose every step succeeded."""

_HEAD = re.compile(r"^\d{6}$")
_PART = re.compile(r"^(\d{6})\.[0-9a-f]{12}\.\d+$")

EMPTY_TEMPLATE: Body = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "resources": [],
}


class StepState(StrEnum):
    INTENDED = "intended"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class RunInfo:
    """Who applies what. `started` is ISO 8601, `digest` the approved plan's, `planned` its steps' fingerprints."""

    run: str
    holder: str
    started: str
    commit: str
    digest: str
    planned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """The newest version. `steps` of a killed run may still say `intended`: then only live knows what happened."""

    applied: Mapping[ResourceId, Applied]
    number: int = 0
    run: RunInfo | None = None
    steps: Mapping[str, StepState] = field(default_factory=dict)
    outcome: str = ""

    @property
    def interrupted(self) -> Interrupted | None:
        """The newest run, where it ended before its plan was done: killed, stopped or failed in part."""
        if self.run is None or self.outcome == DONE:
            return None
        return Interrupted(self.run.digest, self.run.planned)


@dataclass(frozen=True)
class Place:
    """Where the ledger is kept and what its resource carries: the environment's group, location and tags."""

    arm: Arm
    resource_group: ResourceId
    location: str
    tags: Mapping[str, str]

    @property
    def spec(self) -> ResourceId:
        return spec_id(self.resource_group)

    def version(self, name: str) -> ResourceId:
        return ResourceId(f"{self.spec}/versions/{name}")


def spec_id(resource_group: ResourceId) -> ResourceId:
    """The ledger's own resource: ours, and never part of a plan."""
    return ResourceId(f"{resource_group}/providers/{LEDGER}")


def read(arm: Arm, resource_group: ResourceId) -> Ledger:
    """The newest version; empty where there is none. Raises LedgerError when it is damaged."""
    versions = {item["name"]: item for item in _versions(arm, resource_group)}
    heads = sorted(name for name in versions if _HEAD.match(name))
    if not heads:
        return Ledger({})
    metadata = versions[heads[-1]]["properties"]["metadata"]
    chunks = [versions[name]["properties"]["metadata"]["payload"] for name in metadata["parts"] if name in versions]
    return Ledger(
        applied=unpacked("".join(chunks) or metadata["payload"], metadata["sha256"]),
        number=int(heads[-1]),
        run=RunInfo(**metadata["run"]),
        steps={key: StepState(state) for key, state in metadata["steps"].items()},
        outcome=metadata["outcome"],
    )


def _versions(arm: Arm, resource_group: ResourceId) -> list[Body]:
    return arm.members(f"{spec_id(resource_group)}/versions", API_VERSION)


@dataclass
class Run:
    """One apply's version. Nothing is written before the first intent or record, so an empty run leaves no trace.

    Threads may call at once: whoever writes first writes what all have reported by then, the others find it written.
    """

    place: Place
    info: RunInfo
    number: int
    applied: dict[ResourceId, Applied]
    template: Body = field(default_factory=lambda: EMPTY_TEMPLATE)
    guard: Callable[[], None] = lambda: None
    """Called before each write: raises when this run may no longer write."""
    outcome: str = "running"
    _steps: dict[str, StepState] = field(default_factory=dict)
    _reported: int = 0
    _written: int = 0
    _parts: tuple[str, ...] = ()
    _memory: threading.Lock = field(default_factory=threading.Lock)
    _writer: threading.Lock = field(default_factory=threading.Lock)

    def intend(self, step: str) -> None:
        """Durable when it returns."""
        self._flush(self._note({step: StepState.INTENDED}, {}))

    def record(self, step: str, resource: ResourceId, applied: Applied | None) -> None:
        """`applied` is None once the resource was deleted, or for a step that changes no resource's record."""
        self.record_all({step: (resource, applied)})

    def record_all(self, done: Mapping[str, tuple[ResourceId, Applied | None]]) -> None:
        """Several results in one write."""
        self._flush(self._note(dict.fromkeys(done, StepState.DONE), dict(done.values())))

    def passed(self, step: str) -> None:
        """A step that changed no resource has succeeded."""
        self._flush(self._note({step: StepState.DONE}, {}))

    def fail(self, step: str) -> None:
        self._flush(self._note({step: StepState.FAILED}, {}))

    def close(self, outcome: str) -> None:
        """Says how the run ended and removes versions beyond the last 50. A run that wrote nothing writes nothing."""
        if not self._reported:
            return
        self.outcome = outcome
        self._flush(self._note({}, {}))
        self._prune()

    def _note(self, steps: Mapping[str, StepState], applied: Mapping[ResourceId, Applied | None]) -> int:
        with self._memory:
            self._steps.update(steps)
            for resource, recorded in applied.items():
                if recorded is None:
                    self.applied.pop(resource, None)
                else:
                    self.applied[resource] = recorded
            self._reported += 1
            return self._reported

    def _flush(self, report: int) -> None:
        with self._writer:
            if self._written >= report:
                return
            with self._memory:
                covered, steps, applied = self._reported, dict(self._steps), dict(self.applied)
            self.guard()
            self._write(steps, encode(applied))
            self._written = covered

    def _write(self, steps: Mapping[str, StepState], text: str) -> None:
        if not self._written:
            self.place.arm.put(self.place.spec, API_VERSION, self._spec_body())
        chunks = packed(text)
        digest = sha256_of_text(text)
        parts = tuple(f"{self.number:06}.{digest[:12]}.{n}" for n in range(len(chunks))) if len(chunks) > 1 else ()
        # Parts are named by content and written first, so that the head names whole payloads only, whenever we die.
        for name, chunk in zip(parts, chunks, strict=False):
            self._put(name, {"payload": chunk}, EMPTY_TEMPLATE)
        head = {
            "run": asdict(self.info),
            "outcome": self.outcome,
            "steps": dict(steps),
            "sha256": digest,
            "parts": list(parts),
            "payload": "" if parts else chunks[0],
        }
        self._put(f"{self.number:06}", head, self.template)
        for stale in set(self._parts) - set(parts):
            self.place.arm.delete(self.place.version(stale), API_VERSION)
        self._parts = parts

    def _put(self, name: str, metadata: Body, template: Body) -> None:
        properties = {"description": self.info.run, "metadata": metadata, "mainTemplate": template}
        body = {"location": self.place.location, "tags": dict(self.place.tags), "properties": properties}
        self.place.arm.write(self.place.version(name), API_VERSION, body)

    def _spec_body(self) -> Body:
        description = "What the reconciler last sent to each resource, and what Azure answered. One version an apply."
        properties = {"description": description, "displayName": "Reconciler ledger"}
        return {"location": self.place.location, "tags": dict(self.place.tags), "properties": properties}

    def _prune(self) -> None:
        names = [item["name"] for item in _versions(self.place.arm, self.place.resource_group)]
        for name in expired(names):
            self.place.arm.delete(self.place.version(name), API_VERSION)


def expired(names: Iterable[str]) -> list[str]:
    """Versions of all but the last 50 runs, and parts that no kept run can name. Names that are not ours are left."""
    names = sorted(names)
    kept = set([name for name in names if _HEAD.match(name)][-KEPT_RUNS:])
    return [
        name
        for name in names
        if (_HEAD.match(name) and name not in kept) or ((part := _PART.match(name)) and part[1] not in kept)
    ]


def open_run(
    place: Place,
    info: RunInfo,
    last: Ledger,
    *,
    template: Body | None = None,
    guard: Callable[[], None] = lambda: None,
) -> Run:
    """A run numbered after `last`, which must have been read under the lock."""
    return Run(place, info, last.number + 1, dict(last.applied), template or EMPTY_TEMPLATE, guard)


def holder_of(ledger: Ledger) -> str:
    """Who to name when the lock is held: the newest run's holder, as far as the ledger knows."""
    run = ledger.run
    return f"{run.holder} (run {run.run}, since {run.started})" if run else ""
