"""Resources by id, against the embedded Azure, with the SDK as it is."""

from __future__ import annotations

import pytest

from reconciler.adapters.arm import Arm, connect
from reconciler.core.resource import Origin, Resource, ResourceId
from reconciler.errors import AzureError
from tests.embedded import GROUP_API, LOCATION, STORAGE_API, SUBSCRIPTION, TAGS, account_body, account_id

pytestmark = pytest.mark.slow
NOWHERE = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-nowhere")


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param(NOWHERE, id="a group that does not exist"),
        pytest.param(account_id(NOWHERE, "stnowhere"), id="a resource in a group that does not exist"),
    ],
)
def test_what_is_missing_reads_as_none(arm: Arm, missing: ResourceId) -> None:
    version = GROUP_API if missing == NOWHERE else STORAGE_API
    assert arm.get(missing, version) is None


def test_a_subscription_that_is_not_there_is_an_error(arm: Arm) -> None:
    other = ResourceId("/subscriptions/00000000-0000-0000-0000-0000000000ff/resourceGroups/rg-x")
    with pytest.raises(AzureError) as caught:
        arm.get(other, GROUP_API)
    assert caught.value.code in {"SubscriptionNotFound", "AuthorizationFailed"}


def test_a_write_answers_what_a_read_then_says(arm: Arm, group: ResourceId) -> None:
    answered = arm.put(account_id(group), STORAGE_API, account_body())
    assert answered == arm.get(account_id(group), STORAGE_API)
    assert answered["properties"]["provisioningState"] == "Succeeded"
    assert not {"id", "name", "type"} & set(answered)


def test_a_refused_write_says_why(arm: Arm, group: ResourceId) -> None:
    with pytest.raises(AzureError) as caught:
        arm.put(account_id(group), STORAGE_API, account_body() | {"sku": {"name": "NoSuchSku"}, "kind": 7})
    assert caught.value.status == 400
    assert str(account_id(group)) in str(caught.value)


def test_a_delete_can_be_repeated(arm: Arm, group: ResourceId) -> None:
    arm.put(account_id(group), STORAGE_API, account_body())
    arm.delete(account_id(group), STORAGE_API)
    arm.delete(account_id(group), STORAGE_API)
    assert arm.get(account_id(group), STORAGE_API) is None


def test_many_are_read_at_once_in_any_casing(arm: Arm, group: ResourceId) -> None:
    names = [f"st{group.name.replace('-', '')}{letter}" for letter in "abc"]
    for name in names:
        arm.put(account_id(group, name), STORAGE_API, account_body())
    wanted = [account_id(group, name) for name in [*names, "stmissing"]]
    found = arm.read_many((ResourceId(str(id_).upper()), STORAGE_API) for id_ in wanted)
    assert [id_.name for id_, body in sorted(found.items()) if body] == [name.upper() for name in names]
    assert found[account_id(group, "stmissing")] is None


def test_a_group_is_listed_with_its_tags(arm: Arm, group: ResourceId) -> None:
    arm.put(account_id(group), STORAGE_API, account_body())
    (found,) = arm.list_group(group.name)
    assert (found.id, found.location, dict(found.tags)) == (account_id(group), LOCATION, TAGS)
    assert arm.list_group(NOWHERE.name) == ()


def test_live_is_what_is_declared_plus_what_else_lies_in_the_group(arm: Arm, group: ResourceId) -> None:
    declared, stray = account_id(group), account_id(group, f"stray{group.name.replace('-', '')}")
    for id_ in (declared, stray):
        arm.put(id_, STORAGE_API, account_body())
    missing = Resource(account_id(group, "stmissing"), STORAGE_API, {}, Origin("x.yaml", 1))
    wanted = [Resource(declared, STORAGE_API, account_body(), Origin("x.yaml", 1)), missing]
    live = arm.read_live(group, wanted, {})
    assert set(live) == {declared, stray}
    assert live[declared]["kind"] == "StorageV2"
    assert live[stray] == {"location": LOCATION, "tags": TAGS}


def test_live_of_a_group_that_does_not_exist_is_empty(arm: Arm) -> None:
    wanted = [
        Resource(NOWHERE, GROUP_API, {"location": LOCATION}, Origin("x.yaml", 1)),
        Resource(account_id(NOWHERE, "stnowhere"), STORAGE_API, account_body(), Origin("x.yaml", 1)),
    ]
    assert arm.read_live(NOWHERE, wanted, {}) == {}


def test_a_reader_cannot_write(arm: Arm, group: ResourceId, request: pytest.FixtureRequest) -> None:
    reader = connect(SUBSCRIPTION, read_only=True)
    request.addfinalizer(reader.close)
    assert reader.get(group, GROUP_API) is not None
    container = ResourceId(f"{account_id(group)}/blobServices/default/containers/x")
    for write in (
        lambda: reader.put(account_id(group), STORAGE_API, account_body()),
        lambda: reader.delete(group, GROUP_API),
        lambda: reader.post(container, "lease", STORAGE_API, {"action": "Break"}),
    ):
        with pytest.raises(AzureError) as caught:
            write()
        assert caught.value.code == "ReadOnlyClient"
    assert arm.list_group(group.name) == ()


def test_an_azure_that_cannot_be_reached_is_told_in_one_error(monkeypatch: pytest.MonkeyPatch, azure: object) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with connect(SUBSCRIPTION, read_only=True) as reader, pytest.raises(AzureError) as caught:
        reader.get(NOWHERE, GROUP_API)
    assert caught.value.code in {"Unreachable", "CredentialUnavailable"}
    assert "refused" in str(caught.value)
