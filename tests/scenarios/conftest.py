"""A scratch copy of the repository and an embedded Azure of its own, driven by the command line as a person drives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.demo.scratch import scratch_copy
from reconciler.local_azure import daemon
from tests.conftest import ROOT

SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a"
WRITES = ("PUT", "PATCH", "DELETE", "POST")


@dataclass(frozen=True)
class Shop:
    """`root` may be edited; `recording` holds every exchange with ARM."""

    root: Path
    environment: dict[str, str]
    recording: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "reconciler.cli", "-C", str(self.root), *words]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code, and what was printed on both streams."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out + err

    def digest(self) -> str:
        code, printed = self.run("plan", "dev", "--format", "json")
        assert code == 0, printed
        return str(json.loads(printed)["digest"])

    def exchanges(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.recording.read_text().splitlines()]

    def writes(self, since: int = 0) -> list[str]:
        return [f"{one['method']} {one['url']}" for one in self.exchanges()[since:] if one["method"] in WRITES]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    root = scratch_copy(ROOT, tmp_path / "repository")
    state, recording = tmp_path / "azure", tmp_path / "traffic.jsonl"
    daemon.up(state, [SUBSCRIPTION], record=recording)
    own = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    yield Shop(root, {**own, **daemon.environment(state), "PYTHONPATH": str(ROOT)}, recording)
    daemon.down(state)
