"""The scoring service, asked as callers ask it."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from scoring.app import EXAMPLE, create_app, find_model
from scoring.requests import MAX_SERIES

PAST, [COMING] = EXAMPLE["series"][0]["history"], EXAMPLE["series"][0]["future"]


@pytest.fixture(scope="module")
def client(small_models: dict[str, Path]) -> Iterator[TestClient]:
    with TestClient(create_app(small_models["2"])) as client:
        yield client


def changed(path: str, value: Any) -> dict[str, Any]:
    """The example with one value at `series.0...` replaced; None removes it."""
    request = copy.deepcopy(EXAMPLE)
    place: Any = request
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    key: Any = int(last) if isinstance(place, list) else last
    if value is None:
        del place[key]
    else:
        place[key] = value
    return request


def test_the_documented_example_is_answered(client: TestClient) -> None:
    answer = client.post("/score", json=EXAMPLE)
    assert answer.status_code == 200
    body = answer.json()
    assert body["forecast"] == [body["forecasts"][0]["p50"]]
    first = body["forecasts"][0]
    assert 0 <= first["p10"] <= first["p50"] <= first["p90"]


def test_a_model_of_one_quantile_answers_without_an_interval(small_models: dict[str, Path]) -> None:
    with TestClient(create_app(small_models["1"])) as client:
        first = client.post("/score", json=EXAMPLE).json()["forecasts"][0]
    assert first["p50"] >= 0
    assert first["p10"] is None


@pytest.mark.parametrize("variant", ["1", "2"])
def test_training_and_scoring_agree_on_every_smoke_case(small_models: dict[str, Path], variant: str) -> None:
    smoke = json.loads((small_models[variant] / "smoke.json").read_text())
    with TestClient(create_app(small_models[variant])) as client:
        for case in smoke["cases"]:
            answer = client.post("/score", json=case["request"]).json()
            assert answer["forecast"] == pytest.approx(case["forecast"], abs=1e-3)


@pytest.mark.parametrize(
    ("path", "value", "field", "code"),
    [
        pytest.param("series", [], "series", "TooShort", id="no series at all"),
        pytest.param("series.0.brand", 12, "series.0.brand", "UnknownBrand", id="a brand the model has not seen"),
        pytest.param("series.0.store", 3, "series.0.store", "UnknownStore", id="a store the model has not seen"),
        pytest.param("series.0.brand", None, "series.0.brand", "Missing", id="a missing brand"),
        pytest.param("series.0.store", "two", "series.0.store", "IntParsing", id="a store in words"),
        pytest.param("series.0.shop", 2, "series.0.shop", "ExtraForbidden", id="an unknown key"),
        pytest.param("series.0.history", PAST[:7], "series.0.history", "TooLittleHistory", id="too little history"),
        pytest.param("series.0.history", [], "series.0.history", "TooLittleHistory", id="no history"),
        pytest.param(
            "series.0.history.0.week_start",
            "1991-01-03",
            "series.0.history",
            "TooLittleHistory",
            id="history that is too old",
        ),
        pytest.param(
            "series.0.history.7.week_start",
            "1992-08-21",
            "series.0.history",
            "WeeksNotConsecutive",
            id="a week that starts on another day",
        ),
        pytest.param(
            "series.0.history.1.week_start",
            "1992-07-02",
            "series.0.history",
            "WeeksNotConsecutive",
            id="the same week twice",
        ),
        pytest.param(
            "series.0.future.0.week_start",
            "1992-09-03",
            "series.0.future",
            "WeeksNotConsecutive",
            id="a gap before the first week to come",
        ),
        pytest.param(
            "series.0.history.0.units", -1, "series.0.history.0.units", "GreaterThanEqual", id="negative sales"
        ),
        pytest.param("series.0.future.0.price", 0, "series.0.future.0.price", "GreaterThan", id="a price of nothing"),
        pytest.param(
            "series.0.future.0.feat",
            1.5,
            "series.0.future.0.feat",
            "LessThanEqual",
            id="more than a whole advertisement",
        ),
        pytest.param("series.0.future", [], "series.0.future", "TooShort", id="nothing to forecast"),
        pytest.param(
            "series.0.future", [COMING] * 5, "series.0.future", "TooLong", id="further ahead than the model sees"
        ),
    ],
)
def test_a_bad_request_names_the_field_and_a_code(
    client: TestClient, path: str, value: Any, field: str, code: str
) -> None:
    answer = client.post("/score", json=changed(path, value))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "InvalidRequest"
    assert [(error["field"], error["code"]) for error in body["errors"]] == [(field, code)]


def test_json_that_is_none_is_a_problem_too(client: TestClient) -> None:
    answer = client.post("/score", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidRequest")


def test_too_many_series_are_refused_as_such(client: TestClient) -> None:
    request = {"series": EXAMPLE["series"] * (MAX_SERIES + 1)}
    answer = client.post("/score", json=request)
    assert (answer.status_code, answer.json()["code"]) == (413, "TooManySeries")


def test_health_tells_live_from_ready(client: TestClient, small_models: dict[str, Path]) -> None:
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200
    not_started = TestClient(create_app(small_models["2"]))
    assert not_started.get("/health/live").status_code == 200
    assert not_started.get("/health/ready").status_code == 503
    answer = not_started.post("/score", json=EXAMPLE)
    assert (answer.status_code, answer.json()["code"]) == (503, "ModelNotLoaded")


def test_every_request_is_one_json_line_without_what_was_asked(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.post("/score", json=EXAMPLE, headers={"x-ms-request-id": "abc"})
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert line.pop("milliseconds") > 0
    assert line == {"method": "POST", "path": "/score", "status": 200, "request_id": "abc"}


def test_what_nobody_foresaw_is_a_problem_for_the_caller_and_a_traceback_in_the_log(
    small_models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that names a feature which this service cannot compute loads, and fails when it is asked."""
    shutil.copytree(small_models["1"] / "model", tmp_path / "model")
    described = json.loads((tmp_path / "model" / "model.json").read_text())
    described["features"][0] = "weather"
    (tmp_path / "model" / "model.json").write_text(json.dumps(described))
    with TestClient(create_app(tmp_path)) as client:
        answer = client.post("/score", json=EXAMPLE)
    assert (answer.status_code, answer.json()["code"]) == (500, "InternalError")
    assert "weather" not in answer.text
    line = json.loads(capsys.readouterr().out)
    assert line["error"] == "KeyError('weather')"
    assert "forecaster.py" in line["traceback"]


def test_a_gap_in_the_history_is_no_mistake(client: TestClient) -> None:
    history = EXAMPLE["series"][0]["history"]
    older = [{**history[0], "week_start": "1992-06-18"}, *history]
    assert client.post("/score", json=changed("series.0.history", older)).status_code == 200


def test_the_openapi_document_carries_the_example(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    content = document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    assert content["example"] == EXAMPLE


@pytest.mark.parametrize("count", [pytest.param(0, id="no model"), pytest.param(2, id="two models")])
def test_a_model_folder_must_hold_one_model(tmp_path: Path, count: int) -> None:
    for number in range(count):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "model.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=f"holds {count} files"):
        find_model(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps({"format": "pickle"}))
    with pytest.raises(ValueError, match="format 'pickle'"), TestClient(create_app(tmp_path)):
        pass
