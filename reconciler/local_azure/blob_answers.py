"""How blob storage answers and refuses: in XML, with headers of its own."""

from __future__ import annotations

from xml.sax.saxutils import escape

from reconciler.local_azure.wire import AzureRefusal, Response

VERSION = "2026-02-06"


class BlobRefusal(AzureRefusal):
    """Storage errors are XML."""

    def response(self) -> Response:
        body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message></Error>'
        return Response(self.status, body.encode(), {"content-type": "application/xml", "x-ms-error-code": self.code})


def mismatch() -> BlobRefusal:
    message = "This request is not authorized to perform this operation using this permission."
    return BlobRefusal(403, "AuthorizationPermissionMismatch", message)


def listing(place: str, items: str) -> Response:
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults {place}>{items}<NextMarker/></EnumerationResults>'
    )
    return Response(200, body.encode(), {"content-type": "application/xml", "x-ms-version": VERSION})
