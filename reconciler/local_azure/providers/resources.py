"""Template specs."""

from __future__ import annotations

import json

from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.services import Services
from reconciler.local_azure.wire import AzureRefusal

SPEC = "Microsoft.Resources/templateSpecs"
VERSION = f"{SPEC}/versions"
LIMIT_BYTES = 2 * 1024 * 1024
"""https://learn.microsoft.com/azure/azure-resource-manager/templates/template-specs (2026-10)."""


def behaviours(_services: Services) -> dict[str, Behaviour]:
    return {SPEC: Behaviour(patch=False), VERSION: Behaviour(check=_check_version, patch=False)}


def _check_version(_context: Context, body: Body) -> None:
    size = len(json.dumps(body.get("properties") or {}))
    if size > LIMIT_BYTES:
        message = f"The template spec version is {size} bytes; the limit is {LIMIT_BYTES} bytes."
        raise AzureRefusal(400, "TemplateSpecVersionTooLarge", message)
