"""How many of n answers a colour may give when it should get a share p: exact binomial bounds."""

from __future__ import annotations

from itertools import accumulate
from math import comb


def binomial_bounds(n: int, p: float, *, level: float = 0.99) -> tuple[int, int]:
    """The central interval that holds a Binomial(n, p) count with at least probability `level`."""
    tail = (1 - level) / 2
    cumulative = list(accumulate(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)))
    low = next(k for k, total in enumerate(cumulative) if total > tail)
    high = next(k for k, total in enumerate(cumulative) if total >= 1 - tail - 1e-12)
    return low, high
