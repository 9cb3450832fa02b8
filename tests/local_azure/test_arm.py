"""Who is asking, how often, how much at once; what is kept between runs and what is written down."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.local_azure.app import EmbeddedAzure, Settings
from reconciler.local_azure.wire import Request
from tests.local_azure.cloud import ACCOUNT, GROUP, LOCATION, STORAGE, SUBSCRIPTION, SUBSCRIPTION_ID, Cloud


def aged(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> str:
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now - 4000)
        return cloud.azure.identity.issue(cloud.azure.identity.principals["owner"], "x")


def forged(cloud: Cloud) -> str:
    """Another's claims under the signature of a real token."""
    real = cloud.azure.identity.issue(cloud.azure.identity.principals["reader"], "x")
    head, claims, signature = real.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    said["oid"] = cloud.object_id("owner")
    other = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    return f"{head}.{other}.{signature}"


def test_without_a_token_of_its_own_nobody_gets_anything(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for token, code in [
        ("", "AuthenticationFailed"),
        ("nonsense", "InvalidAuthenticationToken"),
        ("a.b.c", "InvalidAuthenticationToken"),
        (forged(cloud), "InvalidAuthenticationToken"),
        (aged(cloud, monkeypatch), "ExpiredAuthenticationToken"),
    ]:
        answered = cloud.get(GROUP, token=token)
        assert (answered.status, answered.code) == (401, code)
    assert "www-authenticate" in cloud.get(GROUP, token="").headers


def sign_in(cloud: Cloud, tenant: str = "", **form: str) -> tuple[int, dict[str, Any]]:
    tenant = tenant or cloud.azure.identity.tenant_id
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    asked = Request("POST", "login.microsoftonline.com", f"/{tenant}/oauth2/v2.0/token", {}, {}, body)
    response = cloud.azure(asked)
    return response.status, json.loads(response.body)


def test_signing_in_asks_for_the_right_secret(cloud: Cloud) -> None:
    owner = cloud.azure.identity.principals["owner"]
    scope = "https://management.azure.com/.default"
    right = {"client_id": owner.client_id, "client_secret": owner.secret, "scope": scope}
    status, answered = sign_in(cloud, **right)
    assert status == 200
    assert cloud.get(GROUP, token=answered["access_token"]).status == 200
    wrong = [
        ({**right, "client_secret": "guess"}, 401, 7000215),
        ({**right, "client_id": SUBSCRIPTION}, 400, 700016),
        ({"client_id": owner.client_id, "scope": scope}, 401, 7000218),
        ({"client_id": owner.client_id, "client_assertion": "no.token", "scope": scope}, 401, 50027),
    ]
    for form, expected, number in wrong:
        status, answered = sign_in(cloud, **form)
        assert (status, answered["error_codes"]) == (expected, [number])
        assert f"AADSTS{number}" in answered["error_description"]
    status, answered = sign_in(cloud, tenant=SUBSCRIPTION, **right)
    assert (status, answered["error_codes"]) == (400, [90002])


def federated(age_s: int) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() - age_s}).encode()).rstrip(b"=").decode()
    return f"head.{claims}.signature"


def test_a_federated_assertion_signs_in_while_it_is_fresh(cloud: Cloud) -> None:
    form = {"client_id": cloud.azure.identity.principals["owner"].client_id, "scope": "x"}
    assert sign_in(cloud, client_assertion=federated(-60), **form)[0] == 200
    status, answered = sign_in(cloud, client_assertion=federated(60), **form)
    assert (status, answered["error_codes"]) == (401, [700024])


def test_too_many_requests_are_told_when_to_come_back(tmp_path: Path) -> None:
    azure = EmbeddedAzure(Settings(tmp_path, (SUBSCRIPTION,), limits_scale=0.02), lambda: 1)
    cloud = Cloud(azure)
    answers = [cloud.put(GROUP, {"location": LOCATION}) for _ in range(5)]
    assert [one.status for one in answers] == [201, 200, 200, 200, 429]
    refused = answers[-1]
    assert refused.code == "SubscriptionRequestsThrottled"
    assert 1 <= int(refused.headers["retry-after"]) <= 5
    assert cloud.get(GROUP).status == 200, "reads have a bucket of their own"
    assert cloud.put(GROUP, {"location": LOCATION}, who="reader").status == 403, "and so has each principal"
    azure.close()


def test_long_lists_come_in_pages_that_lose_nothing(cloud: Cloud) -> None:
    containers = f"{STORAGE}/sttest/blobServices/default/containers"
    names = [f"c{number:03}" for number in range(105)]
    for name in names:
        assert cloud.put(f"{containers}/{name}", {"properties": {}}).status == 201
    page, found, pages = cloud.get(containers).body, [], 1
    found += page["value"]
    while "nextLink" in page:
        assert page["nextLink"].startswith("https://management.azure.com/")
        page = cloud.get(page["nextLink"].removeprefix("https://management.azure.com")).body
        found += page["value"]
        pages += 1
    assert [one["name"] for one in found] == names
    assert pages == 2
    assert len(cloud.get(f"{containers}?$top=3").body["value"]) == 3


def test_ids_fold_case_and_keep_their_first_spelling(cloud: Cloud) -> None:
    shouted = f"{STORAGE}/sttest".upper().replace("STTEST", "sttest")
    assert cloud.get(shouted).body["id"] == f"{STORAGE}/sttest"
    assert cloud.put(shouted, ACCOUNT).body["id"] == f"{STORAGE}/sttest"
    assert len(cloud.get(f"{GROUP}/resources").body["value"]) == 1


def test_a_patch_merges_and_null_removes(cloud: Cloud) -> None:
    path = f"{STORAGE}/sttest"
    assert cloud.ask("PATCH", path, {"tags": {"a": "1", "b": "2"}}).status == 200
    patched = cloud.ask("PATCH", path, {"tags": {"b": None}, "properties": {"minimumTlsVersion": "TLS1_2"}}).body
    assert patched["tags"] == {"a": "1"}
    assert patched["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert patched["kind"] == "StorageV2"


def test_tags_are_a_resource_of_their_own(cloud: Cloud) -> None:
    path = f"{STORAGE}/sttest/providers/Microsoft.Resources/tags/default"
    cloud.ask("PATCH", path, {"operation": "Merge", "properties": {"tags": {"a": "1", "b": "2"}}})
    cloud.ask("PATCH", path, {"operation": "Delete", "properties": {"tags": {"b": "2"}}})
    assert cloud.get(path).body["properties"]["tags"] == {"a": "1"}
    assert cloud.get(f"{STORAGE}/sttest").body["tags"] == {"a": "1"}
    cloud.ask("DELETE", path)
    assert cloud.get(f"{STORAGE}/sttest").body["tags"] == {}


def test_a_group_goes_with_all_that_lives_in_it(cloud: Cloud) -> None:
    cloud.put(f"{STORAGE}/sttest/blobServices/default/containers/raw", {"properties": {}})
    assert cloud.delete(GROUP).status == 202
    assert cloud.put(GROUP, {"location": LOCATION}).status == 201
    assert cloud.get(f"{GROUP}/resources").body["value"] == []
    assert cloud.get(f"{STORAGE}/sttest/blobServices/default/containers/raw").status == 404


def test_listings_show_what_filters_ask_for(cloud: Cloud) -> None:
    cloud.put(f"{STORAGE}/stother", {**ACCOUNT, "tags": {"team": "Forecasting"}})
    resources = f"{GROUP}/resources"
    assert names(cloud, f"{resources}?$filter=tagName eq 'team' and tagValue eq 'forecasting'") == ["stother"]
    assert names(cloud, f"{resources}?$filter=resourceType eq 'Microsoft.Storage/storageAccounts'") == [
        "stother",
        "sttest",
    ]
    assert names(cloud, f"{resources}?$filter=resourceType eq 'Microsoft.KeyVault/vaults'") == []
    (first, _) = cloud.get(f"{resources}?$expand=createdTime,provisioningState").body["value"]
    assert {"createdTime", "changedTime", "provisioningState"} <= first.keys()
    assert "properties" not in first


def names(cloud: Cloud, path: str) -> list[str]:
    return sorted(one["name"] for one in cloud.get(path).body["value"])


def test_subscriptions_and_providers_are_known(cloud: Cloud) -> None:
    (one,) = cloud.get("/subscriptions").body["value"]
    assert one == cloud.get(SUBSCRIPTION_ID).body
    provider = cloud.get(f"{SUBSCRIPTION_ID}/providers/microsoft.storage").body
    assert provider["namespace"] == "Microsoft.Storage"
    assert "storageAccounts" in {kind["resourceType"] for kind in provider["resourceTypes"]}


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(tmp_path, (SUBSCRIPTION,))
    first = Cloud(EmbeddedAzure(settings, lambda: 1))
    first.put(GROUP, {"location": LOCATION})
    made = first.put(f"{STORAGE}/sttest", ACCOUNT).body
    token = first.azure.identity.issue(first.azure.identity.principals["owner"], "x")
    first.azure.close()
    second = Cloud(EmbeddedAzure(settings, lambda: 2))
    assert second.get(f"{STORAGE}/sttest", token=token).body == made
    second.azure.close()


def test_a_recording_holds_every_exchange_and_no_secret(tmp_path: Path) -> None:
    record = tmp_path / "traffic.jsonl"
    azure = EmbeddedAzure(Settings(tmp_path / "azure", (SUBSCRIPTION,), record), lambda: 1)
    cloud = Cloud(azure)
    cloud.put(GROUP, {"location": LOCATION})
    cloud.put(f"{STORAGE}/sttest", ACCOUNT)
    keys = [one["value"] for one in cloud.ask("POST", f"{STORAGE}/sttest/listKeys").body["keys"]]
    token = azure.identity.issue(azure.identity.principals["owner"], "x")
    cloud.get(f"{STORAGE}/stnone", token=token)
    azure.close()
    text = record.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(one["method"], one["status"]) for one in lines] == [
        ("PUT", 201),
        ("PUT", 201),
        ("POST", 200),
        ("GET", 404),
    ]
    assert all(set(one) == {"method", "url", "request", "status", "response"} for one in lines)
    secrets = [*keys, token, *(one.secret for one in azure.identity.principals.values())]
    assert not [secret for secret in secrets if secret in text]


def test_faults_happen_when_they_were_asked_for(tmp_path: Path) -> None:
    for after in (False, True):
        faults = tmp_path / f"faults-{after}.json"
        faults.write_text(json.dumps({"fail_write": 2, "after": after, "status": 503}))
        azure = EmbeddedAzure(Settings(tmp_path / str(after), (SUBSCRIPTION,), faults=faults), lambda: 1)
        cloud = Cloud(azure)
        statuses = [cloud.put(GROUP, {"location": LOCATION}).status, cloud.put(f"{STORAGE}/sttest", ACCOUNT).status]
        assert statuses == [201, 503]
        assert cloud.get(f"{STORAGE}/sttest").status == (200 if after else 404)
        azure.close()


def test_a_mistake_of_its_own_is_an_answer_and_a_line_in_the_log(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = cloud.get(f"{GROUP}/resources?$skiptoken=what")
    assert (answered.status, answered.code) == (500, "InternalServerError")
    assert "ValueError" in capsys.readouterr().err
