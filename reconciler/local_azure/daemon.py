"""Starting, finding and stopping the embedded Azure: one background process a state folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import ReconcilerError

START_S = 30
STOP_S = 20
FILE = "server.json"


@dataclass(frozen=True)
class Running:
    """`started` tells this process from a later one that got the same pid."""

    pid: int
    port: int
    started: str
    subscriptions: tuple[str, ...]


def up(
    state_dir: Path, subscriptions: Sequence[str], *, record: Path | None = None, options: Sequence[str] = ()
) -> Running:
    """Starts it unless it runs, and waits until it answers. Raises ReconcilerError with its log when it does not."""
    running = status(state_dir)
    if running is not None:
        return running
    state_dir.mkdir(parents=True, exist_ok=True)
    (state_dir / FILE).unlink(missing_ok=True)
    words = [sys.executable, "-m", "reconciler.local_azure", "serve", "--state", str(state_dir.resolve()), *options]
    words += [word for one in subscriptions for word in ("--subscription", one)]
    words += ["--record", str(record.resolve())] if record else []
    log = state_dir / "daemon.log"
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603  our own interpreter and module
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=_clean_environment(),
        )
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if (running := status(state_dir)) is not None:
            child.returncode = 0  # it outlives us on purpose: otherwise Popen warns when this handle is forgotten
            return running
        if child.poll() is not None:
            break
        time.sleep(0.05)
    raise ReconcilerError(f"The embedded Azure did not start. Its log, {log}, ends:\n{log.read_text()[-2000:]}")


def status(state_dir: Path) -> Running | None:
    """What runs for this folder; None when nothing answers."""
    path = state_dir / FILE
    if not path.is_file():
        return None
    kept = json.loads(path.read_text())
    running = Running(kept["pid"], kept["port"], kept["started"], tuple(kept["subscriptions"]))
    if process_start(running.pid) != running.started or not _answers(running.port):
        return None
    return running


def down(state_dir: Path) -> bool:
    """Ends the process this folder's file names, if it is the one that wrote it. False when nothing ran."""
    running = status(state_dir)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while process_start(running.pid) == running.started:
        if time.monotonic() > deadline:
            raise ReconcilerError(f"The embedded Azure (pid {running.pid}) did not stop within {STOP_S} s.")
        _reap(running.pid)
        time.sleep(0.05)
    (state_dir / FILE).unlink(missing_ok=True)
    return True


def environment(state_dir: Path, principal: str = "owner") -> dict[str, str]:
    """The variables that point any Azure SDK at it. Raises ReconcilerError when it is not running."""
    running = status(state_dir)
    if running is None:
        raise ReconcilerError("The embedded Azure is not running: reconciler local up")
    from reconciler.local_azure.clients import client_environment
    from reconciler.local_azure.identity import Identity

    return client_environment(state_dir.resolve(), Identity(state_dir), running.port, principal)


def reset(state_dir: Path) -> None:
    """Stops it and forgets everything. Only a folder that holds an embedded Azure is removed."""
    import shutil

    down(state_dir)
    if (state_dir / "identity.json").is_file():
        shutil.rmtree(state_dir)


def process_start(pid: int) -> str:
    """When a process began, in clock ticks since boot; '' when there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _process_start_elsewhere(pid)
    return "" if fields[0] == "Z" else fields[19]


def _process_start_elsewhere(pid: int) -> str:
    """Systems without /proc."""
    if Path("/proc/self/stat").exists():
        return ""
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return asked.stdout.strip()


def _reap(pid: int) -> None:
    """A child of this very process stays as a zombie until it is waited for."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False


def _clean_environment() -> dict[str, str]:
    """The daemon is Azure: it must not talk to itself through the proxy that its users set."""
    ours = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    return {
        name: value for name, value in os.environ.items() if name.upper() not in ours and not name.startswith("AZURE_")
    }
