"""Blob storage: with the SDK as it is, and what it refuses."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import pytest

from reconciler.adapters.arm import Arm
from reconciler.core.resource import ResourceId
from tests.embedded import STORAGE_API, account_body, account_id
from tests.local_azure.cloud import ACCOUNT, STORAGE, Cloud


@pytest.fixture
def container(arm: Arm, group: ResourceId) -> Iterator[object]:
    """A client of azure-storage-blob for an empty container."""
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import ContainerClient

    account = account_id(group)
    arm.put(account, STORAGE_API, account_body())
    arm.put(ResourceId(f"{account}/blobServices/default/containers/raw"), STORAGE_API, {"properties": {}})
    with DefaultAzureCredential() as credential:
        address = f"https://{account.name}.blob.core.windows.net"
        with ContainerClient(
            address, "raw", credential, max_single_put_size=64 * 1024, max_block_size=64 * 1024
        ) as client:
            yield client


@pytest.mark.slow
def test_the_sdk_writes_and_reads_small_and_large(container) -> None:  # type: ignore[no-untyped-def]
    from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

    large = os.urandom(300 * 1024)
    container.upload_blob("a/small 1.txt", b"hello", metadata={"sha256": "x"})
    container.upload_blob("a/large.bin", large)
    assert container.download_blob("a/small 1.txt").readall() == b"hello"
    assert hashlib.sha256(container.download_blob("a/large.bin").readall()).digest() == hashlib.sha256(large).digest()
    assert container.download_blob("a/large.bin", offset=10, length=5).readall() == large[10:15]
    properties = container.get_blob_client("a/small 1.txt").get_blob_properties()
    assert (properties.size, properties.metadata) == (5, {"sha256": "x"})
    with pytest.raises(ResourceExistsError):
        container.upload_blob("a/small 1.txt", b"again")
    container.upload_blob("a/small 1.txt", b"again", overwrite=True)
    container.upload_blob("b.txt", b"")
    assert [blob.name for blob in container.list_blobs()] == ["a/large.bin", "a/small 1.txt", "b.txt"]
    assert [blob.name for blob in container.list_blobs(name_starts_with="a/s")] == ["a/small 1.txt"]
    assert {blob.name for blob in container.walk_blobs()} == {"b.txt", "a/"}
    container.delete_blob("b.txt")
    with pytest.raises(ResourceNotFoundError) as caught:
        container.download_blob("b.txt")
    assert caught.value.error_code == "BlobNotFound"


@pytest.fixture
def stored(cloud: Cloud) -> Cloud:
    container = f"{STORAGE}/sttest/blobServices/default/containers/raw"
    assert cloud.put(container, {"properties": {}}).status == 201
    assert cloud.blob("PUT", "sttest/raw/a.txt", b"hello", **bearer(cloud)).status == 201
    return cloud


def bearer(cloud: Cloud, who: str = "owner") -> dict[str, str]:
    token = cloud.azure.identity.issue(cloud.azure.identity.principals[who], "https://storage.azure.com")
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "stnone/raw/a.txt", 404, "ResourceNotFound", id="an account that is not there"),
        pytest.param("GET", "sttest/none/a.txt", 404, "ContainerNotFound", id="a container that is not there"),
        pytest.param("GET", "sttest/raw/b.txt", 404, "BlobNotFound", id="a blob that is not there"),
        pytest.param("DELETE", "sttest/raw/b.txt", 404, "BlobNotFound", id="deleting what is not there"),
        pytest.param("PUT", "sttest/raw/../../x", 400, "InvalidUri", id="leaving the container"),
        pytest.param("PUT", "sttest/raw/a.txt?comp=lease", 400, "InvalidQueryParameterValue", id="what is not served"),
        pytest.param("PUT", "sttest/raw?restype=container", 409, "ContainerAlreadyExists", id="making a container"),
    ],
)
def test_refusals_are_storages_own(stored: Cloud, method: str, path: str, status: int, code: str) -> None:
    refused = stored.blob(method, path, **bearer(stored))
    assert (refused.status, refused.headers["x-ms-error-code"]) == (status, code)
    assert f"<Code>{code}</Code>".encode() in refused.body


def test_a_range_beyond_the_end_is_refused(stored: Cloud) -> None:
    refused = stored.blob("GET", "sttest/raw/a.txt", **bearer(stored), range="bytes=9-")
    assert (refused.status, refused.headers["x-ms-error-code"]) == (416, "InvalidRange")


def test_unknown_blocks_make_no_blob(stored: Cloud) -> None:
    blocks = b"<BlockList><Latest>QUE=</Latest></BlockList>"
    refused = stored.blob("PUT", "sttest/raw/b.txt?comp=blocklist", blocks, **bearer(stored))
    assert (refused.status, refused.headers["x-ms-error-code"]) == (400, "InvalidBlockList")


def test_without_a_right_to_the_data_nobody_gets_them(stored: Cloud) -> None:
    """The reader may read the account, not what lies in it."""
    for method in ("GET", "PUT", "DELETE"):
        refused = stored.blob(method, "sttest/raw/a.txt", **bearer(stored, "reader"))
        assert (refused.status, refused.headers["x-ms-error-code"]) == (403, "AuthorizationPermissionMismatch")
    for path in ("sttest/raw/a.txt", "sttest/raw?comp=list", "sttest/?comp=list"):
        assert stored.blob("GET", path).status == 401


def test_containers_are_listed_for_who_may_read_the_account(stored: Cloud) -> None:
    answered = stored.blob("GET", "sttest/?comp=list", **bearer(stored, "reader"))
    assert (answered.status, b"<Name>raw</Name>" in answered.body) == (200, True)


def test_keys_sign_nothing(stored: Cloud) -> None:
    signed = {"authorization": "SharedKey sttest:abc"}
    assert stored.blob("GET", "sttest/raw/a.txt", **signed).headers["x-ms-error-code"] == "AuthenticationFailed"
    stored.put(f"{STORAGE}/sttest", {**ACCOUNT, "properties": {"allowSharedKeyAccess": False}})
    refused = stored.blob("GET", "sttest/raw/a.txt", **signed)
    assert refused.headers["x-ms-error-code"] == "KeyBasedAuthenticationNotPermitted"


def test_a_signature_opens_its_container_for_its_time(stored: Cloud) -> None:
    blobs = stored.azure.services.blobs
    assert stored.blob("GET", f"sttest/raw/a.txt?{blobs.sas('sttest', 'raw')}").body == b"hello"
    for query in (
        blobs.sas("sttest", "other"),
        blobs.sas("sttest", "raw", -1),
        "sig=abc&se=99999999999",
        "sig=abc&se=x",
    ):
        assert stored.blob("GET", f"sttest/raw/a.txt?{query}").status == 403
