"""The process: it starts once, answers Azure's hosts only, stops when told, and keeps what it held."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.errors import ReconcilerError
from reconciler.local_azure import daemon
from reconciler.local_azure.server import is_allowed
from tests.local_azure.cloud import GROUP, LOCATION, SUBSCRIPTION

STOPS_WITHIN_S = 10


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    state = tmp_path / "azure"
    yield state
    daemon.down(state)


def ask(state: Path, method: str, url: str, body: object = None, token: str = "") -> tuple[int, str]:
    """Through the proxy, trusting the authority that the variables name."""
    variables = daemon.environment(state)
    trust = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
    proxy = urllib.request.ProxyHandler({"https": variables["HTTPS_PROXY"], "http": variables["HTTPS_PROXY"]})
    opener = urllib.request.build_opener(proxy, urllib.request.HTTPSHandler(context=trust))
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, headers, method=method)
    try:
        with opener.open(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def sign_in(state: Path) -> str:
    variables = daemon.environment(state)
    from reconciler.local_azure.identity import Identity

    identity = Identity(state)
    assert variables["AZURE_CLIENT_SECRET"] == identity.principals["owner"].secret
    return identity.issue(identity.principals["owner"], "https://management.azure.com")


@pytest.mark.slow
def test_it_starts_once_stops_and_keeps_what_it_held(state: Path) -> None:
    group = f"https://management.azure.com{GROUP}?api-version=2025-04-01"
    first = daemon.up(state, [SUBSCRIPTION])
    assert daemon.up(state, [SUBSCRIPTION]) == first
    assert daemon.status(state) == first
    token = sign_in(state)
    assert ask(state, "PUT", group, {"location": LOCATION}, token)[0] == 201
    began = time.monotonic()
    assert daemon.down(state) is True
    assert time.monotonic() - began < STOPS_WITHIN_S
    assert daemon.process_start(first.pid) != first.started
    assert daemon.status(state) is None
    assert daemon.down(state) is False
    second = daemon.up(state, [SUBSCRIPTION])
    assert second.pid != first.pid
    assert ask(state, "GET", group, token=token)[0] == 200


@pytest.mark.slow
def test_hosts_that_are_not_azures_are_refused(state: Path) -> None:
    daemon.up(state, [SUBSCRIPTION])
    with pytest.raises(urllib.error.URLError, match="403"):
        ask(state, "GET", "https://example.com/")
    status, text = ask(state, "GET", "http://example.com/")
    assert (status, "not example.com" in text) == (403, True)
    assert ask(state, "GET", "https://management.azure.com/subscriptions?api-version=2022-12-01")[0] == 401


@pytest.mark.slow
def test_it_stops_while_clients_hold_connections(state: Path) -> None:
    import socket

    running = daemon.up(state, [SUBSCRIPTION])
    held = [socket.create_connection(("127.0.0.1", running.port), timeout=5) for _ in range(20)]
    try:
        held[0].sendall(b"CONNECT management.azure.com:443 HTTP/1.1\r\n\r\n")
        began = time.monotonic()
        assert daemon.down(state) is True
        assert time.monotonic() - began < STOPS_WITHIN_S
    finally:
        for one in held:
            one.close()


@pytest.mark.slow
def test_only_its_own_folder_is_forgotten(state: Path, tmp_path: Path) -> None:
    other = tmp_path / "papers"
    other.mkdir()
    daemon.reset(other)
    assert other.is_dir()
    daemon.up(state, [SUBSCRIPTION])
    daemon.reset(state)
    assert not state.exists()


def test_a_daemon_that_does_not_run_has_no_variables(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match="reconciler local up"):
        daemon.environment(tmp_path)


def test_a_later_process_with_the_same_number_is_not_it(tmp_path: Path) -> None:
    import os

    kept = {"pid": os.getpid(), "port": 1, "started": "another", "subscriptions": []}
    (tmp_path / daemon.FILE).write_text(json.dumps(kept))
    assert daemon.status(tmp_path) is None
    assert daemon.down(tmp_path) is False


@pytest.mark.slow
def test_one_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match="unrecognized arguments: --nonsense"):
        daemon.up(tmp_path, [SUBSCRIPTION], options=["--nonsense"])


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        pytest.param("management.azure.com", True, id="the control plane"),
        pytest.param("stx.blob.core.windows.net", True, id="an account"),
        pytest.param("e.southeastasia.inference.ml.azure.com", True, id="an endpoint"),
        pytest.param("evil-management.azure.com", False, id="one that only ends alike"),
        pytest.param("management.azure.com.evil.org", False, id="one that only begins alike"),
        pytest.param("blob.core.windows.net.evil.org", False, id="an account elsewhere"),
    ],
)
def test_allowed_hosts(host: str, allowed: bool) -> None:
    assert is_allowed(host) is allowed
