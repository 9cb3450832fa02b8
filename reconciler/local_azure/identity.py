"""Microsoft Entra ID as far as clients ask it: discovery, tokens for a secret or a federated assertion, and who a token is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from reconciler.local_azure.wire import AzureRefusal, Caller, Request, Response

HOST = "login.microsoftonline.com"
TOKEN_LIFETIME_S = 3599


@dataclass(frozen=True)
class Principal:
    """A service principal that was seeded: its secret lies in the state folder, readable by its owner only."""

    name: str
    client_id: str
    object_id: str
    secret: str


class Identity:
    """One tenant. `folder` holds the signing key and the principals."""

    def __init__(self, folder: Path) -> None:
        path = folder / "identity.json"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(json.dumps(_seed()))
        kept = json.loads(path.read_text())
        self.tenant_id: str = kept["tenant_id"]
        self._key = bytes.fromhex(kept["key"])
        self.principals = {name: Principal(name=name, **one) for name, one in kept["principals"].items()}

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who a request's bearer token says it is. Raises AzureRefusal(401) as ARM does."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            message = "Authentication failed. The 'Authorization' header is missing."
            raise AzureRefusal(
                401,
                "AuthenticationFailed",
                message,
                www_authenticate='Bearer authorization_uri="https://login.microsoftonline.com"',
            )
        claims = self._claims(token)
        if claims is None:
            raise AzureRefusal(401, "InvalidAuthenticationToken", "The access token is invalid.")
        if claims["exp"] < time.time():
            raise AzureRefusal(401, "ExpiredAuthenticationToken", "The access token expiry time is in the past.")
        if claims["tid"] != self.tenant_id:
            message = f"The access token is from the wrong issuer. It must match the tenant '{self.tenant_id}' of the subscription."
            raise AzureRefusal(401, "InvalidAuthenticationTokenTenant", message)
        return Caller(claims["oid"], claims["appid"], claims["tid"])

    def serve(self, request: Request) -> Response:
        """Requests to login.microsoftonline.com."""
        segments = [part for part in request.path.split("/") if part]
        if segments[:2] == ["common", "discovery"]:
            return Response.json(200, self._instances(request))
        if segments[-1:] == ["openid-configuration"]:
            self._check_tenant(segments[0])
            return Response.json(200, _configuration(segments[0]))
        if segments[-2:] == ["v2.0", "token"]:
            return self._token(segments[0], {key: values[0] for key, values in parse_qs(request.body.decode()).items()})
        raise AzureRefusal(404, "NotFound", f"{request.path} is not served")

    def issue(self, principal: Principal, audience: str) -> str:
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + TOKEN_LIFETIME_S,
            "appid": principal.client_id,
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self.tenant_id,
            "ver": "1.0",
        }
        head = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return f"{head}.{self._signature(head)}"

    def _claims(self, token: str) -> dict[str, Any] | None:
        head, _, signature = token.rpartition(".")
        if not head or not hmac.compare_digest(signature, self._signature(head)):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head.partition(".")[2] + "=="))
        return claims

    def _signature(self, head: str) -> str:
        digest = hmac.new(self._key, head.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _token(self, tenant: str, form: Mapping[str, str]) -> Response:
        self._check_tenant(tenant)
        principal = next((p for p in self.principals.values() if p.client_id == form.get("client_id")), None)
        if principal is None:
            raise _oauth(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{form.get('client_id')}' was not found",
            )
        if "client_secret" in form:
            if not hmac.compare_digest(form["client_secret"], principal.secret):
                raise _oauth(401, "invalid_client", 7000215, "Invalid client secret provided.")
        elif "client_assertion" in form:
            _check_assertion(form["client_assertion"])
        else:
            raise _oauth(
                401, "invalid_client", 7000218, "The request body must contain: 'client_assertion' or 'client_secret'."
            )
        audience = form.get("scope", "").removesuffix("/.default")
        token = {"token_type": "Bearer", "expires_in": TOKEN_LIFETIME_S, "ext_expires_in": TOKEN_LIFETIME_S}
        return Response.json(200, token | {"access_token": self.issue(principal, audience)})

    def _check_tenant(self, tenant: str) -> None:
        if tenant.lower() not in (self.tenant_id, "common", "organizations"):
            raise _oauth(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")

    def _instances(self, request: Request) -> dict[str, Any]:
        tenant = request.query.get("authorization_endpoint", "").split("/")[3:4] or [self.tenant_id]
        return {
            "tenant_discovery_endpoint": f"https://{HOST}/{tenant[0]}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": HOST,
                    "preferred_cache": "login.windows.net",
                    "aliases": [HOST, "login.windows.net"],
                }
            ],
        }


def _seed() -> dict[str, Any]:
    principals = {
        name: {"client_id": str(uuid.uuid4()), "object_id": str(uuid.uuid4()), "secret": secrets.token_urlsafe(30)}
        for name in ("owner", "reader")
    }
    return {"tenant_id": str(uuid.uuid4()), "key": secrets.token_hex(32), "principals": principals}


def _encode(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _configuration(tenant: str) -> dict[str, Any]:
    base = f"https://{HOST}/{tenant}"
    return {
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
    }


def _check_assertion(assertion: str) -> None:
    """A federated token's signature belongs to an issuer that this tenant cannot ask; its age it can read."""
    try:
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError) as error:
        raise _oauth(401, "invalid_client", 50027, "JWT token is invalid or malformed.") from error
    if claims.get("exp", 0) < time.time():
        raise _oauth(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")


def _oauth(status: int, error: str, number: int, text: str) -> AzureRefusal:
    """Entra's errors have a shape of their own; `wire` renders details that hold it as they are."""
    body = {"error": error, "error_description": f"AADSTS{number}: {text}", "error_codes": [number]}
    return AzureRefusal(status, error, text, [body])
