"""What is special about each resource type outside Azure ML. A type without an entry is stored and answered as it was sent."""

from __future__ import annotations

from reconciler.local_azure.behaviour import Behaviour
from reconciler.local_azure.providers import authorization, identity, keyvault, monitor, registry, resources, storage
from reconciler.local_azure.services import Services


def behaviours(services: Services) -> dict[str, Behaviour]:
    """By type name."""
    parts = (authorization, identity, keyvault, monitor, registry, resources, storage)
    return {name: behaviour for part in parts for name, behaviour in part.behaviours(services).items()}
