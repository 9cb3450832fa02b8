"""The names of Azure resources, derived from the desired state in this one place, and what Azure allows them to be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.desired import DesiredState

DUTIES = ("workspace", "compute", "endpoint")


@dataclass(frozen=True)
class Names:
    """What everything of one environment is called."""

    resource_group: str
    lake: str
    workspace_account: str
    vault: str
    registry: str
    logs: str
    insights: str
    workspace: str
    identities: dict[str, str]
    """By duty."""
    endpoints: dict[str, str]
    """By the name the YAML uses; unique in a region."""


def names(state: DesiredState) -> Names:
    short, env, suffix = state.name, state.environment, state.name_suffix
    return Names(
        resource_group=f"rg-mlops-{short}-{env}",
        lake=f"dl{short}{env}{suffix}",
        workspace_account=f"st{short}{env}{suffix}",
        vault=f"kv-{short}-{env}-{suffix}",
        registry=f"cr{short}{env}{suffix}",
        logs=f"log-{short}-{env}",
        insights=f"appi-{short}-{env}",
        workspace=f"mlw-{short}-{env}",
        identities={duty: f"id-{short}-{env}-{duty}" for duty in DUTIES},
        endpoints={name: f"{name}-{env}-{suffix}" for name in state.endpoints},
    )


# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules (read 2026-07)
_LENGTHS: dict[str, tuple[str, int, int]] = {
    "lake": ("storage account", 3, 24),
    "vault": ("key vault", 3, 24),
    "registry": ("container registry", 5, 50),
    "logs": ("Log Analytics workspace", 4, 63),
    "workspace": ("Azure ML workspace", 3, 33),
    "resource_group": ("resource group", 1, 90),
}


def name_problems(state: DesiredState) -> Iterator[tuple[str, str]]:
    """What the short name and its suffix would make Azure refuse: the key to blame, and a sentence."""
    for key in ("name", "name_suffix"):
        text: str = getattr(state, key)
        if not re.fullmatch(r"[a-z0-9]+", text):
            yield key, f'{key} must be lower-case letters and digits, for storage accounts bear it; found "{text}"'
            return
    derived = names(state)
    for attribute, (noun, shortest, longest) in _LENGTHS.items():
        name: str = getattr(derived, attribute)
        if not shortest <= len(name) <= longest:
            yield "name", f'the {noun} would be "{name}", {len(name)} characters: Azure allows {shortest} to {longest}'
            return
