"""One writer an environment: a lease on a blob container, taken through the control plane.

The lease works behind private endpoints, where the data plane is out of reach, and expires by itself: a killed run
strands nothing. https://learn.microsoft.com/rest/api/storagerp/blob-containers/lease (2026-10).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from reconciler.adapters.arm import Arm
from reconciler.core.resource import ResourceId
from reconciler.errors import AzureError, LockHeld

API_VERSION = "2026-04-01"
LEASE_S = 60
RENEW_S = 20
RETRY_S = 2.0

HELD_BY_OTHERS = frozenset({"LeaseAlreadyPresent", "LeaseIsBreakingAndCannotBeAcquired"})
NO_LONGER_OURS = frozenset(
    {
        "LeaseIdMismatchWithLeaseOperation",
        "LeaseNotPresentWithLeaseOperation",
        "LeaseIsBrokenAndCannotBeRenewed",
        "LeaseLost",
        "ContainerNotFound",
        "ResourceNotFound",
    }
)


@dataclass(frozen=True)
class Timing:
    """Seconds. Azure takes leases of 15 to 60; renewing must be well below."""

    lease_s: int = LEASE_S
    renew_s: float = RENEW_S


@dataclass
class Lock:
    """`with Lock(arm, container, lease_id): ...` Acquired on entry, renewed by a thread, released on exit.

    `lease_id` is a UUID the caller made up: it names this run. `holder` says who has the lock when it is taken already.
    """

    arm: Arm
    container: ResourceId
    lease_id: str
    wait_s: float = 0
    timing: Timing = Timing()
    holder: Callable[[], str] = lambda: ""
    lost: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)
    _renewed_at: float = 0
    _renewer: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Raises LockHeld when others still hold the lease after `wait_s` seconds."""
        deadline = time.monotonic() + self.wait_s
        while not self._try_acquire():
            if time.monotonic() + RETRY_S > deadline:
                raise LockHeld(self._held_message())
            time.sleep(RETRY_S)
        self._renewer = threading.Thread(target=self._keep_renewing, name="lock-renewer", daemon=True)
        self._renewer.start()

    def check(self) -> None:
        """Call before each write. Raises LockHeld when the lease is gone, or may be: this process may have slept."""
        if self.lost.is_set() or time.monotonic() - self._renewed_at >= self.timing.lease_s:
            self.lost.set()
            raise LockHeld(
                f"this run lost its lock on {self.container.name}: nothing more was written"
                "\n    Next: see what the other run does, then plan and apply again"
            )

    def release(self) -> None:
        """Gives the lease back; one that is no longer ours needs no giving back."""
        self._released.set()
        if self._renewer:
            self._renewer.join()
        try:
            self._lease("Release", leaseId=self.lease_id)
        except AzureError as error:
            if error.code not in NO_LONGER_OURS:
                raise

    def _try_acquire(self) -> bool:
        asked_at = time.monotonic()
        try:
            self._lease("Acquire", leaseDuration=self.timing.lease_s, proposedLeaseId=self.lease_id)
        except AzureError as error:
            if error.code in HELD_BY_OTHERS:
                return False
            raise
        self._renewed_at = asked_at
        return True

    def _keep_renewing(self) -> None:
        while not self._released.wait(self.timing.renew_s):
            asked_at = time.monotonic()
            try:
                self._lease("Renew", leaseId=self.lease_id)
            except AzureError as error:
                # Any other failure may pass before the lease ends; `check` refuses by the clock when it does not.
                if error.code in NO_LONGER_OURS:
                    self.lost.set()
                    return
            else:
                self._renewed_at = asked_at

    def _lease(self, action: str, **settings: str | int) -> None:
        self.arm.post(self.container, "lease", API_VERSION, {"action": action, **settings})

    def _held_message(self) -> str:
        holder = self.holder() or "another run"
        return (
            f"{holder} holds the lock on {self.container.name}"
            f"\n    A lease lasts {self.timing.lease_s} s, renewed while its run lives; a killed run's ends by itself."
            "\n    Next: wait for that run, then try again"
        )
