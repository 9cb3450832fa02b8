"""One class per person who must act. The exit code says who; the text says what, where, expected and found, next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What a verb's exit status means. Where several hold, the first of ERROR, POLICY, CONFLICT, DRIFT, CHANGES."""

    CLEAN = 0
    ERROR = 1
    CHANGES = 2
    DRIFT = 3
    CONFLICT = 4
    POLICY = 5
    STALE = 6
    LOCKED = 7
    PARTIAL = 8
    ROLLOUT = 9


class ReconcilerError(Exception):
    """Base of everything we raise on purpose. `str()` is the whole message for a person."""

    exit_code = ExitCode.ERROR


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake in a file. `line` and `column` count from 1; `span` is how many characters the caret line marks.

    `marks` are further (column, length) stretches of the excerpt to mark.
    """

    file: str
    line: int
    column: int
    message: str
    excerpt: str = ""
    span: int = 1
    marks: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column}: {self.message}"
        if not self.excerpt:
            return head
        text = self.excerpt.rstrip()
        shift = min(len(text) - len(text.lstrip()), self.column - 1)
        carets = [" "] * max(len(text), self.column + self.span)
        for column, length in ((self.column, self.span), *self.marks):
            carets[column - 1 : column - 1 + length] = "^" * length
        return f"{head}\n    {text[shift:]}\n    {''.join(carets[shift:]).rstrip()}"


class DesiredStateError(ReconcilerError):
    """The author's files say something that cannot be. Holds every finding, not only the first."""

    def __init__(self, findings: list[Finding], closing: str = "") -> None:
        self.findings = sorted(findings)
        self.closing = closing
        super().__init__("\n".join([*map(str, self.findings), *([closing] if closing else [])]))


class PolicyRefused(ReconcilerError):
    """A policy forbids the desired state."""

    exit_code = ExitCode.POLICY


class PlanRefused(ReconcilerError):
    """The plan is unsafe and nobody consented to it: the approver acts."""

    exit_code = ExitCode.CONFLICT


class PlanStale(ReconcilerError):
    """The plan that was approved is not the plan that would be applied now."""

    exit_code = ExitCode.STALE


class LockHeld(ReconcilerError):
    """Another run works on this environment."""

    exit_code = ExitCode.LOCKED


class SmokeTestFailed(ReconcilerError):
    """A deployment answered, but not with the forecasts its model version promises; it gets no traffic."""

    exit_code = ExitCode.ROLLOUT


class AzureError(ReconcilerError):
    """Azure refused or could not be reached: the operator acts. Never branch on the text, only on `code` and `status`."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 0,
        retryable: bool = False,
        request_id: str = "",
        target: str = "",
    ) -> None:
        self.code, self.status, self.retryable = code, status, retryable
        self.request_id, self.target = request_id, target
        super().__init__(message)


class Bug(ReconcilerError):
    """We broke an invariant of our own: please open an issue."""
