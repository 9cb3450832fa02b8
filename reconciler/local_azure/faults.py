"""Failures on demand, for tests: latency, refusals before or after the effect, a daemon that dies."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.local_azure.wire import Request, Response

WRITES = ("PUT", "PATCH", "POST", "DELETE")


@dataclass
class Faults:
    """Read from JSON. `fail_write` counts control-plane writes from 1; `after` fails it once its effect has happened."""

    latency_ms: float = 0
    fail_write: int = 0
    status: int = 500
    after: bool = False
    kill_at_write: int = 0
    _writes: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def read(cls, path: Path | None) -> Faults:
        return cls(**json.loads(path.read_text())) if path else cls()

    def around(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        if self.latency_ms:
            time.sleep(self.latency_ms / 1000)
        if request.method not in WRITES or request.host != "management.azure.com":
            return answer(request)
        number = next(self._writes)
        if number == self.kill_at_write:
            os.kill(os.getpid(), signal.SIGKILL)
        if number != self.fail_write:
            return answer(request)
        if self.after:
            answer(request)
        return Response.json(
            self.status, {"error": {"code": "InternalServerError", "message": "A fault was asked for."}}
        )
