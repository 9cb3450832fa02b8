"""The address that callers score at: who may, which deployment answers, how long it may take.

https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints (2026-07), HTTP status codes.
"""

from __future__ import annotations

import hmac
import http.client
import threading
import time
import uuid
from dataclasses import replace
from random import SystemRandom

from reconciler.core.resource import ResourceId
from reconciler.local_azure import permissions
from reconciler.local_azure.identity import Identity
from reconciler.local_azure.ml.durations import seconds
from reconciler.local_azure.ml.endpoints import KEYS, TOKEN
from reconciler.local_azure.ml.kinds import ENDPOINT
from reconciler.local_azure.ml.serving import Serving
from reconciler.local_azure.providers.bodies import at
from reconciler.local_azure.store import Body, Store
from reconciler.local_azure.wire import AzureRefusal, Request, Response

PINNED = "azureml-model-deployment"
_SCORE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"
_NOT_FORWARDED = (
    "host",
    "authorization",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    PINNED,
)
_NOT_RETURNED = ("connection", "transfer-encoding", "content-length", "server", "date", "keep-alive")
_START_WAIT_S = 20.0


class Gateway:
    """Serves every request to *.inference.ml.azure.com."""

    def __init__(self, store: Store, identity: Identity, serving: Serving) -> None:
        self._store, self._identity, self._serving = store, identity, serving
        self._random = SystemRandom()

    def serve(self, request: Request) -> Response:
        endpoint = self._endpoint(request.host)
        self._authorise(request, endpoint)
        ids = {"x-ms-request-id": str(uuid.uuid4())}
        ids["x-ms-client-request-id"] = request.headers.get("x-ms-client-request-id") or ids["x-ms-request-id"]
        told = replace(request, headers={**request.headers, **ids})
        name = self._chosen(request, endpoint)
        self._mirror(told, endpoint)
        response = self._forward(told, endpoint, name)
        return replace(response, headers={**response.headers, **ids, PINNED: name})

    def _endpoint(self, host: str) -> Body:
        name, _, rest = host.partition(".")
        place = rest.partition(".")[0]
        for body in self._store.of_type(ENDPOINT):
            if body["name"].lower() == name and body["location"] == place:
                return body
        raise AzureRefusal(404, "NotFound", f"There is no endpoint '{name}' in {place}.")

    def _authorise(self, request: Request, endpoint: Body) -> None:
        """Raises AzureRefusal(401) without a valid key or token, 403 when the token's owner may not score."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        key = ResourceId(endpoint["id"]).key
        match str(at(endpoint, "properties.authMode")).lower():
            case "aadtoken":
                caller = self._identity.caller(request.headers)
                permissions.check(self._store, caller, _SCORE, endpoint["id"])
                return
            case "amltoken":
                kept = self._store.document(TOKEN, key) or {}
                accepted = [kept["token"]] if kept.get("until", 0) > time.time() else []
            case _:
                accepted = list((self._store.document(KEYS, key) or {}).values())
        if scheme.lower() != "bearer" or not any(hmac.compare_digest(given, one) for one in accepted):
            message = "Please provide a valid key or token: the Authorization header is missing or its value is wrong."
            raise AzureRefusal(401, "Unauthorized", message, www_authenticate="Bearer")

    def _chosen(self, request: Request, endpoint: Body) -> str:
        """The pinned deployment; else one drawn by the endpoint's traffic. Its name as it was created."""
        deployments = {name.lower(): name for name in self._names(endpoint)}
        pinned = request.headers.get(PINNED, "").lower()
        if pinned:
            if pinned not in deployments:
                raise AzureRefusal(404, "NotFound", f"The deployment '{pinned}' does not exist in the endpoint.")
            return deployments[pinned]
        shares = {name: share for name, share in (at(endpoint, "properties.traffic") or {}).items() if share}
        if not shares:
            raise AzureRefusal(404, "NotFound", "The endpoint has no deployment with positive traffic.")
        drawn: str = self._random.choices(list(shares), weights=list(shares.values()))[0]
        return deployments.get(drawn.lower(), drawn)

    def _names(self, endpoint: Body) -> list[str]:
        return [one["name"] for one in self._store.children(ResourceId(endpoint["id"]), f"{ENDPOINT}/deployments")]

    def _mirror(self, request: Request, endpoint: Body) -> None:
        """A copy of some requests goes to a deployment whose answers nobody sees."""
        for name, percent in (at(endpoint, "properties.mirrorTraffic") or {}).items():
            if self._random.random() * 100 < percent:
                threading.Thread(target=self._forward_unseen, args=(request, endpoint, name), daemon=True).start()

    def _forward_unseen(self, request: Request, endpoint: Body, name: str) -> None:
        try:
            self._forward(request, endpoint, name)
        except AzureRefusal:
            return  # a mirrored request has no caller to tell

    def _forward(self, request: Request, endpoint: Body, name: str) -> Response:
        deployment = ResourceId(f"{endpoint['id']}/deployments/{name}")
        timeout = seconds(str(at(self._store.get(deployment), "properties.requestSettings.requestTimeout") or "PT5S"))
        port = self._port(deployment)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            headers = {key: value for key, value in request.headers.items() if key not in _NOT_FORWARDED}
            connection.request(request.method, _target(request), request.body or None, headers)
            answer = connection.getresponse()
            return _answered(answer.status, answer.reason, answer.read(), dict(answer.getheaders()))
        except TimeoutError as error:
            message = f"The model took longer than the {timeout:g} s of the deployment's request timeout."
            raise AzureRefusal(408, "RequestTimeout", message) from error
        except (OSError, http.client.HTTPException) as error:
            raise AzureRefusal(503, "ServiceUnavailable", f"The deployment '{name}' hung up: {error}") from error
        finally:
            connection.close()

    def _port(self, deployment: ResourceId) -> int:
        """A container that ended is started again; callers wait a while for it."""
        port = self._serving.port(deployment)
        if port is None:
            threading.Thread(target=self._serving.restart, args=(deployment,), daemon=True).start()
        deadline = time.monotonic() + _START_WAIT_S
        while port is None and time.monotonic() < deadline:
            time.sleep(0.1)
            port = self._serving.port(deployment)
        if port is None:
            raise AzureRefusal(
                503, "ServiceUnavailable", f"The deployment '{deployment.name}' has no healthy instance."
            )
        return port


def _target(request: Request) -> str:
    from urllib.parse import quote, urlencode

    query = urlencode(request.query)
    return quote(request.path) + (f"?{query}" if query else "")


def _answered(status: int, reason: str, body: bytes, headers: dict[str, str]) -> Response:
    """What is no success of the model's is a 424 to the caller, with the model's own status beside it."""
    kept = {name.lower(): value for name, value in headers.items() if name.lower() not in _NOT_RETURNED}
    if 200 <= status < 300:
        return Response(status, body, kept)
    told = {"ms-azureml-model-error-statuscode": str(status), "ms-azureml-model-error-reason": reason or "model_error"}
    return Response(424, body, {**kept, **told})
