"""What Azure refuses, the embedded one refuses too: with Azure's status and code, and nothing changed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.local_azure.cloud import (
    ACCOUNT,
    GROUP,
    IDENTITIES,
    LOCATION,
    REGISTRIES,
    STORAGE,
    SUBSCRIPTION,
    SUBSCRIPTION_ID,
    VAULTS,
    WORKSPACES,
    Cloud,
)

OTHER = "/subscriptions/00000000-0000-0000-0000-0000000000ff/resourceGroups/rg"
VAULT = {
    "location": LOCATION,
    "properties": {
        "tenantId": SUBSCRIPTION,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    },
}
BLOB_READER = (
    f"{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
)
ROLES = f"{STORAGE}/sttest/providers/Microsoft.Authorization/roleAssignments"
GUID = "3b0f1d4c-1d84-4c27-9c3b-0123456789ab"


def account(path: str, value: Any) -> dict[str, Any]:
    """An account with one value set, or left out when it is None."""
    body: Any = copy.deepcopy(ACCOUNT)
    whole = body
    *parents, last = path.split(".")
    for part in parents:
        body = body[part]
    body[last] = value
    if value is None:
        del body[last]
    return dict(whole)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        pytest.param(
            f"{STORAGE}/stnew",
            account("properties.publicAcces", True),
            400,
            "InvalidRequestContent",
            id="an unknown property",
        ),
        pytest.param(
            f"{STORAGE}/stnew", account("properties.accessTier", "Tepid"), 400, "InvalidParameter", id="a wrong enum"
        ),
        pytest.param(
            f"{STORAGE}/stnew", account("sku", None), 400, "MissingRequiredParameter", id="a missing property"
        ),
        pytest.param(
            f"{STORAGE}/stnew",
            account("properties.isHnsEnabled", "yes"),
            400,
            "InvalidRequestContent",
            id="a wrong type",
        ),
        pytest.param(f"{STORAGE}/stnew", [1], 400, "InvalidRequestContent", id="a body that is no object"),
        pytest.param(f"{STORAGE}/stnew", b"{", 400, "InvalidRequestContent", id="a body that is no JSON"),
        pytest.param(f"{STORAGE}/st-new", ACCOUNT, 400, "AccountNameInvalid", id="an account's name with a dash"),
        pytest.param(
            f"{WORKSPACES}/mlw",
            {"location": LOCATION, "properties": {"storageAccount": f"{STORAGE}/stnone"}},
            404,
            "LinkedResourceNotFound",
            id="a reference to nothing",
        ),
        pytest.param(f"{OTHER}", {"location": LOCATION}, 404, "SubscriptionNotFound", id="an unknown subscription"),
        pytest.param(
            f"{STORAGE}/stnew".replace("rg-test", "rg-none"),
            ACCOUNT,
            404,
            "ResourceGroupNotFound",
            id="an unknown group",
        ),
        pytest.param(
            f"{STORAGE}/stnone/blobServices/default/containers/raw",
            {"properties": {}},
            404,
            "ParentResourceNotFound",
            id="an unknown parent",
        ),
        pytest.param(f"{STORAGE}/stnew?api-version=", ACCOUNT, 400, "MissingApiVersionParameter", id="no api-version"),
        pytest.param(
            f"{GROUP}/providers/Microsoft.Storage/barrels/b", {}, 404, "InvalidResourceType", id="an unknown type"
        ),
        pytest.param(f"{GROUP}-2", {}, 400, "LocationRequired", id="a group without a location"),
        pytest.param(GROUP, {"location": "eastus"}, 409, "InvalidResourceGroupLocation", id="a group that moves"),
        pytest.param(
            f"{SUBSCRIPTION_ID}/resourceGroups/rg.",
            {"location": LOCATION},
            400,
            "InvalidResourceGroup",
            id="a bad name",
        ),
        pytest.param(
            f"{STORAGE}/sttest",
            account("properties.isHnsEnabled", True),
            409,
            "AccountPropertyCannotBeUpdated",
            id="a namespace that was not there from the first",
        ),
        pytest.param(
            f"{STORAGE}/sttest",
            account("kind", "BlobStorage"),
            409,
            "AccountPropertyCannotBeUpdated",
            id="another kind",
        ),
        pytest.param(
            f"{STORAGE}/sttest",
            account("location", "eastus"),
            409,
            "InvalidResourceLocation",
            id="an account that moves",
        ),
        pytest.param(
            f"{WORKSPACES}/mlw-new", {"properties": {}}, 400, "LocationRequired", id="a workspace without a location"
        ),
        pytest.param(
            f"{STORAGE}/sttest/blobServices/default/containers/No_Name",
            {"properties": {}},
            400,
            "ContainerNameInvalid",
            id="a container's name",
        ),
        pytest.param(
            f"{REGISTRIES}/cr-x",
            {"location": LOCATION, "sku": {"name": "Basic"}},
            400,
            "InvalidResourceName",
            id="a registry's name",
        ),
        pytest.param(f"{VAULTS}/9kv", VAULT, 400, "VaultNameNotValid", id="a vault's name"),
        pytest.param(
            f"{ROLES}/reads",
            {"properties": {"roleDefinitionId": BLOB_READER, "principalId": GUID}},
            400,
            "InvalidRoleAssignmentId",
            id="a role assignment that is no GUID",
        ),
        pytest.param(
            f"{ROLES}/{GUID}",
            {"properties": {"roleDefinitionId": BLOB_READER, "principalId": GUID}},
            400,
            "PrincipalNotFound",
            id="a principal that is nobody",
        ),
    ],
)
def test_a_write_is_refused_as_azure_refuses_it(cloud: Cloud, path: str, body: Any, status: int, code: str) -> None:
    before = cloud.get(f"{GROUP}/resources").body
    answered = cloud.put(path, body)
    assert answered.status == status, answered
    assert answered.code == code
    assert cloud.get(f"{GROUP}/resources").body == before


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", f"{STORAGE}/stnone", 404, "ResourceNotFound", id="a resource that is not there"),
        pytest.param("GET", f"{GROUP}-2", 404, "ResourceGroupNotFound", id="a group that is not there"),
        pytest.param("GET", f"{STORAGE}/x".replace("rg-test", "rg-2"), 404, "ResourceGroupNotFound", id="in no group"),
        pytest.param("POST", f"{STORAGE}/sttest/explode", 404, "NotFound", id="an action that is none"),
        pytest.param("OPTIONS", f"{STORAGE}/sttest", 405, "MethodNotAllowed", id="a method that is none"),
        pytest.param("GET", "/nowhere", 404, "InvalidRequestUri", id="a path that is none"),
        pytest.param(
            "GET", f"{SUBSCRIPTION_ID}/providers/Microsoft.Barrels", 404, "InvalidResourceNamespace", id="a namespace"
        ),
        pytest.param("GET", f"{GROUP}/resources?$filter=size gt 3", 400, "InvalidFilterInQueryString", id="a filter"),
    ],
)
def test_a_question_is_refused_as_azure_refuses_it(
    cloud: Cloud, method: str, path: str, status: int, code: str
) -> None:
    answered = cloud.ask(method, path)
    assert (answered.status, answered.code) == (status, code)


def test_deleting_what_is_not_there_is_no_error(cloud: Cloud) -> None:
    assert cloud.ask("DELETE", f"{STORAGE}/stnone").status == 204


def test_names_are_taken_across_groups(cloud: Cloud) -> None:
    cloud.put(f"{GROUP}-2", {"location": LOCATION})
    cloud.put(f"{VAULTS}/kv-test", VAULT)
    cloud.put(f"{REGISTRIES}/crtest", {"location": LOCATION, "sku": {"name": "Basic"}})
    taken = {
        f"{STORAGE}/sttest": (ACCOUNT, "StorageAccountAlreadyTaken"),
        f"{VAULTS}/kv-test": (VAULT, "VaultAlreadyExists"),
        f"{REGISTRIES}/crtest": ({"location": LOCATION, "sku": {"name": "Basic"}}, "AlreadyInUse"),
    }
    for path, (body, code) in taken.items():
        answered = cloud.put(path.replace("rg-test", "rg-test-2"), body)
        assert (answered.status, answered.code) == (409, code)


def test_a_deleted_vault_keeps_its_name_until_it_is_recovered(cloud: Cloud) -> None:
    assert cloud.put(f"{VAULTS}/kv-test", VAULT).status == 201
    cloud.delete(f"{VAULTS}/kv-test")
    for name in ("kv-test", "KV-test"):
        answered = cloud.put(f"{VAULTS}/{name}", VAULT)
        assert (answered.status, answered.code) == (409, "ConflictError")
    recovering = {**VAULT, "properties": {**VAULT["properties"], "createMode": "recover"}}  # type: ignore[dict-item]
    assert cloud.put(f"{VAULTS}/kv-test", recovering).status == 201


def test_purge_protection_never_goes(cloud: Cloud) -> None:
    guarded = {**VAULT, "properties": {**VAULT["properties"], "enablePurgeProtection": True}}  # type: ignore[dict-item]
    assert cloud.put(f"{VAULTS}/kv-test", guarded).status == 201
    off = {**VAULT, "properties": {**VAULT["properties"], "enablePurgeProtection": False}}  # type: ignore[dict-item]
    assert cloud.put(f"{VAULTS}/kv-test", off).code == "BadRequest"
    assert cloud.put(f"{VAULTS}/kv-test", VAULT).body["properties"]["enablePurgeProtection"] is True


def test_versioning_is_not_for_a_hierarchical_namespace(cloud: Cloud) -> None:
    cloud.put(f"{STORAGE}/stlake", account("properties.isHnsEnabled", True))
    answered = cloud.put(f"{STORAGE}/stlake/blobServices/default", {"properties": {"isVersioningEnabled": True}})
    assert (answered.status, answered.code) == (400, "FeatureNotSupportedForAccount")


def assignment(principal: str, role: str = BLOB_READER) -> dict[str, Any]:
    return {"properties": {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}}


def test_a_role_is_assigned_once(cloud: Cloud) -> None:
    made = cloud.put(f"{IDENTITIES}/id-test", {"location": LOCATION})
    body = assignment(made.body["properties"]["principalId"])
    assert cloud.put(f"{ROLES}/{GUID}", body).status == 201
    assert cloud.put(f"{ROLES}/{GUID}", body).status == 200
    again = cloud.put(f"{ROLES}/{GUID[:-1]}c", body)
    assert (again.status, again.code) == (409, "RoleAssignmentExists")
    assert GUID.replace("-", "") in again.message
    moved = cloud.put(f"{ROLES}/{GUID}", assignment(cloud.object_id("reader")))
    assert (moved.status, moved.code) == (400, "RoleAssignmentUpdateNotPermitted")
    unknown = cloud.put(f"{ROLES}/{GUID[:-1]}d", assignment(cloud.object_id("reader"), BLOB_READER[:-1] + "0"))
    assert (unknown.status, unknown.code) in ((404, "RoleDefinitionDoesNotExist"), (404, "LinkedResourceNotFound"))


def test_an_identity_that_went_leaves_nobody_to_assign_to(cloud: Cloud) -> None:
    made = cloud.put(f"{IDENTITIES}/id-test", {"location": LOCATION})
    cloud.delete(f"{IDENTITIES}/id-test")
    refused = cloud.put(f"{ROLES}/{GUID}", assignment(made.body["properties"]["principalId"]))
    assert refused.code == "PrincipalNotFound"


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        pytest.param("PUT", f"{STORAGE}/stnew", "Microsoft.Storage/storageAccounts/write", id="writing"),
        pytest.param("PATCH", f"{STORAGE}/sttest", "Microsoft.Storage/storageAccounts/write", id="patching"),
        pytest.param("DELETE", f"{STORAGE}/sttest", "Microsoft.Storage/storageAccounts/delete", id="deleting"),
        pytest.param(
            "POST", f"{STORAGE}/sttest/listKeys", "Microsoft.Storage/storageAccounts/listKeys/action", id="keys"
        ),
        pytest.param("PUT", f"{GROUP}-2", "Microsoft.Resources/subscriptions/resourceGroups/write", id="a group"),
        pytest.param(
            "PUT", f"{ROLES}/{GUID}", "Microsoft.Authorization/roleAssignments/write", id="giving itself a role"
        ),
    ],
)
def test_a_reader_may_read_and_no_more(cloud: Cloud, method: str, path: str, action: str) -> None:
    refused = cloud.ask(method, path, ACCOUNT, who="reader")
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert action.lower() in refused.message.lower()
    assert cloud.get(f"{STORAGE}/sttest", who="reader").status == 200
    assert cloud.get(f"{GROUP}/resources", who="reader").status == 200


def test_a_role_that_is_given_lets_it_write(cloud: Cloud) -> None:
    contributor = BLOB_READER.rpartition("/")[0] + "/17d1049b-9a84-46fb-8f53-869881c3d3ab"
    assert cloud.put(f"{ROLES}/{GUID}", assignment(cloud.object_id("reader"), contributor)).status == 201
    assert cloud.put(f"{STORAGE}/sttest", ACCOUNT, who="reader").status == 200
    assert cloud.put(f"{STORAGE}/stnew", ACCOUNT, who="reader").status == 403
    assert cloud.delete(f"{ROLES}/{GUID}").status == 200
    assert cloud.put(f"{STORAGE}/sttest", ACCOUNT, who="reader").status == 403


CONTAINER = f"{STORAGE}/sttest/blobServices/default/containers/lock"


def lease(cloud: Cloud, action: str, **more: Any) -> tuple[int, str]:
    answered = cloud.ask("POST", f"{CONTAINER}/lease", {"action": action, **more})
    return answered.status, answered.code if answered.status >= 400 else str(answered.body.get("leaseId", ""))


def test_a_lease_is_one_holders_until_it_is_released(cloud: Cloud) -> None:
    cloud.put(CONTAINER, {"properties": {}})
    first, second = GUID, GUID[:-1] + "c"
    assert lease(cloud, "Acquire", leaseDuration=5) == (400, "InvalidHeaderValue")
    assert lease(cloud, "Renew", leaseId=first) == (409, "LeaseIdMismatchWithLeaseOperation")
    assert lease(cloud, "Break") == (409, "LeaseNotPresentWithLeaseOperation")
    assert lease(cloud, "Shake") == (400, "InvalidRequestPropertyValue")
    assert lease(cloud, "Acquire", leaseDuration=60, proposedLeaseId=first) == (200, first)
    assert cloud.get(CONTAINER).body["properties"]["leaseState"] == "Leased"
    assert lease(cloud, "Acquire", leaseDuration=60, proposedLeaseId=second) == (409, "LeaseAlreadyPresent")
    assert lease(cloud, "Release", leaseId=second) == (409, "LeaseIdMismatchWithLeaseOperation")
    refused = cloud.ask("DELETE", CONTAINER)
    assert (refused.status, refused.code) == (409, "ContainerOperationFailure")
    assert lease(cloud, "Renew", leaseId=first) == (200, first)
    assert lease(cloud, "Change", leaseId=first, proposedLeaseId=second) == (200, second)
    assert lease(cloud, "Release", leaseId=second)[0] == 200
    assert cloud.get(CONTAINER).body["properties"]["leaseState"] == "Available"
    assert lease(cloud, "Acquire", leaseDuration=-1, proposedLeaseId=first) == (200, first)
    assert lease(cloud, "Break")[0] == 200


def test_an_expired_lease_is_anybodys(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    cloud.put(CONTAINER, {"properties": {}})
    first, second = GUID, GUID[:-1] + "c"
    lease(cloud, "Acquire", leaseDuration=15, proposedLeaseId=first)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 20)
    assert lease(cloud, "Acquire", leaseDuration=15, proposedLeaseId=second) == (200, second)
    assert lease(cloud, "Renew", leaseId=first) == (409, "LeaseIdMismatchWithLeaseOperation")


def test_no_body_makes_it_crash(cloud: Cloud) -> None:
    """Odd bodies for every type: an answer of Azure's, never an error of ours."""
    policies = f"{STORAGE}/sttest/managementPolicies"
    kinds = (STORAGE, VAULTS, REGISTRIES, IDENTITIES, WORKSPACES, policies)
    odd: list[Any] = [
        {},
        {"properties": None},
        {"location": None},
        {"location": 5},
        {"sku": "x", "properties": []},
        None,
    ]
    for kind in kinds:
        for body in odd:
            answered = cloud.put(f"{kind}/{'default' if kind == policies else 'oddtest1'}", body)
            assert answered.status in (200, 201, 400, 404, 409), (kind, body, answered)
