"""The bounds by which the demo judges a traffic split."""

from __future__ import annotations

import pytest

from reconciler.demo.counting import binomial_bounds


@pytest.mark.parametrize(
    ("n", "p", "bounds"),
    [
        pytest.param(200, 1.0, (200, 200), id="everything goes to one"),
        pytest.param(200, 0.0, (0, 0), id="nothing goes there"),
        pytest.param(200, 0.1, (10, 32), id="a tenth of two hundred"),
        pytest.param(200, 0.9, (168, 190), id="the other nine tenths"),
    ],
)
def test_bounds(n: int, p: float, bounds: tuple[int, int]) -> None:
    assert binomial_bounds(n, p) == bounds


def test_an_even_split_is_bounded_evenly() -> None:
    low, high = binomial_bounds(200, 0.5)
    assert low + high == 200
