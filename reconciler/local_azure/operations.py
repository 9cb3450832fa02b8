"""Long-running operations: what is under way, and the URL a client polls."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal, Response

POLL_MS = "50"
"""What `x-ms-retry-after-ms` says: azure-core reads it before its own interval of 30 s."""

_KIND = "operation"


class Operations:
    """Each runs in a thread of its own; what a stopped daemon left unfinished is answered as Failed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads: list[threading.Thread] = []
        for key, operation in store.documents(_KIND).items():
            if operation["status"] == "InProgress":
                error = {"code": "InternalServerError", "message": "The service was restarted."}
                store.put_document(_KIND, key, operation | {"status": "Failed", "error": error})

    def start(self, work: Callable[[], None], ended: Callable[[AzureRefusal | None], None]) -> str:
        """Runs `work`; `ended` is told how before the operation says so. Returns the operation's id."""
        key = str(uuid.uuid4())
        self._store.put_document(_KIND, key, {"status": "InProgress", "startTime": _now()})

        def run() -> None:
            refusal: AzureRefusal | None = None
            try:
                work()
            except AzureRefusal as error:
                refusal = error
            except Exception as error:
                refusal = AzureRefusal(500, "InternalServerError", f"{type(error).__name__}: {error}")
            ended(refusal)
            self._finish(key, refusal)

        thread = threading.Thread(target=run, name=f"operation-{key[:8]}", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()
        return key

    def _finish(self, key: str, refusal: AzureRefusal | None) -> None:
        operation: dict[str, object] = {"status": "Succeeded" if refusal is None else "Failed", "endTime": _now()}
        if refusal is not None:
            operation["error"] = {"code": refusal.code, "message": refusal.message}
        self._store.put_document(_KIND, key, operation)

    def status(self, key: str) -> Response:
        operation = self._store.document(_KIND, key)
        if operation is None:
            raise AzureRefusal(404, "OperationNotFound", f"The operation '{key}' was not found.")
        return Response.json(200, {"id": key, "name": key, **operation}, {"x-ms-retry-after-ms": POLL_MS})

    def result(self, key: str) -> Response:
        """For `Location` headers: 202 while it runs, then 200 or the error."""
        operation = self._store.document(_KIND, key)
        if operation is None:
            raise AzureRefusal(404, "OperationNotFound", f"The operation '{key}' was not found.")
        match operation["status"]:
            case "InProgress":
                return Response(202, b"", {"x-ms-retry-after-ms": POLL_MS})
            case "Succeeded":
                return Response.json(200, {})
        return Response.json(400, {"error": operation["error"]})

    def wait(self, seconds: float) -> None:
        """Lets what is under way end, for a clean stop."""
        for thread in self._threads:
            thread.join(seconds)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
