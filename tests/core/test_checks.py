"""Cross-field checks where a table of YAML would say too little: limits from both sides, and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.checks import check
from reconciler.core.desired import DesiredState
from reconciler.core.model_version import Catalogue, Metric, Model, ModelSpec, ModelVersion
from reconciler.core.names import names
from reconciler.core.problems import did_you_mean, listed
from reconciler.core.sizes import SERVING_SIZES, SIZES

SHA = "9b1c" * 16
VERSION = ModelVersion.model_validate(
    {
        "version": 1,
        "artefact": {"path": "azureml://x", "sha256": SHA, "size_bytes": 1, "format": "lightgbm-text"},
        "data": {"asset": "sales:1", "sha256": SHA},
        "code": {"commit": "3f2a1c9", "path": "models/m"},
        "job": {"name": "j", "environment": "dev"},
        "metrics": {"wape": 1.0},
        "smoke": {"tolerance_percent": 5, "cases": [{"request": {}, "forecast": [1.0]}]},
    }
)
SPEC = ModelSpec(name="m", owner="o", purpose="p", task="forecasting", metric=Metric(name="wape"))
CATALOGUE = Catalogue({"m": Model(SPEC, {1: VERSION}), "empty": Model(SPEC, {})})
BLUE = {"model": "m:1", "size": "Standard_F4s_v2"}


def state(**changes: Any) -> DesiredState:
    text: dict[str, Any] = {
        "environment": "prod", "workload": "w", "name": "retail", "name_suffix": "7f3a", "location": "eastus",
        "subscription_id": "00000000-0000-0000-0000-00000000000c", "owner": "o", "cost_centre": "c",
        "data_class": "internal", "origin": "x", "storage": {"lake": {"containers": {"raw": {}}}},
        "runtime_images": {"scoring": {"version": "1", "context": "scoring", "serves": True}},
    }  # fmt: skip
    return DesiredState.model_validate(text | changes)


def endpoint(**parts: Any) -> DesiredState:
    return state(endpoints={"forecast": {"deployments": {"blue": BLUE}, **parts}})


def messages(desired: DesiredState) -> list[str]:
    return [problem.message for problem in check(desired, CATALOGUE)]


@pytest.mark.parametrize(
    "desired",
    [
        pytest.param(state(), id="no endpoint"),
        pytest.param(endpoint(), id="a deployment without traffic"),
        pytest.param(endpoint(traffic={"blue": 0}), id="traffic of zero"),
        pytest.param(endpoint(traffic={"blue": 100}), id="all traffic to one"),
        pytest.param(endpoint(mirror={"blue": 50}), id="half is mirrored"),
        pytest.param(endpoint(deployments={f"d{n:02}": BLUE for n in range(20)}), id="twenty deployments"),
        pytest.param(endpoint(deployments={"b2e": BLUE, "b" * 32: BLUE}), id="names of 3 and of 32 characters"),
        pytest.param(
            endpoint(deployments={"blue": {**BLUE, "request_timeout_s": 180, "instances": {"min": 50, "max": 50}}}),
            id="fifty instances and three minutes",
        ),
        pytest.param(
            state(environment="dev", endpoints={"forecast": {"deployments": {"blue": {**BLUE, "model": "m@latest"}}}}),
            id="dev follows the latest",
        ),
        pytest.param(
            state(
                storage={
                    "redundancy": "zone",
                    "lake": {"containers": {"raw": {"lifecycle": {"archive_after_days": None}}}},
                }
            ),
            id="a zone-redundant account that never archives",
        ),
        pytest.param(state(tenant_id="00000000-0000-0000-0000-00000000000c"), id="a tenant by id"),
        pytest.param(state(name="retailer", environment="staging", name_suffix="abcd"), id="a vault of 24 characters"),
    ],
)
def test_what_azure_accepts_is_accepted(desired: DesiredState) -> None:
    assert messages(desired) == []


@pytest.mark.parametrize(
    ("desired", "words"),
    [
        pytest.param(
            endpoint(deployments={f"d{n:02}": BLUE for n in range(21)}), "21 deployments", id="21 deployments"
        ),
        pytest.param(endpoint(deployments={"b" * 33: BLUE}), "has 33 characters", id="a name of 33 characters"),
        pytest.param(endpoint(deployments={"blue-": BLUE}), "single dashes", id="a dash at the end"),
        pytest.param(endpoint(mirror={"blue": 51}), "0 to 50 percent", id="more than half is mirrored"),
        pytest.param(endpoint(mirror={"blue": -1}), "0 to 50 percent", id="less than nothing is mirrored"),
        pytest.param(endpoint(traffic={"blue": 99}), "adds up to 99", id="traffic of 99"),
        pytest.param(
            endpoint(deployments={"blue": {**BLUE, "model": "empty:1"}}),
            "no version yet",
            id="a model without versions",
        ),
        pytest.param(state(tenant_id="contoso"), "tenant_id must be a UUID", id="a tenant by name"),
        pytest.param(state(subscription_id="0" * 32), "must be a UUID", id="an id without dashes"),
        pytest.param(
            state(name="retailer", environment="staging", name_suffix="abcde"),
            "25 characters",
            id="a vault of 25 characters",
        ),
        pytest.param(
            state(compute={"ab": {"size": "Standard_DS3_v2"}}), "has 2 characters", id="a cluster's name is too short"
        ),
        pytest.param(
            state(data={"a b": {"version": "1", "path": "p", "contract": "c"}}),
            "expected letters",
            id="a space in a data asset's name",
        ),
    ],
)
def test_what_azure_refuses_is_refused(desired: DesiredState, words: str) -> None:
    found = messages(desired)
    assert len(found) == 1
    assert words in found[0]


def test_a_job_names_only_what_is_declared() -> None:
    job = {"code": "c", "command": "x", "compute": "cpu", "runtime_image": "img", "data": "d", "experiment": "e"}
    found = messages(state(jobs={"train": {**job, "schedule": "0 3 * * 1"}}))
    assert found == [
        'unknown compute "cpu"; none is declared',
        'unknown runtime image "img"; there is scoring',
        'unknown data "d"; none is declared',
    ]


def test_only_serving_sizes_may_serve() -> None:
    for name in sorted(SIZES):
        found = messages(endpoint(deployments={"blue": {**BLUE, "size": name}}))
        assert (found == []) == (name in SERVING_SIZES), name


def test_sizes_know_their_cores() -> None:
    cores = {name: SIZES[name].cores for name in ("Standard_DS3_v2", "Standard_F4s_v2", "Standard_NC24ads_A100_v4")}
    assert cores == {"Standard_DS3_v2": 4, "Standard_F4s_v2": 4, "Standard_NC24ads_A100_v4": 24}


def test_the_names_of_an_environment() -> None:
    derived = names(endpoint())
    assert (derived.lake, derived.workspace_account) == ("dlretailprod7f3a", "stretailprod7f3a")
    assert (derived.vault, derived.registry) == ("kv-retail-prod-7f3a", "crretailprod7f3a")
    assert derived.identities["endpoint"] == "id-retail-prod-endpoint"
    assert derived.endpoints == {"forecast": "forecast-prod-7f3a"}


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        pytest.param("m:1", 1, id="a version"),
        pytest.param("m:2", None, id="a version nobody registered"),
        pytest.param("m@latest", 1, id="the latest, with an at sign"),
        pytest.param("m:latest", 1, id="the latest, with a colon"),
        pytest.param("empty:latest", None, id="the latest of none"),
        pytest.param("n:1", None, id="another model"),
        pytest.param("m:²", None, id="a digit that is no number"),
    ],
)
def test_a_reference_names_a_version(reference: str, version: int | None) -> None:
    found = CATALOGUE.version(reference)
    assert (found.version if found else None) == version


def test_suggestions_name_what_there_is() -> None:
    assert did_you_mean("bleu", ["blue", "green"]) == ': did you mean "blue"?'
    assert did_you_mean("x", ["blue", "green"]) == "; there is blue, green"
    assert did_you_mean("x", []) == "; none is declared"
    assert listed("abcdefghijklmn", most=3) == "a, b, c, ..."
