"""How good a forecast was, in figures that two versions can be compared by."""

from __future__ import annotations

import numpy as np
from forecaster import Floats, Windows, last_recorded


def evaluate(predicted: dict[str, Floats], truth: Floats, windows: Windows) -> dict[str, float]:
    """Percent, but for bias (packages a week) and coverage (a share). `wape_naive` is that of repeating the last week."""
    p50 = predicted["p50"]
    naive = last_recorded(windows.units)
    found = {
        "wape": _wape(p50, truth),
        "wape_naive": _wape(naive, truth),
        "mape": float(np.mean(np.abs(p50 - truth) / truth) * 100),
        "bias": float(np.mean(p50 - truth)),
        "wape_worst_brand": max(
            _wape(p50[mine], truth[mine]) for mine in (windows.brand == one for one in np.unique(windows.brand))
        ),
        "examples": float(len(truth)),
    }
    if "p10" in predicted and "p90" in predicted:
        found["coverage_80"] = float(np.mean((truth >= predicted["p10"]) & (truth <= predicted["p90"])))
    return found


def _wape(forecast: Floats, truth: Floats) -> float:
    return float(np.sum(np.abs(forecast - truth)) / np.sum(truth) * 100)
