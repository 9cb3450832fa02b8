"""Azure's built-in roles that this project assigns or tests with.

https://learn.microsoft.com/azure/role-based-access-control/built-in-roles (2026-10).
"""

from __future__ import annotations

from dataclasses import dataclass

_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers"
_ML = "Microsoft.MachineLearningServices/workspaces"


@dataclass(frozen=True)
class Role:
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()


_NOT_ACCESS = (
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
)
_READ_BLOBS = (f"{_BLOB}/blobs/read",)
_WRITE_BLOBS = (
    *_READ_BLOBS,
    f"{_BLOB}/blobs/write",
    f"{_BLOB}/blobs/delete",
    f"{_BLOB}/blobs/add/action",
    f"{_BLOB}/blobs/move/action",
)

ROLES: dict[str, Role] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role("Owner", ("*",)),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role("Contributor", ("*",), _NOT_ACCESS),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role("Reader", ("*/read",)),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": Role("User Access Administrator", ("*/read", "Microsoft.Authorization/*")),
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": Role(
        "Role Based Access Control Administrator",
        ("*/read", "Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete"),
    ),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": Role("Storage Blob Data Owner", (f"{_BLOB}/*",), (), (f"{_BLOB}/blobs/*",)),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": Role(
        "Storage Blob Data Contributor", (f"{_BLOB}/read", f"{_BLOB}/write", f"{_BLOB}/delete"), (), _WRITE_BLOBS
    ),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": Role("Storage Blob Data Reader", (f"{_BLOB}/read",), (), _READ_BLOBS),
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": Role(
        "Storage Account Contributor", ("Microsoft.Storage/storageAccounts/*",)
    ),
    "69566ab7-960f-475b-8e7c-b3118f30c6bd": Role(
        "Storage File Data Privileged Contributor",
        (),
        (),
        ("Microsoft.Storage/storageAccounts/fileServices/fileShares/*",),
    ),
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": Role("AcrPull", ("Microsoft.ContainerRegistry/registries/pull/read",)),
    "8311e382-0749-4cb8-b61a-304f252e45ec": Role(
        "AcrPush",
        ("Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write"),
    ),
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": Role("Key Vault Administrator", (), (), ("Microsoft.KeyVault/vaults/*",)),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": Role(
        "Key Vault Secrets Officer", (), (), ("Microsoft.KeyVault/vaults/secrets/*",)
    ),
    "4633458b-17de-408a-b874-0445c86b69e6": Role(
        "Key Vault Secrets User", (), (), ("Microsoft.KeyVault/vaults/secrets/getSecret/action",)
    ),
    "f25e0fa2-a7c8-4377-a976-54943a77a395": Role("Key Vault Contributor", ("Microsoft.KeyVault/*",)),
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": Role(
        "AzureML Data Scientist",
        (f"{_ML}/*/read", f"{_ML}/*/action", f"{_ML}/*/delete", f"{_ML}/*/write"),
        (
            f"{_ML}/delete",
            f"{_ML}/write",
            f"{_ML}/computes/*/write",
            f"{_ML}/computes/*/delete",
            f"{_ML}/computes/listKeys/action",
        ),
    ),
    "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815": Role("AzureML Compute Operator", (f"{_ML}/computes/*",)),
    "3913510d-42f4-4e42-8a64-420c390055eb": Role(
        "Monitoring Metrics Publisher", (), (), ("Microsoft.Insights/Metrics/Write",)
    ),
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": Role("Monitoring Reader", ("*/read",)),
    "73c42c96-874c-492b-b04d-ab87d138a893": Role("Log Analytics Reader", ("*/read",)),
    "92aaf0da-9dab-42b6-94a3-d43ce8d16293": Role(
        "Log Analytics Contributor", ("*/read", "Microsoft.OperationalInsights/*")
    ),
}
