"""What the parts of the embedded Azure share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.local_azure.blobs import Blobs
from reconciler.local_azure.store import Store


@dataclass(frozen=True)
class Services:
    """`process_environment()` gives a child process what it needs to reach this Azure as the seeded principal."""

    store: Store
    state_dir: Path
    blobs: Blobs
    process_environment: Callable[[], dict[str, str]]
    proxy_port: Callable[[], int]
