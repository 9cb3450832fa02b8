"""The scoring service that runs in an endpoint: /score, two health routes, typed errors, OpenAPI."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from scoring.forecaster import Forecaster
from scoring.requests import MAX_SERIES, FieldError, Forecast, Problem, ScoreRequest, ScoreResponse, to_windows, unknown

INVALID = "The request does not say what a forecast needs"
EXAMPLE: dict[str, Any] = {
    "series": [
        {
            "store": 2,
            "brand": 1,
            "history": [
                {"week_start": f"1992-{month:02}-{day:02}", "units": 120 + day, "price": 2.87, "deal": False, "feat": 0}
                for month, day in ((7, 2), (7, 9), (7, 16), (7, 23), (7, 30), (8, 6), (8, 13), (8, 20))
            ],
            "future": [{"week_start": "1992-08-27", "price": 2.49, "deal": True, "feat": 1}],
        }
    ]
}


def find_model(folder: Path) -> Path:
    """The folder below AZUREML_MODEL_DIR that holds model.json. Raises FileNotFoundError when there is none, or several."""
    found = sorted(folder.rglob("model.json"))
    if len(found) != 1:
        raise FileNotFoundError(f"{folder} holds {len(found)} files named model.json, not one")
    return found[0].parent


def create_app(model_dir: Path) -> FastAPI:
    """The service for the one model below `model_dir`. Without it, it does not start: the deployment fails and says why."""
    state: dict[str, Forecaster] = {}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        state["model"] = Forecaster.load(find_model(model_dir))
        yield
        state.clear()

    app = FastAPI(title="Retail demand forecast", version=os.environ.get("MODEL_VERSION", "0"), lifespan=lifespan)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.middleware("http")(_guarded)

    @app.get("/health/live", summary="The process answers")
    def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready", summary="The model is loaded", responses={503: {"model": Problem}})
    def ready() -> Response:
        if "model" not in state:
            return _not_loaded()
        return JSONResponse({"status": "ready"})

    @app.post(
        "/score", summary="Forecast packages a week", responses={413: {"model": Problem}, 422: {"model": Problem}}
    )
    def score(request: ScoreRequest) -> Any:
        if len(request.series) > MAX_SERIES:
            return _problem(413, "TooManySeries", f"{len(request.series)} series; at most {MAX_SERIES} fit one request")
        model = state.get("model")
        if model is None:
            return _not_loaded()
        if errors := unknown(request.series, model):
            return _problem(422, "InvalidRequest", INVALID, errors)
        return _forecast(model, request)

    _document_example(app)
    return app


def _forecast(model: Forecaster, request: ScoreRequest) -> ScoreResponse:
    predicted = {name: values.tolist() for name, values in model.predict(to_windows(request.series)).items()}
    weeks = [(one, week) for one in request.series for week in one.future]
    forecasts = [
        Forecast(
            store=one.store,
            brand=one.brand,
            week_start=week.week_start,
            **{name: round(values[index], 4) for name, values in predicted.items()},
        )
        for index, (one, week) in enumerate(weeks)
    ]
    return ScoreResponse(
        model=os.environ.get("MODEL_NAME", "retail-forecast"),
        version=os.environ.get("MODEL_VERSION", model.version),
        forecast=[one.p50 for one in forecasts],
        forecasts=forecasts,
    )


def _not_loaded() -> JSONResponse:
    return _problem(503, "ModelNotLoaded", "The model is not loaded yet")


def _problem(status: int, code: str, title: str, errors: list[FieldError] | None = None) -> JSONResponse:
    body = Problem(title=title, status=status, code=code, errors=errors or [])
    return JSONResponse(body.model_dump(), status, media_type="application/problem+json")


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Each field that is wrong, by its path; the values themselves are not repeated."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return _problem(422, "InvalidRequest", INVALID, [_field_error(one) for one in found])


def _field_error(found: Mapping[str, Any]) -> FieldError:
    """pydantic's `too_short` reads `TooShort`."""
    field = ".".join(str(part) for part in found["loc"] if part != "body")
    code = "".join(word.capitalize() for word in str(found["type"]).split("_"))
    return FieldError(field=field, code=code, message=found["msg"])


async def _guarded(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    """One JSON line a request, without its content. What nobody foresaw is a 500 whose reason stands in the log only."""
    started = time.perf_counter()
    failure: dict[str, str] = {}
    try:
        response = await call(request)
    except Exception as error:
        failure = {"error": repr(error), "traceback": traceback.format_exc()}
        response = _problem(500, "InternalError", "The service failed; its log says why")
    line = {
        "method": request.method,
        "path": request.url.path,
        "status": response.status_code,
        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
        "request_id": request.headers.get("x-ms-request-id", ""),
        **failure,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    return response


def _document_example(app: FastAPI) -> None:
    schema = app.openapi()
    schema["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["example"] = EXAMPLE
    app.openapi_schema = schema
