"""Training as a job, and registration: where outputs lie, what the gate refuses, what a version says about its making.

The slow tests run the project's own training code as a job of the embedded Azure.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.arm import Arm
from reconciler.adapters.manifest import manifest_sha256
from reconciler.adapters.training import (
    NotBetter,
    Registration,
    Run,
    check_gate,
    data_asset,
    output_uri,
    register,
    register_code,
    train,
)
from reconciler.core.model_version import Model, ModelSpec, ModelVersion
from reconciler.core.resource import Artefact, ResourceId
from reconciler.errors import AzureError, DesiredStateError, ReconcilerError
from tests.embedded import ML_API, make_workspace
from tests.trained import ROOT

WORKSPACE = ResourceId("/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw")
LONG = "azureml://subscriptions/s/resourcegroups/rg/workspaces/mlw/datastores/"
MODEL = "retail-forecast"


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
class TestAgainstTheEmbeddedAzure:
    def test_the_same_code_is_registered_once(self, shop: Shop, trained: tuple[str, list[str]]) -> None:
        first = register_code(shop.arm, shop.root, shop.workspace, shop.code)
        job = shop.arm.get(ResourceId(f"{shop.workspace}/jobs/{trained[0]}"), ML_API)
        assert job is not None
        assert job["properties"]["codeId"] == str(first)

    def test_a_person_is_told_what_the_job_does(self, trained: tuple[str, list[str]]) -> None:
        name, told = trained
        assert told[0].startswith(f"job {name} submitted to mlw-test-")
        assert told[-1] == f"job {name} completed"

    def test_a_version_says_what_made_it_and_a_second_must_be_better(
        self, shop: Shop, trained: tuple[str, list[str]], few_stores: Path
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

    def test_data_unlike_their_contract_make_no_version(self, shop: Shop, trained: tuple[str, list[str]]) -> None:
        contract = shop.root / "models" / MODEL / "data" / "contract.yaml"
        sound = contract.read_text()
        contract.write_text(
            "\n".join(f'sha256: "{"0" * 64}"' if "sha256" in one else one for one in sound.splitlines())
        )
        try:
            with pytest.raises(ReconcilerError, match="the model learnt from data with sha256"):
                register(shop.registration(allow_worse=True), MODEL, trained[0])
        finally:
            contract.write_text(sound)

    def test_a_job_that_fails_says_so_with_the_end_of_its_log(self, shop: Shop) -> None:
        with pytest.raises(AzureError) as raised:
            shop.train("9")
        assert raised.value.code == "JobFailed"
        assert "ended as Failed" in str(raised.value)
        assert "argument --variant: invalid choice: '9'" in str(raised.value)

    def test_code_that_is_not_committed_trains_but_makes_no_version(self, shop: Shop) -> None:
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

    def test_a_job_that_does_not_exist_makes_no_version(self, shop: Shop) -> None:
        with pytest.raises(ReconcilerError, match="has no job nowhere"):
            register(shop.registration(), MODEL, "nowhere")
        with pytest.raises(ReconcilerError, match="there is no model soap: models/ has retail-forecast"):
            register(shop.registration(), "soap", "nowhere")

    def test_a_broken_version_file_is_no_reason_to_start_again_at_1(
        self, shop: Shop, trained: tuple[str, list[str]]
    ) -> None:
        broken = shop.root / "models" / MODEL / "versions" / "7.yaml"
        broken.parent.mkdir(exist_ok=True)
        broken.write_text("version: 7\n")
        try:
            with pytest.raises(DesiredStateError, match=r"versions/7\.yaml"):
                register(shop.registration(), MODEL, trained[0])
        finally:
            broken.unlink()
