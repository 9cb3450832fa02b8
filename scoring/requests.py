"""What a caller sends and gets, and the way from a request to windows."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from scoring.forecaster import HORIZON_WEEKS, WINDOW_WEEKS, Forecaster, Windows

MIN_HISTORY_WEEKS = 8
MAX_SERIES = 500
WEEK = timedelta(days=7)
TOO_LITTLE_HISTORY: Literal["too_little_history"] = "too_little_history"
NOT_CONSECUTIVE: Literal["weeks_not_consecutive"] = "weeks_not_consecutive"


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FutureWeek(_Message):
    """What a planner knows of a week to come."""

    week_start: date
    price: Annotated[float, Field(gt=0, description="Shelf price of a package in USD.")]
    deal: Annotated[bool, Field(description="An in-store deal, coupon or bonus buy.")] = False
    feat: Annotated[float, Field(ge=0, le=1, description="Share of the week with a feature advertisement.")] = 0.0


class PastWeek(FutureWeek):
    """A recorded week."""

    units: Annotated[float, Field(ge=0, description="Packages sold.")]


class Series(_Message):
    """One brand in one store. Weeks start on the same day; weeks of the past may be missing, weeks to come may not."""

    store: Annotated[int, Field(ge=1)]
    brand: Annotated[int, Field(ge=1)]
    # The validator says "too little history" in one way, whether weeks are few or old: pydantic's own min_length would be another.
    history: Annotated[list[PastWeek], Field(max_length=520, json_schema_extra={"minItems": MIN_HISTORY_WEEKS})]
    future: Annotated[list[FutureWeek], Field(min_length=1, max_length=HORIZON_WEEKS)]

    @field_validator("history")
    @classmethod
    def _weeks_rise(cls, history: list[PastWeek]) -> list[PastWeek]:
        past = [week.week_start for week in history]
        for earlier, later in pairwise(past):
            if later <= earlier or (later - earlier) % WEEK:
                raise PydanticCustomError(NOT_CONSECUTIVE, f"{later} does not follow {earlier} by whole weeks")
        recorded = sum(week > past[-1] - WINDOW_WEEKS * WEEK for week in past)
        if recorded < MIN_HISTORY_WEEKS:
            message = (
                f"{recorded} of the last {WINDOW_WEEKS} weeks are recorded, at least {MIN_HISTORY_WEEKS} are needed"
            )
            raise PydanticCustomError(TOO_LITTLE_HISTORY, message)
        return history

    @field_validator("future")
    @classmethod
    def _weeks_follow_the_history(cls, future: list[FutureWeek], known: ValidationInfo) -> list[FutureWeek]:
        history = known.data.get("history")
        if not history:
            return future
        for number, week in enumerate(future, 1):
            wanted = history[-1].week_start + number * WEEK
            if week.week_start != wanted:
                message = f"week {number} must start on {wanted}, found {week.week_start}"
                raise PydanticCustomError(NOT_CONSECUTIVE, message)
        return future


class ScoreRequest(_Message):
    series: Annotated[list[Series], Field(min_length=1)]


class Forecast(BaseModel):
    store: int
    brand: int
    week_start: date
    p50: Annotated[float, Field(description="Packages; half of all outcomes lie below.")]
    p10: float | None = None
    p90: float | None = None


class ScoreResponse(BaseModel):
    """`forecast` is every p50 in the order of the request; `forecasts` says all about each."""

    model: str
    version: str
    forecast: list[float]
    forecasts: list[Forecast]


class FieldError(BaseModel):
    """`field` is a path such as `series.0.history.3.units`; `code` a word to branch on, `TooLittleHistory` for one."""

    field: str
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457. `errors` names each field that is wrong."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    errors: list[FieldError] = []


def unknown(series: list[Series], model: Forecaster) -> list[FieldError]:
    """Stores and brands that the model has not learnt from."""
    errors = []
    for number, one in enumerate(series):
        if one.store not in model.stores:
            message = f"the model does not know store {one.store}"
            errors.append(FieldError(field=f"series.{number}.store", code="UnknownStore", message=message))
        if one.brand not in model.brands:
            message = f"the model does not know brand {one.brand}"
            errors.append(FieldError(field=f"series.{number}.brand", code="UnknownBrand", message=message))
    return errors


def to_windows(series: list[Series]) -> Windows:
    """One example a week to forecast, in request order."""
    rows = [(one, number, week) for one in series for number, week in enumerate(one.future, 1)]
    history = np.array([_aligned(one) for one, _, _ in rows])
    numbers = np.array(
        [
            [one.store, one.brand, number, week.price, float(week.deal), week.feat, week.week_start.isocalendar().week]
            for one, number, week in rows
        ],
        dtype=float,
    )
    return Windows(
        store=numbers[:, 0],
        brand=numbers[:, 1],
        units=history[:, 0],
        price=history[:, 1],
        deal=history[:, 2],
        feat=history[:, 3],
        horizon=numbers[:, 2],
        future_price=numbers[:, 3],
        future_deal=numbers[:, 4],
        future_feat=numbers[:, 5],
        week_of_year=numbers[:, 6],
    )


def _aligned(series: Series) -> list[list[float]]:
    """Units, price, deal and feat of the last WINDOW_WEEKS calendar weeks; NaN where one is missing."""
    last = series.history[-1].week_start
    by_week = {week.week_start: week for week in series.history}
    weeks = [by_week.get(last - back * WEEK) for back in range(WINDOW_WEEKS - 1, -1, -1)]
    missing = float("nan")
    return [
        [week.units if week else missing for week in weeks],
        [week.price if week else missing for week in weeks],
        [float(week.deal) if week else missing for week in weeks],
        [week.feat if week else missing for week in weeks],
    ]
