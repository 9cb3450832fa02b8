"""`reconciler local ...`: the embedded Azure on this machine."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

from reconciler.errors import ExitCode


def state_dir(root: Path) -> Path:
    """Where it keeps what it holds."""
    return Path(os.environ.get("RECONCILER_LOCAL_STATE") or root / ".local-azure").resolve()


def subscriptions(root: Path) -> list[str]:
    """Those that the environments name: the embedded Azure has no others."""
    from reconciler.adapters.yaml_files import load_all

    return sorted({loaded.state.subscription_id for loaded in load_all(root).values()})


def run(arguments: argparse.Namespace) -> ExitCode:
    from reconciler.local_azure import daemon

    folder = state_dir(arguments.root)
    match arguments.action:
        case "up":
            running = daemon.up(folder, subscriptions(arguments.root), record=arguments.record)
            print(
                f"The embedded Azure runs (pid {running.pid}, port {running.port}), state in {_shown(folder, arguments.root)}."
            )
            print(f"It serves the subscriptions {', '.join(running.subscriptions)}.")
            print('Next: eval "$(reconciler local env)"')
        case "down":
            print("Stopped." if daemon.down(folder) else "It was not running.")
        case "status":
            return _status(folder)
        case "env":
            for name, value in daemon.environment(folder, arguments.principal).items():
                print(f"export {name}={shlex.quote(value)}")
        case "reset":
            daemon.reset(folder)
            print("Stopped, and everything it held is forgotten.")
    return ExitCode.CLEAN


def _status(folder: Path) -> ExitCode:
    from reconciler.local_azure import daemon
    from reconciler.local_azure.holdings import holdings

    running = daemon.status(folder)
    if running is None:
        print("Not running. Start it: reconciler local up")
        return ExitCode.ERROR
    print(f"Running: pid {running.pid}, port {running.port}")
    for kind, names in holdings(folder).items():
        print(f"  {kind:<58}{', '.join(names)}")
    return ExitCode.CLEAN


def _shown(folder: Path, root: Path) -> str:
    return str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)
