"""ARM's token buckets, one pair a principal and subscription: reads 250 + 25/s, writes and deletes 200 + 10/s.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling (2026-10).
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field

from reconciler.local_azure.wire import AzureRefusal


@dataclass
class Bucket:
    capacity: float
    refill_per_s: float
    tokens: float = -1
    at: float = 0

    def take(self, now: float) -> float:
        """Seconds until a token is there; 0 when one was taken."""
        if self.tokens < 0:
            self.tokens, self.at = self.capacity, now
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.refill_per_s)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.refill_per_s
        self.tokens -= 1
        return 0


@dataclass
class Throttle:
    """`scale` multiplies both limits: tests that are about something else make them large."""

    scale: float = 1
    _buckets: dict[tuple[str, str, bool], Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, principal: str, subscription: str, method: str) -> str:
        """The remaining requests, for ARM's header. Raises AzureRefusal(429)."""
        reads = method in ("GET", "HEAD")
        with self._lock:
            bucket = self._buckets.setdefault((principal, subscription, reads), self._fresh(reads))
            wait_s = bucket.take(time.monotonic())
            remaining = int(bucket.tokens)
        if wait_s:
            kind = "reads" if reads else "writes"
            message = f"Number of '{kind}' requests for subscription '{subscription}' actor '{principal}' exceeded."
            raise AzureRefusal(429, "SubscriptionRequestsThrottled", message, retry_after=str(math.ceil(wait_s)))
        return str(remaining)

    def _fresh(self, reads: bool) -> Bucket:
        capacity, refill = (250, 25) if reads else (200, 10)
        return Bucket(capacity * self.scale, refill * self.scale)
