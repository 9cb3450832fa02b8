"""Compute clusters. Nodes are this machine: a cluster that scales to zero is what it is between jobs anyway."""

from __future__ import annotations

import re

from reconciler.core.sizes import SIZES
from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.ml.identities import check_identity, completed_identity
from reconciler.local_azure.providers.bodies import at, defaulted, location, now
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal

_KNOWN_SIZES = {name.lower() for name in SIZES}
_NO_NODES = dict.fromkeys(("preparing", "running", "idle", "unusable", "leaving", "preempted"), 0)


def behaviour(services: Services) -> Behaviour:
    return Behaviour(
        check=lambda context, body: _check(services.store, context, body),
        complete=_complete,
        settle=lambda _context, _body: None,
        remove=lambda _context, _body: None,
    )


def _check(store: Store, context: Context, body: Body) -> None:
    kind = at(body, "properties.computeType")
    if kind != "AmlCompute":
        raise AzureRefusal(400, "BadArgument", f"The embedded Azure keeps compute clusters only, not {kind}.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,30}[A-Za-z0-9]", context.id.name):
        message = f"Compute name '{context.id.name}' is invalid: 2 to 32 letters, digits or '-', a letter first."
        raise AzureRefusal(400, "InvalidComputeName", message)
    settings = at(body, "properties.properties") or {}
    size = str(settings.get("vmSize") or "")
    if size.lower() not in _KNOWN_SIZES:
        message = f"The specified VM size '{size}' is not supported in this region or for this subscription."
        raise AzureRefusal(400, "InvalidVmSize", message)
    _check_scale(settings.get("scaleSettings"))
    for name in ("vmSize", "vmPriority"):
        before = str(at(context.before, f"properties.properties.{name}") or "")
        if before and str(settings.get(name) or before).lower() != before.lower():
            raise AzureRefusal(400, "BadArgument", f"The property {name} of compute '{context.id.name}' is immutable.")
    check_identity(store, body)


def _check_scale(scale: Body | None) -> None:
    if scale is None:
        return
    low, high = int(scale.get("minNodeCount") or 0), int(scale["maxNodeCount"])
    if not 0 <= low <= high:
        message = f"The minimum node count {low} must be between 0 and the maximum node count {high}."
        raise AzureRefusal(400, "BadArgument", message)


def _complete(context: Context, body: Body) -> Body:
    place = location(body.get("location") or at(body, "properties.computeLocation") or "")
    made = at(context.before, "properties.createdOn") or now()
    settings = at(body, "properties.properties")
    node_defaults = {
        "vmPriority": "Dedicated",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT2M"},
        "osType": "Linux",
        "isolatedNetwork": False,
        "enableNodePublicIp": True,
        "remoteLoginPortPublicAccess": "Enabled",
    }
    state = {
        "allocationState": "Steady",
        "allocationStateTransitionTime": made,
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": {f"{name}NodeCount": count for name, count in _NO_NODES.items()},
    }
    nodes = defaulted({**settings, "vmSize": str(settings["vmSize"]).upper()}, node_defaults) | state
    if nodes["remoteLoginPortPublicAccess"] == "NotSpecified":
        nodes["remoteLoginPortPublicAccess"] = "Enabled"
    properties = {
        "disableLocalAuth": False,
        **body["properties"],
        "computeLocation": place,
        "createdOn": made,
        "modifiedOn": now(),
        "isAttachedCompute": False,
        "properties": nodes,
    }
    whole = {key: value for key, value in body.items() if key != "sku"}
    return completed_identity(context, {**whole, "location": place, "properties": properties})
