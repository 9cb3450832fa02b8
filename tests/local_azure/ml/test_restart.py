"""What runs in the embedded Azure comes back after it was stopped or killed, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError

from reconciler.local_azure import daemon
from tests.local_azure.ml.conftest import PLACE, SKU, SUBSCRIPTION, Cloud, connected, deployment

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
Ask = Callable[..., httpx.Response]


def alive(pid: int) -> bool:
    return bool(daemon.process_start(pid))


def stop(state: Path) -> None:
    daemon.down(state)


def kill(state: Path) -> None:
    running = daemon.status(state)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while alive(running.pid) and time.monotonic() < deadline:
        time.sleep(0.05)


def score(cloud: Cloud) -> httpx.Response:
    endpoint = cloud.get("onlineEndpoints/retail")["properties"]
    keys = cloud.ml.online_endpoints.get_keys("retail")
    bundle = os.environ["SSL_CERT_FILE"]
    headers = {"authorization": f"Bearer {keys.primary_key}"}
    with httpx.Client(verify=ssl.create_default_context(cafile=bundle), timeout=30) as client:
        return client.post(endpoint["scoringUri"], json={}, headers=headers)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(stop, id="a daemon that was stopped ends its containers"),
        pytest.param(kill, id="a daemon that was killed finds its containers and ends them"),
    ],
)
def test_deployments_serve_again_after_a_restart(
    serving: Cloud, end: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = f"sleeper-{end.__name__}"
    with reached(serving.state, monkeypatch) as cloud:
        cloud.ml_put("onlineEndpoints/retail/deployments/blue", deployment(), location=PLACE, sku=SKU)
        cloud.ml_put("onlineEndpoints/retail", {"authMode": "Key", "traffic": {"blue": 100}}, location=PLACE)
        before = score(cloud).json()["pid"]
        body = {"jobType": "Command", "command": "sleep 60", "environmentId": deployment()["environmentId"]}
        cloud.ml_put(f"jobs/{job}", body)
        wait_for(lambda: cloud.get(f"jobs/{job}")["properties"]["status"] == "Running", 60)
    end(serving.state)
    daemon.up(serving.state, [SUBSCRIPTION], options=["--limits-scale", "100"])
    with reached(serving.state, monkeypatch) as cloud:
        answer = score(cloud)
        assert (answer.status_code, answer.json()["model"]) == (200, "1")
        assert answer.json()["pid"] != before
        assert not alive(before)
        wait_for(lambda: cloud.get(f"jobs/{job}")["properties"]["status"] == "Failed", 10)


def reached(state: Path, monkeypatch: pytest.MonkeyPatch) -> connected:
    """Clients of the daemon that runs now: each start has a port of its own."""
    for variable, value in daemon.environment(state).items():
        monkeypatch.setenv(variable, value)
    return connected(state)


def wait_for(condition: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not so within {within_s} s"
        time.sleep(0.1)


def test_a_deleted_workspace_leaves_no_process(serving: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    with reached(serving.state, monkeypatch) as cloud:
        wait_for(lambda: score(cloud).status_code == 200, 20)  # it may be coming back from the restart before
        before = score(cloud).json()["pid"]
        cloud.ml_delete("")
        assert not alive(before)
        with pytest.raises(ResourceNotFoundError):
            cloud.get("")
