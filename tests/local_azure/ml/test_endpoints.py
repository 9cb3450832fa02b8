"""Endpoints and deployments: containers that really run, traffic that really splits, and what Azure refuses."""

from __future__ import annotations

import os
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError

from reconciler.local_azure.identity import Identity
from tests.local_azure.ml.conftest import ML_API, PLACE, ROOT, SKU, Cloud, deployment

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
Ask = Callable[..., httpx.Response]


def set_traffic(cloud: Cloud, traffic: dict[str, int], **more: Any) -> None:
    cloud.ml_put("onlineEndpoints/retail", {"authMode": "Key", "traffic": traffic, **more}, location=PLACE)


@pytest.fixture(scope="module")
def colours(serving: Cloud) -> Cloud:
    """Blue serves version 1, green version 2."""
    for colour, model in (("blue", "1"), ("green", "2")):
        variables = {"COLOUR": colour}
        body = deployment(model, environmentVariables=variables)
        path = f"onlineEndpoints/retail/deployments/{colour}"
        answered = serving.ml_put(path, body, location=PLACE, sku=SKU)
        assert answered["properties"]["provisioningState"] == "Succeeded"
    return serving


def test_an_endpoint_without_traffic_has_nothing_to_answer_with(colours: Cloud, ask: Ask) -> None:
    set_traffic(colours, {})
    assert ask({}).status_code == 404


def test_a_pinned_request_reaches_a_deployment_without_traffic(colours: Cloud, ask: Ask) -> None:
    answer = ask({}, azureml_model_deployment="green")
    assert (answer.status_code, answer.json()["model"], answer.json()["colour"]) == (200, "2", "green")
    assert answer.headers["azureml-model-deployment"] == "green"


def test_traffic_splits_by_its_weights(colours: Cloud, ask: Ask) -> None:
    set_traffic(colours, {"blue": 80, "green": 20})
    seen = Counter(ask({}).headers["azureml-model-deployment"] for _ in range(300))
    assert 25 <= seen["green"] <= 100
    assert seen["blue"] + seen["green"] == 300


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param({}, {"authorization": "Bearer wrong"}, 401, id="a wrong key is refused"),
        pytest.param({"status": 422}, {"azureml_model_deployment": "blue"}, 424, id="the model's own error is a 424"),
        pytest.param({}, {"azureml_model_deployment": "red"}, 404, id="a pinned deployment must exist"),
        pytest.param({"sleep": 2}, {"azureml_model_deployment": "slow"}, 408, id="a slow model runs into the timeout"),
    ],
)
def test_callers_are_told_what_went_wrong(
    colours: Cloud, ask: Ask, body: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    if headers.get("azureml_model_deployment") == "slow":
        settings = {"requestTimeout": "PT1S"}
        slow = deployment(requestSettings=settings)
        colours.ml_put("onlineEndpoints/retail/deployments/slow", slow, location=PLACE, sku=SKU)
    answer = ask(body, **headers)
    assert answer.status_code == status
    if status == 424:
        assert answer.headers["ms-azureml-model-error-statuscode"] == "422"


def test_an_update_serves_the_new_model_from_another_process(colours: Cloud, ask: Ask) -> None:
    before = ask({}, azureml_model_deployment="blue").json()
    body = deployment("2", environmentVariables={"COLOUR": "blue"})
    colours.ml_put("onlineEndpoints/retail/deployments/blue", body, location=PLACE, sku=SKU)
    after = ask({}, azureml_model_deployment="blue").json()
    assert (before["model"], after["model"]) == ("1", "2")
    assert before["pid"] != after["pid"]


def test_a_container_that_ends_is_started_again(colours: Cloud, ask: Ask) -> None:
    before = ask({}, azureml_model_deployment="green").json()["pid"]
    assert ask({"end": 1}, azureml_model_deployment="green").status_code == 503
    assert ask({}, azureml_model_deployment="green").json()["pid"] != before


def test_logs_of_a_deployment_are_its_output(colours: Cloud) -> None:
    logs = colours.ml.online_deployments.get_logs(name="green", endpoint_name="retail", lines=50)
    assert "serving 2 from" in logs


def test_a_container_that_never_gets_ready_fails_the_deployment(serving: Cloud) -> None:
    with pytest.raises(HttpResponseError) as raised:
        serving.ml_put("onlineEndpoints/retail/deployments/red", deployment(image="broken"), location=PLACE, sku=SKU)
    assert raised.value.error is not None
    assert raised.value.error.code == "ResourceNotReady"
    assert serving.get("onlineEndpoints/retail/deployments/red")["properties"]["provisioningState"] == "Failed"
    serving.ml_delete("onlineEndpoints/retail/deployments/red")


@pytest.mark.parametrize(
    ("traffic", "more"),
    [
        pytest.param({"blue": 90}, {}, id="traffic sums to 0 or 100"),
        pytest.param({"purple": 100}, {}, id="traffic goes to deployments that exist"),
        pytest.param({"blue": 100}, {"mirrorTraffic": {"green": 60}}, id="at most half is mirrored"),
        pytest.param({"blue": 100}, {"mirrorTraffic": {"blue": 10}}, id="live traffic is not mirrored to the same"),
        pytest.param({"blue": 100}, {"authMode": "AADToken"}, id="the authentication mode stays"),
    ],
)
def test_traffic_that_azure_would_refuse(colours: Cloud, traffic: dict[str, int], more: dict[str, Any]) -> None:
    with pytest.raises(HttpResponseError) as raised:
        set_traffic(colours, traffic, **more)
    assert raised.value.status_code == 400


@pytest.mark.parametrize(
    ("change", "sku", "status"),
    [
        pytest.param({"instanceType": "Standard_D2s_v5"}, SKU, 400, id="a size that managed endpoints do not accept"),
        pytest.param({"instanceType": "Standard_DS3_v2"}, SKU, 400, id="the size of a deployment is immutable"),
        pytest.param({}, {"name": "Default", "capacity": 0}, 400, id="at least one instance"),
        pytest.param({"model": "azureml:/missing/models/x/versions/1"}, SKU, 404, id="the model version must exist"),
        pytest.param({"requestSettings": {"requestTimeout": "PT5M"}}, SKU, 400, id="at most 180 seconds a request"),
    ],
)
def test_deployments_that_azure_would_refuse(
    colours: Cloud, change: dict[str, Any], sku: dict[str, Any], status: int
) -> None:
    with pytest.raises(HttpResponseError) as raised:
        colours.ml_put("onlineEndpoints/retail/deployments/blue", {**deployment(), **change}, location=PLACE, sku=sku)
    assert raised.value.status_code == status


def test_a_deployment_with_traffic_cannot_be_deleted(colours: Cloud) -> None:
    set_traffic(colours, {"blue": 100, "green": 0})
    with pytest.raises(HttpResponseError, match="has 100 percent"):
        colours.ml_delete("onlineEndpoints/retail/deployments/blue")
    colours.ml_delete("onlineEndpoints/retail/deployments/green")
    assert colours.get("onlineEndpoints/retail")["properties"]["traffic"] == {"blue": 100}


def test_mirrored_traffic_is_answered_by_the_live_deployment_only(colours: Cloud, ask: Ask) -> None:
    colours.ml_put("onlineEndpoints/retail/deployments/shadow", deployment("2"), location=PLACE, sku=SKU)
    set_traffic(colours, {"blue": 100}, mirrorTraffic={"shadow": 50})
    seen = {ask({}).headers["azureml-model-deployment"] for _ in range(20)}
    set_traffic(colours, {"blue": 100})
    assert seen == {"blue"}


def test_a_token_endpoint_lets_in_who_may_score(colours: Cloud) -> None:
    colours.ml_put("onlineEndpoints/signed-in", {"authMode": "AADToken"}, location=PLACE)
    colours.ml_put("onlineEndpoints/signed-in/deployments/blue", deployment(), location=PLACE, sku=SKU)
    identity = Identity(colours.state)
    address = colours.get("onlineEndpoints/signed-in")["properties"]["scoringUri"]
    trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    answers = {}
    with httpx.Client(verify=trusted, timeout=30) as client:
        for name, principal in identity.principals.items():
            token = identity.issue(principal, "https://ml.azure.com")
            headers = {"authorization": f"Bearer {token}", "azureml-model-deployment": "blue"}
            answers[name] = client.post(address, json={}, headers=headers).status_code
        answers["nobody"] = client.post(address, json={}).status_code
    assert answers == {"owner": 200, "reader": 403, "nobody": 401}


def test_the_sdk_makes_reads_and_deletes_an_endpoint(colours: Cloud, ask: Ask) -> None:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    endpoints = colours.ml.online_endpoints
    made = endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="by-sdk", auth_mode="key")).result()
    assert made.provisioning_state == "Succeeded"
    before = endpoints.get_keys("by-sdk")
    endpoints.begin_regenerate_keys("by-sdk", key_type="secondary").result()
    after = endpoints.get_keys("by-sdk")
    assert (before.primary_key, before.secondary_key != after.secondary_key) == (after.primary_key, True)
    endpoints.begin_delete("by-sdk").result()
    assert "by-sdk" not in [one.name for one in endpoints.list()]


def test_a_name_is_taken_once_in_a_region(colours: Cloud) -> None:
    other = ROOT.replace("mlw-test", "mlw-other")
    account, vault = (colours.get("")["properties"][name] for name in ("storageAccount", "keyVault"))
    wanted = {"location": PLACE, "identity": {"type": "SystemAssigned"}}
    colours.put(other, ML_API, {**wanted, "properties": {"storageAccount": account, "keyVault": vault}})
    with pytest.raises(HttpResponseError) as raised:
        colours.put(f"{other}/onlineEndpoints/retail", ML_API, {"location": PLACE, "properties": {"authMode": "Key"}})
    assert raised.value.status_code == 409
