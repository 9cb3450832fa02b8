"""Azure Machine Learning: assets, jobs, endpoints, MLflow."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.local_azure.behaviour import Behaviour
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import Request, Response


def behaviours(_services: Services) -> dict[str, Behaviour]:
    return {}


def hosts(_services: Services) -> dict[str, Callable[[Request], Response]]:
    return {}


def resume(_services: Services) -> None:
    pass


def shut_down(_services: Services) -> None:
    pass
