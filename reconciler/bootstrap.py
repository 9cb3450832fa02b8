"""What must exist before the lock can be taken: the resource group, the workspace account and the lock's container.

They are ordinary declared resources, written with the same bodies and tags as apply would write them. Two runs may do
this at once: both write the same, and whoever finds Azure busy asks again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from reconciler.adapters.arm import Arm
from reconciler.adapters.azure_errors import BUSY_CODES
from reconciler.core.diff import Applied
from reconciler.core.resource import Resource, ResourceId, references
from reconciler.errors import AzureError, Bug

LOCK_CONTAINER = "reconciler-lock"
CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
PATIENCE_S = (1, 2, 4, 8, 16)


def lock_container(desired: Iterable[Resource]) -> ResourceId:
    """The id of the declared lock container. Raises Bug where the templates declare none, or more than one."""
    found = [r.id for r in desired if r.type.lower() == CONTAINERS.lower() and r.id.name == LOCK_CONTAINER]
    if len(found) != 1:
        raise Bug(f"the rendered environment declares {len(found)} containers named {LOCK_CONTAINER}, not one")
    return found[0]


def bootstrap(desired: Mapping[ResourceId, Resource], arm: Arm) -> dict[ResourceId, Applied]:
    """Makes what is missing, outermost first; answers what it made, for the ledger. Empty on every later run."""
    made: dict[ResourceId, Applied] = {}
    for resource in chain(desired):
        # A new account comes with a blob service of Azure's making: what lives in what was just made is written too.
        if made or arm.get(resource.id, resource.api_version) is None:
            answered = _put(arm, resource)
            made[resource.id] = Applied(sent=resource.body, answered=answered, api_version=resource.api_version)
    return made


def chain(desired: Mapping[ResourceId, Resource]) -> list[Resource]:
    """The lock container and all declared resources that contain it, outermost first."""
    found: list[Resource] = []
    step: ResourceId | None = lock_container(desired.values())
    while step:
        if step in desired:
            found.insert(0, desired[step])
        step = step.parent
    for resource in found:
        if any(references(resource.body)):
            raise Bug(f"{resource.id} is made before anything else, yet its body refers to another resource")
    return found


def _put(arm: Arm, resource: Resource) -> dict[str, object]:
    for pause_s in (*PATIENCE_S, None):
        try:
            return arm.put(resource.id, resource.api_version, resource.body)
        except AzureError as error:
            if pause_s is None or error.code not in BUSY_CODES:
                raise
            time.sleep(pause_s)
    raise AssertionError("the last attempt returns or raises")
