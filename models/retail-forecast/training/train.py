"""Trains one variant of the weekly demand forecaster and scores it on the last weeks, in time order.

    python train.py --data orange_juice_weekly.csv.gz --variant 2 --output DIR

Writes DIR/model (LightGBM text and JSON), DIR/metrics.json and DIR/smoke.json. Logs to MLflow when MLFLOW_TRACKING_URI is set.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from forecaster import CATEGORICAL, HORIZON_WEEKS, RICH, SIMPLE, WINDOW_WEEKS, Floats, Forecaster, Windows, features
from metrics import evaluate

HELD_OUT_WEEKS = 8
SMOKE_CASES = 8
TOLERANCE_PERCENT = 5.0
SEED = 20260814
COLUMNS = ("units", "price", "deal", "feat")


@dataclass(frozen=True)
class Variant:
    """What makes a version: its features, its quantiles, how long it learns."""

    features: tuple[str, ...]
    quantiles: tuple[float, ...]
    rounds: int
    leaves: int


VARIANTS = {
    "1": Variant(SIMPLE, (0.5,), rounds=80, leaves=15),
    "2": Variant(RICH, (0.1, 0.5, 0.9), rounds=120, leaves=47),
}


@dataclass(frozen=True)
class Panel:
    """Every series on one calendar: s series by t weeks, NaN where a week was not recorded."""

    store: Floats
    brand: Floats
    weeks: pd.DatetimeIndex
    values: dict[str, Floats]


def data_file(path: Path) -> Path:
    """The one file of the data asset: Azure ML mounts it as itself, or as a folder that holds it."""
    files = [path] if path.is_file() else sorted(path.rglob("*.csv*"))
    if len(files) != 1:
        raise SystemExit(f"--data {path}: {len(files)} CSV files, not one")
    return files[0]


def read_panel(path: Path) -> Panel:
    """From a CSV, gzipped or not."""
    table = pd.read_csv(path, parse_dates=["week_start"])
    weeks = pd.date_range(table["week_start"].min(), table["week_start"].max(), freq="7D")
    series = table.set_index(["store", "brand", "week_start"]).sort_index()
    wide = {name: series[name].unstack("week_start").reindex(columns=weeks) for name in COLUMNS}
    values = {name: frame.to_numpy(dtype=float) for name, frame in wide.items()}
    index = wide["units"].index.to_frame()
    return Panel(index["store"].to_numpy(dtype=float), index["brand"].to_numpy(dtype=float), weeks, values)


def examples(panel: Panel, origins: list[int]) -> tuple[Windows, Floats]:
    """Windows that end at each origin (a week's number) and the units of the weeks after it; only recorded targets."""
    parts = [_at(panel, origin, horizon) for origin in origins for horizon in range(1, HORIZON_WEEKS + 1)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    target = joined.pop("target")
    keep = ~np.isnan(target) & (np.sum(~np.isnan(joined["units"]), axis=1) >= 8)
    return Windows(**{name: column[keep] for name, column in joined.items()}), target[keep]


def _at(panel: Panel, origin: int, horizon: int) -> dict[str, Floats]:
    window = slice(origin - WINDOW_WEEKS + 1, origin + 1)
    future = {name: column[:, origin + horizon] for name, column in panel.values.items()}
    count = len(panel.store)
    return {
        "store": panel.store,
        "brand": panel.brand,
        **{name: column[:, window] for name, column in panel.values.items()},
        "horizon": np.full(count, float(horizon)),
        "future_price": future["price"],
        "future_deal": future["deal"],
        "future_feat": future["feat"],
        "week_of_year": np.full(count, float(panel.weeks[origin + horizon].isocalendar().week)),
        "target": future["units"],
    }


def fit(name: str, windows: Windows, target: Floats) -> Forecaster:
    """One booster a quantile, on log1p of units: errors count relative to a series' size."""
    variant = VARIANTS[name]
    table, logs = features(windows, variant.features), np.log1p(target)
    categorical = [one for one in CATEGORICAL if one in variant.features]
    boosters = {}
    for quantile in variant.quantiles:
        data = lgb.Dataset(table, logs, feature_name=list(variant.features), categorical_feature=categorical)
        settings: dict[str, Any] = {
            "objective": "quantile",
            "alpha": quantile,
            "learning_rate": 0.1,
            "num_leaves": variant.leaves,
            "min_data_in_leaf": 100,
            "feature_fraction": 0.8,
            "seed": SEED,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 2,
            "verbosity": -1,
        }
        boosters[f"p{quantile * 100:.0f}"] = lgb.train(settings, data, variant.rounds)
    stores, brands = (frozenset(np.unique(column).astype(int).tolist()) for column in (windows.store, windows.brand))
    return Forecaster(boosters, variant.features, name, stores, brands)


def smoke_cases(panel: Panel, forecaster: Forecaster, origin: int) -> list[dict[str, Any]]:
    """Questions as callers ask them, with the forecasts that every copy of this model must give."""
    windows, _ = examples(panel, [origin])
    cases = []
    for series in np.linspace(0, len(panel.store) - 1, SMOKE_CASES).astype(int):
        mine = (windows.store == panel.store[series]) & (windows.brand == panel.brand[series])
        if mine.sum() != HORIZON_WEEKS:
            continue
        chosen = Windows(**{name: column[mine] for name, column in vars(windows).items()})
        forecast = [round(float(value), 4) for value in forecaster.predict(chosen)["p50"]]
        cases.append({"request": {"series": [_request(panel, series, origin)]}, "forecast": forecast})
    return cases


def _request(panel: Panel, series: int, origin: int) -> dict[str, Any]:
    recorded = [
        week
        for week in range(origin - WINDOW_WEEKS + 1, origin + 1)
        if not np.isnan(panel.values["units"][series, week])
    ]
    return {
        "store": int(panel.store[series]),
        "brand": int(panel.brand[series]),
        "history": [
            {**_week(panel, series, week), "units": float(panel.values["units"][series, week])} for week in recorded
        ],
        "future": [_week(panel, series, origin + horizon) for horizon in range(1, HORIZON_WEEKS + 1)],
    }


def _week(panel: Panel, series: int, week: int) -> dict[str, Any]:
    return {
        "week_start": panel.weeks[week].date().isoformat(),
        "price": float(panel.values["price"][series, week]),
        "deal": bool(panel.values["deal"][series, week] > 0),
        "feat": float(panel.values["feat"][series, week]),
    }


def train(data: Path, name: str, output: Path) -> dict[str, float]:
    """The whole run. Examples to learn from end before the held-out weeks begin; those are forecast from two origins.

    The contract of the data was checked before they were registered; the model says which bytes it has learnt from, and
    registration compares them with the contract.
    """
    file = data_file(data)
    panel = read_panel(file)
    last = len(panel.weeks) - 1
    cut = last - HELD_OUT_WEEKS
    say(f"{len(panel.store)} series, {last + 1} weeks")
    say(f"learning until {panel.weeks[cut].date()}, scored on the {HELD_OUT_WEEKS} weeks after")
    windows, target = examples(panel, list(range(WINDOW_WEEKS - 1, cut - HORIZON_WEEKS + 1, 2)))
    forecaster = fit(name, windows, target)
    held_out, truth = examples(panel, [cut, last - HORIZON_WEEKS])
    metrics = evaluate(forecaster.predict(held_out), truth, held_out)
    cases = smoke_cases(panel, forecaster, last - HORIZON_WEEKS)
    if not cases:
        raise SystemExit("no series is recorded well enough to make a smoke case of")
    about = {
        "window_weeks": WINDOW_WEEKS,
        "horizon_weeks": HORIZON_WEEKS,
        "trained_until": panel.weeks[cut].date().isoformat(),
        "data_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    forecaster.save(output / "model", about)
    (output / "metrics.json").write_text(json.dumps(metrics, indent=2, sort_keys=True) + "\n")
    smoke = {"tolerance_percent": TOLERANCE_PERCENT, "cases": cases}
    (output / "smoke.json").write_text(json.dumps(smoke, indent=2, sort_keys=True) + "\n")
    return metrics


def log_to_mlflow(name: str, metrics: dict[str, float]) -> None:
    """Into the run that Azure ML has begun for this job."""
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        return
    import mlflow

    with mlflow.start_run():
        mlflow.log_params({"variant": name, "features": len(VARIANTS[name].features), "rounds": VARIANTS[name].rounds})
        mlflow.log_metrics(metrics)


def say(line: str) -> None:
    """Into the job's log, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--variant", choices=sorted(VARIANTS), default="2")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    metrics = train(arguments.data, arguments.variant, arguments.output)
    for name, value in sorted(metrics.items()):
        say(f"{name:<20}{value:>10.4f}")
    log_to_mlflow(arguments.variant, metrics)
    return 0


if __name__ == "__main__":
    sys.exit(main())
