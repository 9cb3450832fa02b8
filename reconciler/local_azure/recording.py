"""Exchanges as JSON lines, secrets masked, for whoever wants to check them against Azure's definitions."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from reconciler.local_azure.wire import Request, Response

_SECRET = (
    "primarykey",
    "secondarykey",
    "accesstoken",
    "client_secret",
    "password",
    "sastoken",
    "sasuri",
    "key",
    "token",
)
MASK = "***"


class Recorder:
    """Appends one line an exchange: {"method", "url", "request", "status", "response"}."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, request: Request, response: Response) -> None:
        query = f"?{urlencode(request.query)}" if request.query else ""
        line = {
            "method": request.method,
            "url": f"https://{request.host}{request.path}{query}",
            "request": _masked(_parsed(request.body)),
            "status": response.status,
            "response": _masked(_parsed(response.body)),
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _masked(value: Any, name: str = "") -> Any:
    match value:
        case {"keyName": str(), "value": str()}:
            return {**value, "value": MASK}  # a storage account's keys are a list of names and values
        case dict():
            return {key: _masked(item, key) for key, item in value.items()}
        case list():
            return [_masked(item, name) for item in value]
        case str() if name.lower() in _SECRET:
            return MASK
    return value
