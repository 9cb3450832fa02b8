#!/usr/bin/env python3
"""Makes reconciler/local_azure/shapes.json: what the embedded Azure knows of the shape of a request body.

    python scripts/make_shapes.py ../shared/azure-types

Source: Azure/bicep-types-az (MIT), commit named in that folder's README. Only the resource types that the project
declares, or that the Azure SDKs touch on their way, are taken, and of each only what its body refers to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "reconciler" / "local_azure" / "shapes.json"
SOURCE = "Azure/bicep-types-az (MIT), commit 1f896de2db966ad91e8f7d7d981e11d32e4f5d8d"

ML = "Microsoft.MachineLearningServices/workspaces"
ML_VERSIONS = ["2025-12-01", "2026-05-01"]
WANTED: dict[str, list[str]] = {
    "Microsoft.Resources/resourceGroups": ["2025-04-01"],
    "Microsoft.Resources/templateSpecs": ["2022-02-01"],
    "Microsoft.Resources/templateSpecs/versions": ["2022-02-01"],
    "Microsoft.Storage/storageAccounts": ["2025-08-01", "2026-04-01"],
    "Microsoft.Storage/storageAccounts/blobServices": ["2025-08-01", "2026-04-01"],
    "Microsoft.Storage/storageAccounts/blobServices/containers": ["2025-08-01", "2026-04-01"],
    "Microsoft.Storage/storageAccounts/managementPolicies": ["2025-08-01", "2026-04-01"],
    "Microsoft.KeyVault/vaults": ["2026-02-01"],
    "Microsoft.ContainerRegistry/registries": ["2025-11-01"],
    "Microsoft.ManagedIdentity/userAssignedIdentities": ["2024-11-30"],
    "Microsoft.Authorization/roleAssignments": ["2022-04-01"],
    "Microsoft.OperationalInsights/workspaces": ["2026-03-01"],
    "Microsoft.Insights/components": ["2020-02-02"],
    ML: [*ML_VERSIONS, "2024-10-01-preview"],
    f"{ML}/computes": ML_VERSIONS,
    f"{ML}/datastores": [*ML_VERSIONS, "2024-10-01-preview"],
    f"{ML}/onlineEndpoints": [*ML_VERSIONS, "2022-02-01-preview", "2023-04-01-preview"],
    f"{ML}/onlineEndpoints/deployments": [*ML_VERSIONS, "2023-04-01-preview"],
    f"{ML}/models": ML_VERSIONS,
    f"{ML}/models/versions": ML_VERSIONS,
    f"{ML}/environments": ML_VERSIONS,
    f"{ML}/environments/versions": [*ML_VERSIONS, "2023-04-01-preview"],
    f"{ML}/data": ML_VERSIONS,
    f"{ML}/data/versions": [*ML_VERSIONS, "2023-04-01-preview"],
    f"{ML}/codes": [*ML_VERSIONS, "2023-04-01"],
    f"{ML}/codes/versions": [*ML_VERSIONS, "2023-04-01"],
    f"{ML}/jobs": [*ML_VERSIONS, "2024-01-01-preview", "2025-01-01-preview"],
}


def main(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    table = Table(folder)
    resources = {}
    for name, versions in sorted(WANTED.items()):
        for version in versions:
            entry = index.get(f"{name}@{version}".lower())
            if entry is None:
                print(f"not in the source: {name}@{version}", file=sys.stderr)
                continue
            body = table.types(entry["file"])[entry["type"]]["body"]
            resources[f"{name}@{version}"] = table.take(entry["file"], int(body["$ref"][2:]))
    lines = ",\n".join(json.dumps(one, separators=(",", ":"), sort_keys=True) for one in table.taken)
    text = (
        f'{{"source":{json.dumps(SOURCE)},\n"resources":{json.dumps(resources, indent=0)},\n"types":[\n{lines}\n]}}\n'
    )
    TARGET.write_text(text)
    print(f"{len(resources)} shapes, {len(table.taken)} definitions, {TARGET.stat().st_size:,} bytes")


class Table:
    """Definitions taken so far, renumbered; equal ones are taken once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, list[dict[str, Any]]] = {}
        self._numbers: dict[tuple[str, int], int] = {}
        self.taken: list[Any] = []

    def types(self, file: str) -> list[dict[str, Any]]:
        if file not in self._files:
            self._files[file] = json.loads((self._folder / file).read_text())
        return self._files[file]

    def take(self, file: str, number: int) -> int:
        if (file, number) not in self._numbers:
            self._numbers[file, number] = len(self.taken)
            self.taken.append(None)
            at = self._numbers[file, number]
            self.taken[at] = self._short(file, self.types(file)[number])
        return self._numbers[file, number]

    def _ref(self, file: str, reference: dict[str, str]) -> int:
        return self.take(file, int(reference["$ref"][2:]))

    def _short(self, file: str, full: dict[str, Any]) -> Any:
        """Objects {p, a}, discriminated {d, b, e}, lists {l}, unions {u}, literals {v}; scalars by their first letter."""
        match full["$type"]:
            case "ObjectType":
                return self._object(file, full)
            case "DiscriminatedObjectType":
                elements = {name: self._ref(file, one) for name, one in full["elements"].items()}
                return {
                    "d": full["discriminator"],
                    "b": self._properties(file, full.get("baseProperties", {})),
                    "e": elements,
                }
            case "ArrayType":
                return {"l": self._ref(file, full["itemType"])}
            case "UnionType":
                return {"u": [self._ref(file, one) for one in full["elements"]]}
            case "StringLiteralType":
                return {"v": full["value"]}
            case kind:
                return {"StringType": "s", "IntegerType": "i", "BooleanType": "b"}.get(kind, "*")

    def _object(self, file: str, full: dict[str, Any]) -> dict[str, Any]:
        short: dict[str, Any] = {"p": self._properties(file, full["properties"])}
        if full.get("additionalProperties"):
            short["a"] = self._ref(file, full["additionalProperties"])
        return short

    def _properties(self, file: str, properties: dict[str, Any]) -> dict[str, list[int]]:
        return {name: [self._ref(file, one["type"]), one.get("flags", 0) & 7] for name, one in properties.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
