"""Asks one deployment of an online endpoint, over HTTPS as any caller would."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.adapters.arm import Arm
from reconciler.adapters.azure_errors import azure_errors
from reconciler.core.resource import ResourceId
from reconciler.errors import AzureError

if TYPE_CHECKING:
    import httpx

API_VERSION = "2026-05-01"
AAD_SCOPE = "https://ml.azure.com/.default"
TIMEOUT_S = 60


@dataclass(frozen=True)
class Endpoint:
    """A scoring address with a client that is let in. Made by `open_endpoint`."""

    client: httpx.Client
    address: str
    name: str

    def ask(self, request: Mapping[str, Any], deployment: str = "") -> Any:
        """The answer's JSON. `deployment` overrides the traffic split. Raises AzureError when it is not 200."""
        return self._post(request, deployment).json()

    def answered_by(self, request: Mapping[str, Any]) -> str:
        """The deployment that answers one request, chosen by the traffic split."""
        return str(self._post(request, "").headers.get("azureml-model-deployment", ""))

    def _post(self, request: Mapping[str, Any], deployment: str) -> httpx.Response:
        import httpx

        headers = {"azureml-model-deployment": deployment} if deployment else {}
        target = f"{self.name}/{deployment}" if deployment else self.name
        try:
            answer = self.client.post(self.address, json=request, headers=headers)
        except httpx.HTTPError as error:
            message = f"could not ask {target}: {error}"
            raise AzureError(message, code="Unreachable", retryable=True, target=target) from error
        if answer.status_code != 200:
            request_id = answer.headers.get("x-ms-request-id", "")
            raise AzureError(
                f"{target} answered {answer.status_code}: {answer.text[:500]}",
                code="ScoringFailed",
                status=answer.status_code,
                retryable=answer.status_code in {429, 502, 503, 504},
                request_id=request_id,
                target=target,
            )
        return answer


@contextmanager
def open_endpoint(arm: Arm, endpoint: ResourceId) -> Iterator[Endpoint]:
    """Looks up the address and how to get in: the endpoint's key, its own token, or the caller's Azure AD token."""
    import httpx

    body = arm.get(endpoint, API_VERSION)
    if body is None or not body["properties"].get("scoringUri"):
        raise AzureError(f"{endpoint.name} has no scoring address", code="NotFound", status=404, target=str(endpoint))
    token = _token(arm, endpoint, str(body["properties"]["authMode"]))
    with httpx.Client(verify=_tls(), timeout=TIMEOUT_S, headers={"authorization": f"Bearer {token}"}) as client:
        yield Endpoint(client, body["properties"]["scoringUri"], endpoint.name)


def _token(arm: Arm, endpoint: ResourceId, mode: str) -> str:
    match mode.lower():
        case "key":
            return str(arm.post(endpoint, "listKeys", API_VERSION)["primaryKey"])
        case "amltoken":
            return str(arm.post(endpoint, "token", API_VERSION)["accessToken"])
        case _:
            with azure_errors("sign in to", endpoint.name):
                return arm.credential.get_token(AAD_SCOPE).token


def _tls() -> ssl.SSLContext:
    """httpx reads HTTPS_PROXY but not the CA variables that the SDKs honour."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    return ssl.create_default_context(cafile=bundle or None)
