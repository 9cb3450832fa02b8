"""Command jobs through the unmodified MLClient: code, inputs, outputs, logs, and metrics through azureml-mlflow."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.local_azure.ml.conftest import ROOT, Cloud

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TRAIN = """
import argparse, os, pathlib
import mlflow

parser = argparse.ArgumentParser()
for name in ("--data", "--folder", "--rate", "--model"):
    parser.add_argument(name)
words = parser.parse_args()
total = sum(map(int, pathlib.Path(words.data).read_text().split()))
mlflow.log_param("rate", words.rate)
mlflow.log_metric("total", total)
mlflow.log_metrics({"loss": 0.5}, step=1)
mlflow.set_tag("kind", "throw-away")
pathlib.Path("note.txt").write_text("written by the job")
mlflow.log_artifact("note.txt")
out = pathlib.Path(words.model)
out.mkdir(parents=True, exist_ok=True)
(out / "number.txt").write_text(f"{total} {os.environ['COLOUR']} {len(list(pathlib.Path(words.folder).iterdir()))}")
pathlib.Path("outputs").mkdir()
pathlib.Path("outputs/extra.txt").write_text("extra")
print("trained on", total)
"""
READ = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
run = mlflow.get_run(sys.argv[2])
print(run.info.status, run.data.metrics["total"], run.data.params["rate"], run.data.tags["kind"])
path = mlflow.artifacts.download_artifacts(run_id=sys.argv[2], artifact_path="note.txt", dst_path=sys.argv[3])
print(open(path).read())
"""
ENDS = ("Completed", "Failed", "Canceled")


@pytest.fixture(scope="module")
def training(cloud: Cloud) -> Cloud:
    """A cluster of one node, an image, a data asset."""
    size = {"vmSize": "Standard_DS3_v2", "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1}}
    cloud.ml_put("computes/cpu", {"computeType": "AmlCompute", "properties": size}, location="southeastasia")
    cloud.ml_put("environments/train/versions/1", {"image": "mcr.microsoft.com/azureml/minimal:latest"})
    cloud.upload("artefacts", {"data/sales/numbers.txt": "1 2 3", "data/sales/more.txt": "4"})
    uri = "azureml://datastores/artefacts/paths/data/sales/numbers.txt"
    cloud.ml_put("data/sales/versions/1", {"dataType": "uri_file", "dataUri": uri})
    return cloud


def submit(cloud: Cloud, command_line: str, **more: Any) -> str:
    from azure.ai.ml import command

    job = command(command=command_line, environment="train:1", compute="cpu", experiment_name="forecast", **more)
    return str(cloud.ml.jobs.create_or_update(job).name)


def ended(cloud: Cloud, name: str, within_s: float = 60) -> str:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        status = str(cloud.get(f"jobs/{name}")["properties"]["status"])
        if status in ENDS:
            return status
        time.sleep(0.1)
    raise AssertionError(f"the job {name} did not end within {within_s} s")


@pytest.fixture(scope="module")
def trained(training: Cloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    from azure.ai.ml import Input, Output

    code = tmp_path_factory.mktemp("code")
    (code / "train.py").write_text(TRAIN)
    inputs = {
        "data": Input(type="uri_file", path="azureml:sales:1"),
        "folder": Input(type="uri_folder", path="azureml://datastores/artefacts/paths/data/sales/"),
        "rate": 0.1,
    }
    flags = "--data ${{inputs.data}} --folder ${{inputs.folder}} --rate ${{inputs.rate}} --model ${{outputs.model}}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = submit(
            training,
            f"python train.py {flags}",
            code=str(code),
            inputs=inputs,
            outputs={"model": Output(type="uri_folder")},
            environment_variables={"COLOUR": "blue"},
            tags={"kind": "test"},
        )
        training.ml.jobs.stream(name)
    return name


def test_a_job_runs_to_its_end_and_its_log_streams(
    training: Cloud, trained: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(training, trained) == "Completed"
    training.ml.jobs.download(trained, download_path=training.state / "logs")
    logs = (training.state / "logs" / "artifacts" / "user_logs" / "std_log.txt").read_text()
    assert "trained on 6" in logs
    assert (training.state / "logs" / "artifacts" / "outputs" / "extra.txt").read_text() == "extra"


def test_a_named_output_is_kept_and_can_be_downloaded(training: Cloud, trained: str, tmp_path: Path) -> None:
    training.ml.jobs.download(trained, download_path=tmp_path, output_name="model")
    assert (tmp_path / "named-outputs" / "model" / "number.txt").read_text() == "6 blue 2"


def test_a_model_is_registered_from_a_jobs_output(training: Cloud, trained: str) -> None:
    uri = f"azureml://jobs/{trained}/outputs/model/paths/"
    training.ml_put("models/from-job/versions/1", {"modelUri": uri, "modelType": "custom_model"})
    assert training.get("models/from-job")["properties"]["latestVersion"] == "1"


def test_metrics_and_artifacts_are_read_back_by_another_process(training: Cloud, trained: str, tmp_path: Path) -> None:
    uri = training.get("")["properties"]["mlFlowTrackingUri"]
    words = [sys.executable, "-c", READ, uri, trained, str(tmp_path)]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "FINISHED 6.0 0.1 throw-away" in answer.stdout, answer.stderr
    assert "written by the job" in answer.stdout
    assert "unable to load" not in answer.stderr


def test_the_same_code_is_not_uploaded_twice(training: Cloud, trained: str) -> None:
    found = training.resources.resources.get_by_id(f"{ROOT}/jobs/{trained}", api_version="2026-05-01").as_dict()
    code = found["properties"]["codeId"].partition("/codes/")[2]
    again = training.ml.jobs.get(trained)
    assert code in str(again.code)


@pytest.mark.parametrize(
    ("line", "limit_s", "status"),
    [
        pytest.param("echo no; exit 3", None, "Failed", id="a command that fails fails its job"),
        pytest.param("sleep 60", 1, "Canceled", id="a job is ended at its time limit"),
    ],
)
def test_jobs_end_as_their_commands_do(training: Cloud, line: str, limit_s: int | None, status: str) -> None:
    from azure.ai.ml.entities import CommandJobLimits

    more = {"limits": CommandJobLimits(timeout=limit_s)} if limit_s else {}
    from azure.ai.ml import command

    job = command(command=line, environment="train:1", compute="cpu")
    if more:
        job.limits = more["limits"]
    name = training.ml.jobs.create_or_update(job).name
    assert ended(training, name) == status


def test_one_node_runs_one_job_and_a_cancelled_job_ends(training: Cloud) -> None:
    first = submit(training, "sleep 60")
    second = submit(training, "echo done")
    deadline = time.monotonic() + 10
    while training.get(f"jobs/{first}")["properties"]["status"] != "Running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert training.get(f"jobs/{second}")["properties"]["status"] in ("NotStarted", "Queued")
    training.ml.jobs.begin_cancel(first).result()
    assert ended(training, first) == "Canceled"
    assert ended(training, second) == "Completed"


def test_an_archived_job_leaves_the_default_list(training: Cloud, trained: str) -> None:
    training.ml.jobs.archive(trained)
    assert trained not in [job.name for job in training.ml.jobs.list()]
    training.ml.jobs.restore(trained)
    assert trained in [job.name for job in training.ml.jobs.list()]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(
            {"environmentId": f"{ROOT}/environments/none/versions/1"}, 404, id="an environment that is not there"
        ),
        pytest.param({"computeId": f"{ROOT}/computes/none"}, 404, id="a compute that is not there"),
        pytest.param(
            {"inputs": {"x": {"jobInputType": "uri_file", "uri": "azureml://datastores/none/paths/a"}}},
            400,
            id="a datastore that is not there",
        ),
    ],
)
def test_jobs_that_azure_would_refuse(training: Cloud, change: dict[str, Any], status: int) -> None:
    body = {"jobType": "Command", "command": "true", "environmentId": f"{ROOT}/environments/train/versions/1"}
    with pytest.raises(HttpResponseError) as raised:
        training.ml_put("jobs/refused", {**body, **change})
    assert raised.value.status_code == status


def test_an_output_becomes_a_version_of_the_asset_it_names(training: Cloud) -> None:
    output = {"jobOutputType": "custom_model", "assetName": "made-by-job"}
    body = {
        "jobType": "Command",
        "command": "echo 1 > ${{outputs.model}}/number.txt",
        "environmentId": f"{ROOT}/environments/train/versions/1",
        "outputs": {"model": output},
    }
    training.ml_put("jobs/maker", body)
    assert ended(training, "maker") == "Completed"
    made = training.get("models/made-by-job/versions/1")["properties"]
    assert made["modelUri"].endswith("/datastores/workspaceblobstore/paths/azureml/maker/model/")
