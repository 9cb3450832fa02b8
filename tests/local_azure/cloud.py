"""The embedded Azure without sockets: one function from request to response, asked as any HTTP client would ask it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from reconciler.local_azure.app import EmbeddedAzure
from reconciler.local_azure.wire import Request, Response

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000c1"
SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUBSCRIPTION_ID}/resourceGroups/rg-test"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts"
VAULTS = f"{GROUP}/providers/Microsoft.KeyVault/vaults"
REGISTRIES = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
WORKSPACES = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces"
VERSIONS = {
    "resourcegroups": "2025-04-01",
    "microsoft.storage": "2026-04-01",
    "microsoft.keyvault": "2026-02-01",
    "microsoft.containerregistry": "2025-11-01",
    "microsoft.managedidentity": "2024-11-30",
    "microsoft.authorization": "2022-04-01",
    "microsoft.machinelearningservices": "2026-05-01",
    "microsoft.operationalinsights": "2026-03-01",
    "microsoft.resources": "2025-04-01",
}
LOCATION = "southeastasia"
ACCOUNT = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """Of an error."""
        return str(self.body["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


@dataclass(frozen=True)
class Cloud:
    azure: EmbeddedAzure

    def ask(self, method: str, path: str, body: Any = None, *, who: str = "owner", token: str | None = None) -> Answer:
        """`path` may hold a query; the api-version of its provider is added where it names none. An empty token sends none."""
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        query.setdefault("api-version", version_of(parts.path))
        if token is None:
            token = self.azure.identity.issue(self.azure.identity.principals[who], "https://management.azure.com")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return answer(self.azure(Request(method, "management.azure.com", parts.path, query, headers, content)))

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.ask("PUT", path, {} if body is None else body, **options)

    def get(self, path: str, **options: Any) -> Answer:
        return self.ask("GET", path, **options)

    def delete(self, path: str) -> Answer:
        """Waits until it is gone."""
        answered = self.ask("DELETE", path)
        if operation := answered.headers.get("azure-asyncoperation") or answered.headers.get("location"):
            deadline = time.monotonic() + 10
            while self.get(operation.removeprefix("https://management.azure.com")).status == 202:
                assert time.monotonic() < deadline, "the operation does not end"
                time.sleep(0.01)
            while self.get(path).status != 404:
                assert time.monotonic() < deadline, "it is not gone"
                time.sleep(0.01)
        return answered

    def blob(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """`path` begins with the account: `account/container/name?query`."""
        parts = urlsplit(path)
        account, _, rest = parts.path.partition("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        host = f"{account}.blob.core.windows.net"
        return self.azure(Request(method, host, f"/{rest}", query, headers, body))

    def object_id(self, who: str) -> str:
        return self.azure.identity.principals[who].object_id


def version_of(path: str) -> str:
    names = path.lower().split("/")
    last = len(names) - 1 - names[::-1].index("providers") if "providers" in names else -1
    return VERSIONS.get(names[last + 1] if last >= 0 else "resourcegroups", "2025-04-01")


def answer(response: Response) -> Answer:
    body = json.loads(response.body) if response.body else None
    return Answer(response.status, body, response.headers)
