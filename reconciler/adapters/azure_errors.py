"""What azure-core raises, as one AzureError with a next step: told apart by type and error code, never by text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler.errors import AzureError

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError as SdkError
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

BUSY_CODES = frozenset(
    {"AnotherOperationInProgress", "OperationInProgress", "StorageAccountOperationInProgress", "RetryableError"}
)
"""Azure is doing something else with this resource: the same call succeeds later."""

REPLICATING_CODES = frozenset({"PrincipalNotFound", "AuthorizationPermissionMismatch"})
"""A new identity or role assignment has not reached every region yet: minutes, not seconds."""

_SIGN_IN = (
    "sign in with `az login --tenant TENANT`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret or federated token"
)

NEXT_STEPS = {
    "AuthorizationFailed": "grant the signed-in identity a role with that action at that scope",
    "LinkedAuthorizationFailed": "grant the signed-in identity that action on the linked resource too",
    "AuthorizationPermissionMismatch": "grant the signed-in identity Storage Blob Data Contributor on the account",
    "ExpiredAuthenticationToken": f"the token has expired: {_SIGN_IN}",
    "InvalidAuthenticationToken": f"the token was not accepted: {_SIGN_IN}",
    "InvalidAuthenticationTokenTenant": f"the token is of another tenant than the subscription: {_SIGN_IN}",
    "SubscriptionNotFound": "check subscription_id in the environment's file, and who is signed in",
    "MissingSubscriptionRegistration": "register the provider once: az provider register --namespace NAMESPACE",
    "RequestDisallowedByPolicy": "an Azure Policy forbids it: declare otherwise or ask for an exemption",
    "QuotaExceeded": "declare fewer or smaller instances, retire a deployment first, or ask for quota",
    "ScopeLocked": "a lock on the resource or its group forbids it: remove the lock, then apply again",
    "ResourceGroupBeingDeleted": "the resource group is being deleted: wait until it is gone, then apply again",
    "StorageAccountAlreadyTaken": "the name is taken in all of Azure: choose another name_suffix",
    "VaultAlreadyExists": "the name is taken, perhaps by a soft-deleted vault: az keyvault list-deleted",
}
_UNREACHABLE = "check the network, HTTPS_PROXY and REQUESTS_CA_BUNDLE, and (embedded Azure) `reconciler local status`"


@contextmanager
def azure_errors(doing: str, target: str) -> Iterator[None]:
    """Raises AzureError in place of whatever azure-core or azure-identity raised. `doing` reads 'read', 'write', ..."""
    from azure.core.exceptions import AzureError as SdkError

    try:
        yield
    except SdkError as error:
        raise translate(error, doing, target) from error


def translate(error: SdkError, doing: str, target: str) -> AzureError:
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )

    match error:
        case ServiceRequestError() | ServiceResponseError():
            return _told("Unreachable", f"could not {doing} {target}: {_first_line(error)}", _UNREACHABLE, target)
        case ClientAuthenticationError() if error.response is None:
            return _no_credential(error, doing, target)
        case HttpResponseError():
            return _refusal(error, doing, target)
    return AzureError(f"could not {doing} {target}: {_first_line(error)}", code=type(error).__name__, target=target)


def _told(code: str, what: str, next_step: str, target: str) -> AzureError:
    return AzureError(f"{what}\n    Next: {next_step}", code=code, retryable=code == "Unreachable", target=target)


def _no_credential(error: ClientAuthenticationError, doing: str, target: str) -> AzureError:
    """azure-identity found no credential, or the login service refused the one it found; the chain keeps no status."""
    attempts = [line.strip() for line in error.message.splitlines() if ":" in line and not line.endswith(":")]
    what = f"could not {doing} {target}: no credential could be used to sign in to Azure"
    # The chain tries what the environment variables configure first: that attempt is the one somebody meant.
    what += f"\n    {attempts[0][:400]}" if attempts else ""
    step = f"{_SIGN_IN}; check too that login.microsoftonline.com can be reached"
    return _told("CredentialUnavailable", what, step, target)


def _refusal(error: HttpResponseError, doing: str, target: str) -> AzureError:
    """A failed long-running operation arrives here with status 200: only the code tells."""
    status = error.status_code or 0
    code, message = _code_and_message(error)
    request_id = str(getattr(error.response, "headers", {}).get("x-ms-request-id", ""))
    head = (
        f"Azure refused to {doing} {target}: {code}: {message}"
        if code
        else f"Azure could not {doing} {target}: {message}"
    )
    lines = [head + (f"  (request id {request_id})" if request_id else "")]
    if code in NEXT_STEPS:
        lines.append(f"    Next: {NEXT_STEPS[code]}")
    retryable = code in BUSY_CODES | REPLICATING_CODES or status in {408, 429} or status >= 500
    return AzureError(
        "\n".join(lines),
        code=code or f"Http{status}",
        status=status,
        retryable=retryable,
        request_id=request_id,
        target=target,
    )


def _code_and_message(error: HttpResponseError) -> tuple[str, str]:
    """Storage puts the code in `error_code`, ARM in an OData error whose innermost details say most."""
    odata = error.error
    if odata is None:
        return str(getattr(error, "error_code", "") or ""), _first_line(error)
    details = "; ".join(f"{item.code}: {item.message}" for item in odata.details or [] if item.message != odata.message)
    return str(odata.code or ""), f"{odata.message}" + (f" ({details})" if details else "")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
