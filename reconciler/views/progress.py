"""An apply as it happens: one line an ended step; on a terminal also a last line that says what is running and for how long."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TextIO

from reconciler.apply import Event, Outcome, StepResult
from reconciler.core.plan import Stage, Step
from reconciler.views.style import Style, style_for

_MARKS = {
    Outcome.DONE: ("ok", "green"),
    Outcome.FAILED: ("FAILED", "red"),
    Outcome.SKIPPED: ("skipped", "yellow"),
    Outcome.LEFT: ("left", "yellow"),
}
_REFRESH_S = 0.5
_LABEL_WIDTH = 52


@dataclass
class Progress:
    """Call it with each Event, from any thread. `with` clears the running line at the end."""

    stream: TextIO
    _running: dict[str, tuple[Step, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _ticker: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self.stream.isatty():
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._ticker:
            self._ticker.join()
            self._clear()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if event.result is None:
                self._running[event.step.key] = (event.step, time.monotonic())
                return
            self._running.pop(event.step.key, None)
            if event.result.outcome is Outcome.LEFT:
                return  # the report lists what was not begun
            self._clear()
            print(_line(event.result, style_for(self.stream)), file=self.stream, flush=True)

    def _tick(self) -> None:
        while not self._ended.wait(_REFRESH_S):
            with self._lock:
                self._clear()
                if self._running:
                    step, since = min(self._running.values(), key=lambda pair: pair[1])
                    others = f" and {len(self._running) - 1} more" if len(self._running) > 1 else ""
                    self.stream.write(f"  ...   {step.label}{others}, {time.monotonic() - since:.0f} s")
                    self.stream.flush()

    def _clear(self) -> None:
        if self.stream.isatty():
            self.stream.write("\r\033[K")


def _line(result: StepResult, style: Style) -> str:
    mark, colour = _MARKS[result.outcome]
    stage = "" if result.step.stage is Stage.RESOURCE else f"{result.step.stage.value} "
    label = f"{stage}{result.step.label}"
    seconds = f"{result.seconds:6.1f} s" if result.outcome in (Outcome.DONE, Outcome.FAILED) else ""
    said = result.message.splitlines() or [""]
    # What went well is one line; why something failed stands below it, whole.
    beside, below = (said[0], said[1:]) if result.outcome is not Outcome.FAILED else ("", said)
    lines = [f"  {style(f'{mark:<8}', colour)}{label:<{_LABEL_WIDTH}}  {beside}{seconds:>10}".rstrip()]
    return "\n".join([*lines, *(f"          {line.strip()}" for line in below)])
