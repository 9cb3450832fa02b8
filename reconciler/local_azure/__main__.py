"""The daemon: `python -m reconciler.local_azure serve --state DIR --subscription ID`. People use `reconciler local up`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from reconciler.local_azure.app import EmbeddedAzure, Settings
from reconciler.local_azure.daemon import FILE, process_start
from reconciler.local_azure.server import Server, serve_in_thread
from reconciler.local_azure.tls import Authority


def main() -> int:
    """Serves until SIGTERM or SIGINT, then ends its children."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.local_azure")
    serve = parser.add_subparsers(dest="verb", required=True).add_parser("serve")
    serve.add_argument("--state", type=Path, required=True)
    serve.add_argument("--subscription", action="append", required=True)
    serve.add_argument("--record", type=Path)
    serve.add_argument("--faults", type=Path)
    serve.add_argument("--limits-scale", type=float, default=1.0)
    arguments = parser.parse_args()
    settings = Settings(
        arguments.state, tuple(arguments.subscription), arguments.record, arguments.faults, arguments.limits_scale
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ports: list[int] = []
    azure = EmbeddedAzure(settings, lambda: ports[0])
    server = Server(azure, Authority(settings.state_dir / "tls"))
    ports.append(server.port)
    serve_in_thread(server)
    azure.resume()
    _announce(settings, server.port)
    while not stop.wait(0.5):
        pass  # a signal that another thread received is handled when this one wakes
    server.shutdown()
    azure.close()
    server.server_close()
    return 0


def _announce(settings: Settings, port: int) -> None:
    """Written last, and at once: who reads the file finds a server that answers."""
    shown = {
        "pid": os.getpid(),
        "port": port,
        "started": process_start(os.getpid()),
        "subscriptions": settings.subscriptions,
    }
    staged = settings.state_dir / f".{FILE}"
    staged.write_text(json.dumps(shown))
    staged.replace(settings.state_dir / FILE)


if __name__ == "__main__":
    sys.exit(main())
