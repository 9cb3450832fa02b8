"""Requests, responses and refusals, free of sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    """Who a bearer token says is asking."""

    object_id: str
    client_id: str
    tenant_id: str


@dataclass(frozen=True)
class Request:
    """One HTTP request. `host` and header names are lower case; `path` is percent-decoded, without the query."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    caller: Caller | None = None

    def json(self) -> Any:
        """The body as JSON; {} when empty. Raises AzureRefusal(400) when it is not JSON."""
        if not self.body:
            return {}
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise AzureRefusal(400, "InvalidRequestContent", f"The request content was invalid: {error}") from error


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
        return cls(status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})})


class AzureRefusal(Exception):
    """An error that Azure itself would give. Rendered as {"error": {"code", "message", "details"}}."""

    def __init__(
        self, status: int, code: str, message: str, details: list[dict[str, Any]] | None = None, **headers: str
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details = details or []
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        """Microsoft Entra ID's errors have a shape of their own: a detail that spells it out is the whole body."""
        if self.details and "error_description" in self.details[0]:
            return Response.json(self.status, self.details[0], self.headers)
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = self.details
        return Response.json(self.status, {"error": error}, self.headers)
