"""The whole embedded Azure as one function from request to response, and how it is put together."""

from __future__ import annotations

import threading
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from reconciler.core.resource import ResourceId
from reconciler.local_azure import cloud_metadata, groups, identity, ml, providers
from reconciler.local_azure.arm import HOST, Arm
from reconciler.local_azure.blobs import Blobs
from reconciler.local_azure.clients import client_environment
from reconciler.local_azure.faults import Faults
from reconciler.local_azure.identity import Identity
from reconciler.local_azure.operations import Operations
from reconciler.local_azure.recording import Recorder
from reconciler.local_azure.roles import ROLES
from reconciler.local_azure.services import Services
from reconciler.local_azure.store import Store
from reconciler.local_azure.throttle import Throttle
from reconciler.local_azure.wire import AzureRefusal, Request, Response

Route = Callable[[Request], Response]


@dataclass(frozen=True)
class Settings:
    """What a daemon is started with."""

    state_dir: Path
    subscriptions: tuple[str, ...]
    record: Path | None = None
    faults: Path | None = None
    limits_scale: float = 1.0


class EmbeddedAzure:
    """Answers requests; sockets and TLS are the server's. `close` ends every child process."""

    def __init__(self, settings: Settings, proxy_port: Callable[[], int]) -> None:
        folder = settings.state_dir
        folder.mkdir(parents=True, exist_ok=True)
        self.identity = Identity(folder)
        store = Store(folder / "azure.sqlite")
        environment = lambda: client_environment(folder, self.identity, proxy_port())  # noqa: E731
        self.services = Services(store, folder, Blobs(folder / "blobs", store, self.identity), environment, proxy_port)
        _seed_roles(store, self.identity, settings.subscriptions)
        behaviours = {**providers.behaviours(self.services), **ml.behaviours(self.services)}
        self.arm = Arm(
            self.services,
            {name.lower(): behaviour for name, behaviour in behaviours.items()},
            frozenset(one.lower() for one in settings.subscriptions),
            Operations(store),
            Throttle(settings.limits_scale),
        )
        self._faults = Faults.read(settings.faults)
        self._recorder = Recorder(settings.record) if settings.record else None
        self._routes: dict[str, Route] = {
            HOST: self._manage,
            identity.HOST: self.identity.serve,
            "*.blob.core.windows.net": self.services.blobs.serve,
            **ml.hosts(self.services),
        }
        self._stopping = threading.Event()

    def __call__(self, request: Request) -> Response:
        response = self._faults.around(request, self._answer)
        if self._recorder and request.host == HOST:
            self._recorder.write(request, response)
        return response

    def resume(self) -> None:
        """Starts again what ran when the daemon was last stopped."""
        ml.resume(self.services)

    def close(self) -> None:
        ml.shut_down(self.services)
        self.arm.operations.wait(2)
        self.services.store.close()

    def _answer(self, request: Request) -> Response:
        route = next((route for pattern, route in self._routes.items() if fnmatchcase(request.host, pattern)), None)
        request_id = str(uuid.uuid4())
        try:
            response = (route or _unserved)(request)
        except AzureRefusal as refusal:
            response = refusal.response()
        except Exception as error:
            traceback.print_exc()
            response = AzureRefusal(500, "InternalServerError", f"{type(error).__name__}: {error}").response()
        ids = {
            "x-ms-request-id": request_id,
            "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", request_id),
        }
        return replace(response, headers={**ids, **response.headers})

    def _manage(self, request: Request) -> Response:
        if request.path.rstrip("/").lower() == cloud_metadata.PATH:
            return cloud_metadata.serve()
        asked = replace(request, caller=self.identity.caller(request.headers))
        return groups.serve(self.arm, asked)


def _unserved(request: Request) -> Response:
    raise AzureRefusal(404, "NotFound", f"{request.host} is not served")


def _seed_roles(store: Store, who: Identity, subscriptions: tuple[str, ...]) -> None:
    """Owner, and the right to blobs that an owner would give itself, at each subscription; Reader for the second principal."""
    by_name = {role.name: guid for guid, role in ROLES.items()}
    for subscription in subscriptions:
        for principal, role in (("owner", "Owner"), ("owner", "Storage Blob Data Owner"), ("reader", "Reader")):
            _assign(store, f"/subscriptions/{subscription}", who.principals[principal].object_id, by_name[role])


def _assign(store: Store, scope: str, object_id: str, role: str) -> None:
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}|{object_id}|{role}"))
    resource = ResourceId(f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}")
    if store.get(resource) is None:
        properties = {
            "roleDefinitionId": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "principalId": object_id,
            "principalType": "ServicePrincipal",
            "scope": scope,
        }
        store.put(resource, {"id": str(resource), "name": name, "type": resource.type, "properties": properties})
