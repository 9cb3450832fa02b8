"""Training as a job, and registration: where outputs lie, what the gate refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.adapters.training import data_asset, output_uri
from reconciler.core.gate import NotBetter, check_gate
from reconciler.core.model_version import Model, ModelSpec, ModelVersion
from reconciler.core.resource import ResourceId
from reconciler.errors import ReconcilerError

WORKSPACE = ResourceId("/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw")
LONG = "azureml://subscriptions/s/resourcegroups/rg/workspaces/mlw/datastores/"


def model(metric: Mapping[str, Any], improve_percent: float, *champions: Mapping[str, float]) -> Model:
    """A model whose versions have these metrics, oldest first."""
    text = {"owner": "team", "purpose": "to plan", "task": "forecasting"}
    gate = {"improve_percent": improve_percent}
    spec = ModelSpec.model_validate({"name": "m", **text, "metric": metric, "gate": gate})
    return Model(spec, {number: version(number, metrics) for number, metrics in enumerate(champions, 1)})


def version(number: int, metrics: Mapping[str, float]) -> ModelVersion:
    return ModelVersion.model_validate(
        {
            "version": number,
            "artefact": {"path": "models/m/a", "sha256": "a" * 64, "size_bytes": 1, "format": "lightgbm-text"},
            "data": {"asset": "sales:1", "sha256": "b" * 64},
            "code": {"commit": "1234567", "path": "models/m/training"},
            "job": {"name": "j", "environment": "dev"},
            "metrics": metrics,
            "smoke": {"tolerance_percent": 5, "cases": [{"request": {}, "forecast": [1.0]}]},
        }
    )


LOWER, HIGHER = {"name": "wape", "direction": "lower"}, {"name": "r2", "direction": "higher"}


@pytest.mark.parametrize(
    ("champion", "metrics"),
    [
        pytest.param(model(LOWER, 0), {"wape": 90.0}, id="the first version has nobody to beat"),
        pytest.param(model(LOWER, 0, {"wape": 50.0}), {"wape": 49.9}, id="a lower error is better"),
        pytest.param(model(LOWER, 5, {"wape": 50.0}), {"wape": 47.0}, id="six percent better where five are asked"),
        pytest.param(model(HIGHER, 0, {"r2": 0.5}), {"r2": 0.6}, id="a higher score is better"),
        pytest.param(model(HIGHER, 0, {"r2": -0.5}), {"r2": -0.4}, id="a negative score that rises is better"),
        pytest.param(model(HIGHER, 0, {"r2": 0.0}), {"r2": 0.1}, id="a champion of zero can be beaten"),
        pytest.param(model(LOWER, 0, {"wape": 40.0}, {"wape": 50.0}), {"wape": 45.0}, id="only the newest is compared"),
    ],
)
def test_the_gate_lets_a_better_version_pass(champion: Model, metrics: dict[str, float]) -> None:
    assert check_gate(champion, metrics) is None


@pytest.mark.parametrize(
    ("champion", "metrics", "message"),
    [
        pytest.param(model(LOWER, 0, {"wape": 50.0}), {"wape": 60.0}, "wape 60.000 against 50.000", id="a worse one"),
        pytest.param(model(LOWER, 0, {"wape": 50.0}), {"wape": 50.0}, "+0.0 %, more than 0 %", id="an equal one"),
        pytest.param(model(LOWER, 5, {"wape": 50.0}), {"wape": 48.0}, "+4.0 %, more than 5 %", id="too small a gain"),
        pytest.param(model(HIGHER, 0, {"r2": 0.5}), {"r2": 0.4}, "-20.0 %", id="a lower score"),
        pytest.param(model(LOWER, 0, {"wape": 50.0}), {"wape": float("nan")}, "wape nan", id="no number"),
        pytest.param(
            model(LOWER, 0, {"wape": 50.0}), {"mape": 1.0}, "the challenger has no metric wape", id="no metric"
        ),
        pytest.param(
            model(LOWER, 0, {"mape": 50.0}), {"wape": 1.0}, "the champion has no metric wape", id="an old metric"
        ),
    ],
)
def test_the_gate_refuses(champion: Model, metrics: dict[str, float], message: str) -> None:
    with pytest.raises(NotBetter) as raised:
        check_gate(champion, metrics)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("outputs", "uri"),
    [
        pytest.param({"model": {}}, f"{LONG}workspaceblobstore/paths/azureml/j1/model", id="no place is declared"),
        pytest.param(None, f"{LONG}workspaceblobstore/paths/azureml/j1/model", id="Azure says nothing of outputs"),
        pytest.param(
            {"model": {"uri": "azureml://datastores/artefacts/paths/runs/${{name}}/"}},
            f"{LONG}artefacts/paths/runs/j1",
            id="a place of the job's own",
        ),
        pytest.param(
            {"model": {"uri": "azureml://datastores/${{default_datastore}}/paths/x"}},
            f"{LONG}workspaceblobstore/paths/x",
            id="the default datastore by its other name",
        ),
        pytest.param({"model": {"uri": f"{LONG}d/paths/x/"}}, f"{LONG}d/paths/x", id="the long form already"),
    ],
)
def test_an_output_is_found_where_the_job_left_it(outputs: dict[str, Any] | None, uri: str) -> None:
    assert output_uri(WORKSPACE, "j1", {"properties": {"outputs": outputs}}) == uri


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("azureml:sales:3", id="as people write it"),
        pytest.param(f"{WORKSPACE}/data/sales/versions/3", id="as a resource id"),
        pytest.param("azureml://locations/x/workspaces/y/data/sales/versions/3", id="as the data plane spells it"),
    ],
)
def test_a_data_asset_is_known_by_any_of_its_spellings(uri: str) -> None:
    assert data_asset(uri) == "sales:3"


def test_data_without_a_version_are_refused() -> None:
    with pytest.raises(ReconcilerError, match="no versioned data asset"):
        data_asset("azureml://datastores/lake/paths/sales.csv")
