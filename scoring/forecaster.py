"""Features and prediction of the weekly demand forecaster, for many series at once.

The one implementation: training makes its examples and scoring its answers with it. models/retail-forecast/training/ holds a
copy, since a job's code and an image's build context are uploaded each as one folder; a test keeps the two files equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

FORMAT = "retail-forecast/1"
WINDOW_WEEKS = 13
"""Weeks of history that features look at."""
HORIZON_WEEKS = 4
SIMPLE = ("horizon", "brand", "last", "mean_4", "price")
RICH = (
    *SIMPLE,
    "store",
    "lag_2",
    "lag_3",
    "lag_4",
    "mean_8",
    "mean_13",
    "median_13",
    "std_13",
    "deal",
    "feat",
    "last_deal",
    "last_feat",
    "price_change",
    "price_ratio",
    "mean_same_deal",
    "mean_featured",
    "mean_plain",
    "year_sin",
    "year_cos",
)
CATEGORICAL = ("brand", "store")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Windows:
    """n examples. `units`, `price`, `deal` and `feat` are n x WINDOW_WEEKS, oldest first, NaN where a week was not recorded; the
    rest are n: what is known of the week to forecast, `horizon` weeks (1 to HORIZON_WEEKS) after the window's last.
    """

    store: Floats
    brand: Floats
    units: Floats
    price: Floats
    deal: Floats
    feat: Floats
    horizon: Floats
    future_price: Floats
    future_deal: Floats
    future_feat: Floats
    week_of_year: Floats


def features(windows: Windows, names: tuple[str, ...]) -> Floats:
    """n x len(names), from nothing after the window but what a planner knows: price, deal and feature advertisement."""
    table = _all_features(windows)
    return np.column_stack([table[name] for name in names])


def _all_features(w: Windows) -> dict[str, Floats]:
    logs = np.log1p(w.units)
    mean_price = _mean(w.price)
    same_deal = np.where((w.deal > 0) == (w.future_deal > 0)[:, None], logs, np.nan)
    featured, plain = np.where(w.feat > 0, logs, np.nan), np.where(w.feat > 0, np.nan, logs)
    angle = 2 * np.pi * w.week_of_year / 52.18
    return {
        "horizon": w.horizon,
        "brand": w.brand,
        "store": w.store,
        "last": last_recorded(logs),
        "lag_2": logs[:, -2],
        "lag_3": logs[:, -3],
        "lag_4": logs[:, -4],
        "mean_4": _mean(logs[:, -4:]),
        "mean_8": _mean(logs[:, -8:]),
        "mean_13": _mean(logs),
        "median_13": _quiet(np.nanmedian, logs),
        "std_13": _quiet(np.nanstd, logs),
        "price": w.future_price,
        "deal": w.future_deal,
        "feat": w.future_feat,
        "last_deal": last_recorded(w.deal),
        "last_feat": last_recorded(w.feat),
        "price_change": w.future_price - last_recorded(w.price),
        "price_ratio": w.future_price / mean_price,
        "mean_same_deal": _mean(same_deal),
        "mean_featured": _mean(featured),
        "mean_plain": _mean(plain),
        "year_sin": np.sin(angle),
        "year_cos": np.cos(angle),
    }


def _mean(values: Floats) -> Floats:
    """NaN where nothing was recorded, without numpy's warning."""
    counts = np.sum(~np.isnan(values), axis=1)
    totals = np.nansum(values, axis=1)
    means: Floats = np.divide(totals, counts, out=np.full(len(values), np.nan), where=counts > 0)
    return means


def last_recorded(values: Floats) -> Floats:
    """The newest recorded value of each row."""
    recorded = ~np.isnan(values)
    newest = values.shape[1] - 1 - np.argmax(recorded[:, ::-1], axis=1)
    found: Floats = values[np.arange(len(values)), newest]
    return found


def _quiet(function: Any, values: Floats) -> Floats:
    """A nan-function over rows; rows without any value stay NaN."""
    result = np.full(len(values), np.nan)
    some = np.any(~np.isnan(values), axis=1)
    result[some] = function(values[some], axis=1)
    return result


@dataclass(frozen=True)
class Forecaster:
    """A trained model: one booster a quantile, LightGBM's own text format beside a JSON file. Loading runs no code of theirs."""

    boosters: Mapping[str, lgb.Booster]
    names: tuple[str, ...]
    version: str
    stores: frozenset[int]
    brands: frozenset[int]
    """Those it has learnt from; it was never measured on others."""

    @classmethod
    def load(cls, folder: Path) -> Forecaster:
        """Raises ValueError for another format, FileNotFoundError where a file is missing."""
        described = json.loads((folder / "model.json").read_text())
        if described.get("format") != FORMAT:
            raise ValueError(f"{folder / 'model.json'}: format {described.get('format')!r}, not {FORMAT!r}")
        boosters = {name: lgb.Booster(model_file=str(folder / file)) for name, file in described["quantiles"].items()}
        stores, brands = frozenset(described["stores"]), frozenset(described["brands"])
        return cls(boosters, tuple(described["features"]), str(described["variant"]), stores, brands)

    def save(self, folder: Path, about: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: f"{name}.txt" for name in self.boosters}
        for name, booster in self.boosters.items():
            booster.save_model(str(folder / files[name]))
        known = {"stores": sorted(self.stores), "brands": sorted(self.brands)}
        described = {
            "format": FORMAT,
            "variant": self.version,
            "features": self.names,
            "quantiles": files,
            **known,
            **about,
        }
        (folder / "model.json").write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")

    def predict(self, windows: Windows) -> dict[str, Floats]:
        """Packages by quantile, never below 0; quantiles never cross."""
        table = features(windows, self.names)
        found = {name: np.expm1(np.asarray(one.predict(table, num_threads=1))) for name, one in self.boosters.items()}
        ordered = np.sort(np.maximum(np.vstack([found[name] for name in sorted(found)]), 0), axis=0)
        return dict(zip(sorted(found), ordered, strict=True))
