"""Artefacts: verified before a byte is written, laid under their digest, uploaded once."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from reconciler.adapters.arm import Arm
from reconciler.adapters.artefacts import ArtefactError, Artefacts
from reconciler.adapters.manifest import manifest, manifest_sha256
from reconciler.core.resource import Artefact, ResourceId
from tests.embedded import ML_API, STORAGE_API, account_body, account_id, make_workspace


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "trees").mkdir(parents=True)
    (folder / "model.json").write_text('{"horizon": 2}\n')
    (folder / "trees" / "booster.txt").write_text("tree\n")
    return folder


@pytest.fixture
def container(arm: Arm, group: ResourceId) -> Iterator[ContainerClient]:
    service = ResourceId(f"{account_id(group)}/blobServices/default")
    arm.put(account_id(group), STORAGE_API, account_body())
    arm.put(service, STORAGE_API, {"properties": {}})
    arm.put(ResourceId(f"{service}/containers/artefacts"), STORAGE_API, {"properties": {"publicAccess": "None"}})
    url = f"https://{account_id(group).name}.blob.core.windows.net"
    with ContainerClient(url, "artefacts", credential=arm.credential) as client:
        yield client


def artefact(container: ContainerClient, source: str, sha256: str) -> Artefact:
    return Artefact(source, sha256, str(container.account_name), "artefacts", f"models/m/{sha256[:16]}/model")


class TestManifest:
    def test_a_folder_is_its_sorted_sha256sum_lines(self, model: Path) -> None:
        lines = manifest(model)
        assert [line.split("  ")[1] for line in lines.splitlines()] == ["model.json", "trees/booster.txt"]
        assert manifest_sha256(model) == hashlib.sha256(lines.encode()).hexdigest()
        subprocess.run(["sha256sum", "--check", "--quiet"], input=lines, text=True, check=True, cwd=model)

    def test_a_file_is_its_own_sha256(self, model: Path) -> None:
        assert manifest_sha256(model / "model.json") == hashlib.sha256(b'{"horizon": 2}\n').hexdigest()

    def test_what_is_not_there_has_no_digest(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            manifest_sha256(tmp_path / "nothing")


@pytest.mark.slow
class TestUpload:
    def test_a_folder_is_laid_below_its_prefix_once(self, arm: Arm, container: ContainerClient, model: Path) -> None:
        wanted = artefact(container, "model", manifest_sha256(model))
        artefacts = Artefacts(arm, model.parent)
        assert artefacts.ensure(wanted) is True
        assert artefacts.ensure(wanted) is False
        prefix = wanted.blob_prefix
        names = [f"{prefix}.sha256", f"{prefix}/model.json", f"{prefix}/trees/booster.txt"]
        assert sorted(container.list_blob_names()) == names
        assert container.download_blob(names[0]).readall() == manifest(model).encode()
        assert container.download_blob(names[2]).readall() == b"tree\n"

    def test_a_file_is_laid_below_its_prefix(self, arm: Arm, container: ContainerClient, model: Path) -> None:
        wanted = artefact(container, "model/model.json", manifest_sha256(model / "model.json"))
        assert Artefacts(arm, model.parent).ensure(wanted)
        assert container.download_blob(f"{wanted.blob_prefix}/model.json").readall() == b'{"horizon": 2}\n'

    def test_an_upload_that_was_cut_off_is_done_again(self, arm: Arm, container: ContainerClient, model: Path) -> None:
        wanted = artefact(container, "model", manifest_sha256(model))
        container.upload_blob(f"{wanted.blob_prefix}/model.json", b"half")
        assert Artefacts(arm, model.parent).ensure(wanted)
        assert container.download_blob(f"{wanted.blob_prefix}/model.json").readall() == b'{"horizon": 2}\n'

    @pytest.mark.parametrize(
        ("source", "says"),
        [
            pytest.param("model", "expected 0000.*found [0-9a-f]{64}; nothing was uploaded", id="other bytes"),
            pytest.param("nothing", "no such file or folder", id="no bytes"),
            pytest.param("../elsewhere", "inside the repository", id="bytes outside the repository"),
            pytest.param("azureml://datastores/d/paths/p", "expected azureml://subscriptions", id="a short URI"),
        ],
    )
    def test_what_cannot_be_verified_is_not_uploaded(
        self, arm: Arm, container: ContainerClient, model: Path, source: str, says: str
    ) -> None:
        with pytest.raises(ArtefactError, match=says):
            Artefacts(arm, model.parent).ensure(artefact(container, source, "0" * 64))
        assert list(container.list_blob_names()) == []

    def test_what_a_job_of_some_workspace_made_is_fetched_and_verified(
        self, arm: Arm, container: ContainerClient, group: ResourceId, model: Path
    ) -> None:
        workspace = make_workspace(arm, group)
        properties = {
            "datastoreType": "AzureBlob",
            "accountName": account_id(group).name,
            "containerName": "artefacts",
            "credentials": {"credentialsType": "None"},
        }
        arm.put(ResourceId(f"{workspace}/datastores/outputs"), ML_API, {"properties": properties})
        for name, text in {"model/model.json": b'{"horizon": 2}\n', "model/trees/booster.txt": b"tree\n"}.items():
            container.upload_blob(f"jobs/1/{name}", text)
        container.upload_blob("jobs/1/model-2/other.txt", b"not asked for")
        short = str(workspace).replace("/providers/Microsoft.MachineLearningServices", "")
        wanted = artefact(container, f"azureml:/{short}/datastores/outputs/paths/jobs/1/model", manifest_sha256(model))
        assert Artefacts(arm, model.parent).ensure(wanted)
        assert container.download_blob(f"{wanted.blob_prefix}/trees/booster.txt").readall() == b"tree\n"
        assert len([name for name in container.list_blob_names() if name.startswith("models/")]) == 3

    def test_a_job_output_that_is_gone_says_so(self, arm: Arm, container: ContainerClient, group: ResourceId) -> None:
        uri = f"azureml:/{group}/workspaces/mlw-nowhere/datastores/outputs/paths/jobs/1/model"
        with pytest.raises(ArtefactError, match="there is no datastore outputs in workspace mlw-nowhere"):
            Artefacts(arm, Path()).ensure(artefact(container, uri, "0" * 64))
