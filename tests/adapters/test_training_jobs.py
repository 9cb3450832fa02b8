"""The project's own training code as a job of the embedded Azure, and what a version says about its making."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.arm import Arm
from reconciler.adapters.manifest import manifest_sha256
from reconciler.adapters.training import (
    Registration,
    Run,
    register,
    register_code,
    train,
)
from reconciler.core.gate import NotBetter
from reconciler.core.resource import Artefact, ResourceId
from reconciler.errors import AzureError, DesiredStateError, ReconcilerError
from tests.embedded import ML_API, make_workspace
from tests.trained import ROOT

MODEL = "retail-forecast"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@dataclass(frozen=True)
class Shop:
    """A clone with the model's training code, and a workspace that has what its job needs."""

    root: Path
    arm: Arm
    workspace: ResourceId

    @property
    def head(self) -> str:
        return git(self.root, "rev-parse", "--short", "HEAD")

    def train(self, variant: str) -> tuple[str, list[str]]:
        """The job's name and what a person was told."""
        from reconciler.adapters.jinja import write_files
        from reconciler.adapters.training import connect
        from reconciler.pipeline import rendered

        told: list[str] = []
        build = self.root / "build" / "dev"
        write_files(rendered(self.root, "dev")[1], build)
        spec = build / "aml" / "job-train.yml"
        run = Run(
            spec, variant, self.root / self.code.source, register_code(self.arm, self.root, self.workspace, self.code)
        )
        return train(connect(self.workspace), run, told.append), told

    @property
    def code(self) -> Artefact:
        source = f"models/{MODEL}/training"
        sha256 = manifest_sha256(self.root / source)
        account, container = blob_store(self.arm, self.workspace)
        return Artefact(source, sha256, account, container, f"code/train/{sha256[:16]}")

    def registration(self, *, allow_worse: bool = False) -> Registration:
        return Registration(self.root, self.arm, self.workspace, "dev", "fffffff", allow_worse)


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(["git", "-C", root, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def shop(arm: Arm, few_stores: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("__pycache__", "versions", "*.gz")
    for folder in ("environments", "templates", "models", "scoring"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    shutil.copy(ROOT / ".gitignore", root)
    hold_to(root, few_stores)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    group = ResourceId(f"/subscriptions/{arm.subscription_id}/resourceGroups/rg-test-training")
    arm.put(group, "2025-04-01", {"location": "southeastasia"})
    workspace = make_workspace(arm, group)
    furnish(arm, workspace, few_stores)
    return Shop(root, arm, workspace)


def hold_to(root: Path, data: Path) -> None:
    """The clone's data asset are the five stores."""
    folder = root / "models" / MODEL / "data"
    shutil.copy(data, folder / "orange_juice_weekly.csv.gz")
    lines = (folder / "contract.yaml").read_text().splitlines()
    kept = [f'sha256: "{manifest_sha256(data)}"' if line.startswith("sha256:") else line for line in lines]
    (folder / "contract.yaml").write_text("\n".join(kept) + "\n")


def blob_store(arm: Arm, workspace: ResourceId) -> tuple[str, str]:
    """Account and container of the workspace's own blobs."""
    store = arm.get(ResourceId(f"{workspace}/datastores/workspaceblobstore"), ML_API)
    assert store is not None
    return store["properties"]["accountName"], store["properties"]["containerName"]


def furnish(arm: Arm, workspace: ResourceId, data: Path) -> None:
    """A cluster, an image and the data asset, under the names of the environment."""
    from azure.storage.blob import ContainerClient

    def put(path: str, properties: dict[str, Any], **envelope: Any) -> None:
        arm.put(ResourceId(f"{workspace}/{path}"), ML_API, {"properties": properties, **envelope})

    size = {"vmSize": "Standard_DS3_v2", "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1}}
    put("computes/train-cpu", {"computeType": "AmlCompute", "properties": size}, location="southeastasia")
    put("environments/training/versions/1", {"image": "mcr.microsoft.com/azureml/minimal:latest"})
    account, name = blob_store(arm, workspace)
    url = f"https://{account}.blob.core.windows.net"
    with ContainerClient(url, name, credential=arm.credential) as container:
        container.upload_blob("data/few.csv", data.read_bytes())
    uri = "azureml://datastores/workspaceblobstore/paths/data/few.csv"
    put("data/orange-juice-weekly/versions/1", {"dataType": "uri_file", "dataUri": uri})


@pytest.fixture(scope="module")
def trained(shop: Shop) -> tuple[str, list[str]]:
    return shop.train("1")


def test_the_same_code_is_registered_once(shop: Shop, trained: tuple[str, list[str]]) -> None:
    first = register_code(shop.arm, shop.root, shop.workspace, shop.code)
    job = shop.arm.get(ResourceId(f"{shop.workspace}/jobs/{trained[0]}"), ML_API)
    assert job is not None
    assert job["properties"]["codeId"] == str(first)


def test_a_person_is_told_what_the_job_does(trained: tuple[str, list[str]]) -> None:
    name, told = trained
    assert told[0].startswith(f"job {name} submitted to mlw-test-")
    assert told[-1] == f"job {name} completed"


def test_a_version_says_what_made_it_and_a_second_must_be_better(
    shop: Shop, trained: tuple[str, list[str]], few_stores: Path
) -> None:
    from reconciler.adapters.artefacts import Artefacts
    from reconciler.adapters.model_files import read_catalogue

    path = register(shop.registration(), MODEL, trained[0])
    found = read_catalogue(shop.root)[0].models[MODEL].versions[1]
    assert path == shop.root / "models" / MODEL / "versions" / "1.yaml"
    assert found.code.commit == shop.head
    assert found.data.model_dump() == {"asset": "orange-juice-weekly:1", "sha256": manifest_sha256(few_stores)}
    assert found.metrics["wape"] < found.metrics["wape_naive"]
    assert found.smoke.cases
    with tempfile.TemporaryDirectory() as folder:
        model = Artefacts(shop.arm, shop.root).download(found.artefact.path, Path(folder))
        assert manifest_sha256(model) == found.artefact.sha256
        assert sorted(file.name for file in model.iterdir()) == ["model.json", "p50.txt"]
    with pytest.raises(NotBetter):
        register(shop.registration(), MODEL, trained[0])
    assert register(shop.registration(allow_worse=True), MODEL, trained[0]).name == "2.yaml"


def test_data_unlike_their_contract_make_no_version(shop: Shop, trained: tuple[str, list[str]]) -> None:
    contract = shop.root / "models" / MODEL / "data" / "contract.yaml"
    sound = contract.read_text()
    contract.write_text("\n".join(f'sha256: "{"0" * 64}"' if "sha256" in one else one for one in sound.splitlines()))
    try:
        with pytest.raises(ReconcilerError, match="the model learnt from data with sha256"):
            register(shop.registration(allow_worse=True), MODEL, trained[0])
    finally:
        contract.write_text(sound)


def test_a_job_that_fails_says_so_with_the_end_of_its_log(shop: Shop) -> None:
    with pytest.raises(AzureError) as raised:
        shop.train("9")
    assert raised.value.code == "JobFailed"
    assert "ended as Failed" in str(raised.value)
    assert "argument --variant: invalid choice: '9'" in str(raised.value)


def test_code_that_is_not_committed_trains_but_makes_no_version(shop: Shop) -> None:
    code = shop.root / "models" / MODEL / "training" / "train.py"
    committed = code.read_text()
    code.write_text(committed + "\n# tried something\n")
    try:
        name, told = shop.train("1")
    finally:
        code.write_text(committed)
    assert "not committed" in told[0]
    with pytest.raises(ReconcilerError, match=f"ran code that differs from commit {shop.head}"):
        register(shop.registration(allow_worse=True), MODEL, name)


def test_a_job_that_does_not_exist_makes_no_version(shop: Shop) -> None:
    with pytest.raises(ReconcilerError, match="has no job nowhere"):
        register(shop.registration(), MODEL, "nowhere")
    with pytest.raises(ReconcilerError, match="there is no model soap: models/ has retail-forecast"):
        register(shop.registration(), "soap", "nowhere")


def test_a_broken_version_file_is_no_reason_to_start_again_at_1(shop: Shop, trained: tuple[str, list[str]]) -> None:
    broken = shop.root / "models" / MODEL / "versions" / "7.yaml"
    broken.parent.mkdir(exist_ok=True)
    broken.write_text("version: 7\n")
    try:
        with pytest.raises(DesiredStateError, match=r"versions/7\.yaml"):
            register(shop.registration(), MODEL, trained[0])
    finally:
        broken.unlink()
