"""Child processes: each in a process group of its own, written down so that none outlives the embedded Azure unseen."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.local_azure.daemon import process_start
from reconciler.local_azure.store import Store

GRACE_S = 5.0
_KIND = "ml-process"
_INHERITED = ("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Launch:
    """What to run. `log` gets stdout and stderr, appended."""

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path


class Processes:
    """Starts and ends process groups. `end_strays` ends those that a killed daemon left behind."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._closing = False

    def start(self, launch: Launch) -> subprocess.Popen[bytes]:
        """Raises OSError when the program is not there, or everything is being stopped."""
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, launch.log.open("ab") as output:
            if self._closing:
                raise OSError("the embedded Azure is being stopped")
            child = subprocess.Popen(  # noqa: S603  the command is the user's own: running it is the purpose
                list(launch.words),
                cwd=launch.folder,
                env=dict(launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running[child.pid] = child
            self._store.put_document(_KIND, str(child.pid), {"started": process_start(child.pid)})
        return child

    def end(self, child: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
        """Asks the whole group to end, then makes it."""
        with self._lock:
            if self._running.pop(child.pid, None) is None:
                return
        _signal(child.pid, signal.SIGTERM)
        try:
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            _signal(child.pid, signal.SIGKILL)
            child.wait()
        _signal(child.pid, signal.SIGKILL)
        self._store.delete_document(_KIND, str(child.pid))

    def end_all(self) -> None:
        with self._lock:
            self._closing = True
            children = list(self._running.values())
        for child in children:
            _signal(child.pid, signal.SIGTERM)
        for child in children:
            self.end(child, grace_s=2)

    def end_strays(self) -> None:
        """A pid that now belongs to somebody else is left alone: its start time differs."""
        for key, kept in self._store.documents(_KIND).items():
            if kept["started"] and process_start(int(key)) == kept["started"]:
                _signal(int(key), signal.SIGKILL)
            self._store.delete_document(_KIND, key)


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a container would have: little of the daemon's own, and this interpreter's programs first on the path."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", **extra}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
