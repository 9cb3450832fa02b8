"""Walk a plan: what is ready runs in parallel, what needs a failed step is skipped, deletes come last."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import FrameType

from reconciler.adapters import ledger
from reconciler.core.plan import Action, Class, Plan, Stage, Step
from reconciler.errors import ExitCode, LockHeld, PlanRefused, ReconcilerError, SmokeTestFailed
from reconciler.execute import Means, Worker

WRITERS = 4
UNDECIDED = (Class.CONFLICT, Class.PRUNE_CONFLICT, Class.ADOPTION)
"""Somebody must choose first; a choice that was made shows as an action other than NONE."""


class Outcome(StrEnum):
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    LEFT = "left"  # not begun: the run was stopped


@dataclass(frozen=True)
class StepResult:
    """`message` is what was done, or why not; `error` is set on failures."""

    step: Step
    outcome: Outcome
    seconds: float = 0
    message: str = ""
    error: ReconcilerError | None = None


@dataclass(frozen=True)
class Event:
    """Progress. `result` is None when the step has just begun."""

    step: Step
    result: StepResult | None = None


@dataclass(frozen=True)
class Report:
    """What an apply did, in the order in which steps ended. `stopped_by` names what cut it short."""

    results: tuple[StepResult, ...]
    stopped_by: str = ""

    @property
    def ok(self) -> bool:
        return all(result.outcome is Outcome.DONE for result in self.results)

    @property
    def partial(self) -> bool:
        return not self.ok and any(result.outcome is Outcome.DONE for result in self.results)

    def of(self, outcome: Outcome) -> tuple[StepResult, ...]:
        return tuple(result for result in self.results if result.outcome is outcome)

    @property
    def exit_code(self) -> ExitCode:
        """A smoke test that alone failed holds the rollout; a lost lock is somebody else's; else all or part failed."""
        errors = [result.error for result in self.of(Outcome.FAILED)]
        if self.ok:
            return ExitCode.CLEAN
        if errors and all(isinstance(error, SmokeTestFailed) for error in errors):
            return ExitCode.ROLLOUT
        if any(isinstance(error, LockHeld) for error in errors):
            return ExitCode.LOCKED
        return ExitCode.PARTIAL if self.partial else ExitCode.ERROR


def apply(plan: Plan, means: Means, on_event: Callable[[Event], None] = lambda _event: None) -> Report:
    """Does every step once. Raises PlanRefused before the first write where a step still waits for a decision.

    SIGINT and SIGTERM stop it politely: calls in flight are finished and recorded, nothing new begins.
    """
    _refuse_undecided(plan)
    walk = _Walk(plan, means, on_event)
    with _polite_signals(walk.stop):
        walk.run()
    report = Report(tuple(walk.results), walk.stopped_by)
    if report.exit_code is not ExitCode.LOCKED:
        means.run.close(_closing(report))
    return report


def _refuse_undecided(plan: Plan) -> None:
    waiting = [step for step in plan.of_class(*UNDECIDED) if step.action is Action.NONE]
    if waiting:
        lines = [f"    {step.cls}  {step.label}  {step.origin or ''}".rstrip() for step in waiting]
        raise PlanRefused("\n".join(["nothing was applied: these wait for a decision", *lines]))


def _closing(report: Report) -> str:
    if report.ok:
        return ledger.DONE
    return f"stopped: {report.stopped_by}" if report.stopped_by else "failed in part"


@dataclass
class _Walk:
    plan: Plan
    means: Means
    on_event: Callable[[Event], None]
    results: list[StepResult] = field(default_factory=list)
    stopped_by: str = ""
    _waiting: dict[str, Step] = field(default_factory=dict)
    _ended: dict[str, Outcome] = field(default_factory=dict)

    def stop(self, reason: str) -> None:
        self.stopped_by = self.stopped_by or reason

    def run(self) -> None:
        self._record_what_converged()
        self._waiting = {step.key: step for step in self.plan.steps if step.key not in self._ended}
        worker, running = self._worker, dict[Future[StepResult], Step]()
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="apply") as pool:
            while True:
                self._skip_what_cannot_be()
                for step in self._ready()[: WRITERS - len(running)]:
                    self.on_event(Event(step))
                    running[pool.submit(_timed, worker, self._waiting.pop(step.key))] = step
                if not running:
                    break
                # The timeout lets the main thread see signals.
                for future in wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    running.pop(future)
                    self._end(future.result())
        for step in list(self._waiting.values()):
            self._end(StepResult(step, Outcome.LEFT, message=f"not begun: {self.stopped_by}"))

    def _record_what_converged(self) -> None:
        """Steps for the ledger alone: one write for all of them."""
        steps = [step for step in self.plan.steps if step.action is Action.RECORD and step.stage is Stage.RESOURCE]
        if not steps:
            return
        self.means.lock.check()
        self.means.run.record_all({step.key: (step.id, self._worker.as_it_is(step)) for step in steps})
        for step in steps:
            self._end(StepResult(step, Outcome.DONE, message="recorded"))

    def _ready(self) -> list[Step]:
        if self.stopped_by:
            return []
        return [step for step in self._waiting.values() if not self._blockers(step)]

    def _blockers(self, step: Step) -> set[str]:
        """Keys that must end before this step begins: what it needs, and for a delete everything that is none."""
        needs = step.needs & self._all_keys
        if step.action is Action.DELETE:
            needs |= self._keys_but_deletes
        return {key for key in needs if self._ended.get(key) is not Outcome.DONE}

    def _skip_what_cannot_be(self) -> None:
        """Repeats until nothing more follows from what failed."""
        bad = (Outcome.FAILED, Outcome.SKIPPED)
        while True:
            hopeless = [
                (step, cause)
                for step in self._waiting.values()
                if (cause := next((k for k in sorted(self._blockers(step)) if self._ended.get(k) in bad), None))
            ]
            if not hopeless:
                return
            for step, cause in hopeless:
                del self._waiting[step.key]
                self._end(StepResult(step, Outcome.SKIPPED, message=f"needs {self._label(cause)}"))

    def _end(self, result: StepResult) -> None:
        self._ended[result.step.key] = result.outcome
        self.results.append(result)
        if isinstance(result.error, LockHeld):
            self.stop("the lock was lost")
        self.on_event(Event(result.step, result))

    @cached_property
    def _all_keys(self) -> frozenset[str]:
        return frozenset(step.key for step in self.plan.steps)

    @cached_property
    def _keys_but_deletes(self) -> frozenset[str]:
        return frozenset(step.key for step in self.plan.steps if step.action is not Action.DELETE)

    def _label(self, key: str) -> str:
        step = next(step for step in self.plan.steps if step.key == key)
        return step.label if step.stage is Stage.RESOURCE else f"{step.stage} {step.label}"

    @cached_property
    def _worker(self) -> Worker:
        known = {id_: record.api_version for id_, record in self.means.run.applied.items()}
        known |= {step.id: step.resource.api_version for step in self.plan.steps if step.resource}
        return Worker(self.means, known, frozenset(step.id for step in self.plan.steps if step.action is Action.DELETE))


def _timed(worker: Worker, step: Step) -> StepResult:
    started = time.monotonic()
    try:
        message = worker.perform(step)
    except ReconcilerError as error:
        return StepResult(step, Outcome.FAILED, time.monotonic() - started, str(error), error)
    return StepResult(step, Outcome.DONE, time.monotonic() - started, message)


@contextmanager
def _polite_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM stops politely; a second one interrupts at once. Elsewhere than in the main thread,
    signals are somebody else's business.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        stop(signal.Signals(number).name)
        signal.signal(number, previous[signal.Signals(number)])

    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
