"""What azure-core raises becomes one error with a code, a request id and a next step."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from azure.core.exceptions import (
    AzureError as SdkError,
)
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.rest import HttpRequest
from azure.core.rest._requests_basic import RestRequestsTransportResponse
from azure.identity import CredentialUnavailableError
from requests import Response
from requests.structures import CaseInsensitiveDict

from reconciler.adapters.azure_errors import azure_errors
from reconciler.errors import AzureError


def refusal(status: int, code: str, message: str = "as Azure words it") -> HttpResponseError:
    raw = Response()
    raw.status_code, raw.reason = status, "refused"
    raw.raw = BytesIO(json.dumps({"error": {"code": code, "message": message}}).encode())
    raw.headers = CaseInsensitiveDict({"content-type": "application/json", "x-ms-request-id": "5c2f"})
    request = HttpRequest("PUT", "https://management.azure.com/x")
    response = RestRequestsTransportResponse(request=request, internal_response=raw, block_size=4096)
    response.read()
    return HttpResponseError(response=response)


def raised(error: SdkError) -> AzureError:
    with pytest.raises(AzureError) as caught, azure_errors("write", "storage st1"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "code", "retryable", "says"),
    [
        pytest.param(
            refusal(403, "AuthorizationFailed", "no authorization to perform action 'Microsoft.Storage/x/write'"),
            "AuthorizationFailed",
            False,
            ["Microsoft.Storage/x/write", "grant the signed-in identity a role", "5c2f"],
            id="a missing permission names the action, the request and who can help",
        ),
        pytest.param(
            refusal(200, "QuotaExceeded"),
            "QuotaExceeded",
            False,
            ["ask for quota"],
            id="a failed long-running operation has status 200 and is known by its code",
        ),
        pytest.param(
            refusal(409, "AnotherOperationInProgress"),
            "AnotherOperationInProgress",
            True,
            ["AnotherOperationInProgress"],
            id="a busy resource can be asked again",
        ),
        pytest.param(refusal(503, "ServerBusy"), "ServerBusy", True, [], id="a busy service can be asked again"),
        pytest.param(refusal(400, "BadRequest"), "BadRequest", False, [], id="a bad request stays bad"),
        pytest.param(
            refusal(401, "InvalidAuthenticationTokenTenant"),
            "InvalidAuthenticationTokenTenant",
            False,
            ["another tenant", "az login --tenant"],
            id="a token of the wrong tenant says how to sign in",
        ),
        pytest.param(
            refusal(401, "ExpiredAuthenticationToken"),
            "ExpiredAuthenticationToken",
            False,
            ["has expired"],
            id="an expired token says so",
        ),
        pytest.param(
            ClientAuthenticationError("EnvironmentCredential: no"),
            "CredentialUnavailable",
            False,
            ["no credential could be used", "az login"],
            id="a chain without credentials says how to sign in",
        ),
        pytest.param(
            CredentialUnavailableError("no"),
            "CredentialUnavailable",
            False,
            ["az login"],
            id="a single credential that is missing reads the same",
        ),
        pytest.param(
            ServiceRequestError("connection refused"),
            "Unreachable",
            True,
            ["connection refused", "HTTPS_PROXY"],
            id="a host that cannot be reached points at the network",
        ),
        pytest.param(ServiceResponseError("cut off"), "Unreachable", True, [], id="a connection cut off is the same"),
    ],
)
def test_translation(error: SdkError, code: str, retryable: bool, says: list[str]) -> None:
    found = raised(error)
    assert (found.code, found.retryable, found.target) == (code, retryable, "storage st1")
    assert found.__cause__ is error
    for text in ["storage st1", *says]:
        assert text in str(found)


def test_the_request_id_is_kept_for_a_support_ticket() -> None:
    assert raised(refusal(400, "BadRequest")).request_id == "5c2f"
