"""The data plane of blob storage: plain files on disk, served at https://{account}.blob.core.windows.net."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from reconciler.core.resource import ResourceId
from reconciler.local_azure import permissions
from reconciler.local_azure.blob_answers import VERSION, BlobRefusal, listing, mismatch
from reconciler.local_azure.identity import Identity
from reconciler.local_azure.store import Body, Store
from reconciler.local_azure.wire import AzureRefusal, Caller, Request, Response

CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
ACCOUNTS = "Microsoft.Storage/storageAccounts"
_NEVER_A_NAME = "\x1f"


class Blobs:
    """A blob is a file below `folder/account/container`; its properties lie in a folder beside, under a digest of its name."""

    def __init__(self, folder: Path, store: Store, identity: Identity) -> None:
        self._folder, self._store, self._identity = folder, store, identity
        self._sas_key = hashlib.sha256(f"sas {identity.tenant_id}".encode()).digest()
        self._blocks: dict[tuple[str, str, str, str], bytes] = {}
        self._lock = threading.Lock()

    def path(self, account: str, container: str, name: str) -> Path:
        """Where a blob's bytes lie. Raises BlobRefusal for a name that would leave the container."""
        base = self._folder / account / container / "data"
        path = (base / name).resolve() if name else base
        if not path.is_relative_to(base.resolve()):
            raise BlobRefusal(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
        return path

    def read(self, account: str, container: str, name: str) -> bytes | None:
        path = self.path(account, container, name)
        return path.read_bytes() if path.is_file() else None

    def write(
        self, account: str, container: str, name: str, content: bytes, properties: Mapping[str, str] | None = None
    ) -> str:
        """Returns the new etag."""
        path = self.path(account, container, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        staged.write_bytes(content)
        staged.replace(path)
        etag = f'"0x{secrets.token_hex(8).upper()}"'
        self._write_properties(account, container, name, {"etag": etag, **(properties or {})})
        return etag

    def names(self, account: str, container: str, prefix: str = "") -> list[str]:
        base = self.path(account, container, "")
        found = (path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())
        return sorted(name for name in found if name.startswith(prefix) and not Path(name).name.startswith("."))

    def delete(self, account: str, container: str, name: str) -> None:
        self.path(account, container, name).unlink(missing_ok=True)
        self._properties_path(account, container, name).unlink(missing_ok=True)

    def sas(self, account: str, container: str, lifetime_s: int = 3600) -> str:
        """A shared access signature of ours, as the query of a URL."""
        expires = str(int(time.time()) + lifetime_s)
        return (
            f"sv={VERSION}&sr=c&sp=rwl&se={expires}&sig={quote(self._signature(account, container, expires), safe='')}"
        )

    def _signature(self, account: str, container: str, expires: str) -> str:
        digest = hmac.new(self._sas_key, f"{account}/{container}/{expires}".encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def _properties_path(self, account: str, container: str, name: str) -> Path:
        return self._folder / account / container / "properties" / hashlib.sha256(name.encode()).hexdigest()

    def _write_properties(self, account: str, container: str, name: str, properties: Mapping[str, str]) -> None:
        path = self._properties_path(account, container, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dict(properties)))

    def _properties(self, account: str, container: str, name: str) -> dict[str, str]:
        path = self._properties_path(account, container, name)
        found: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {"etag": '"0x0"'}
        return found

    # The wire.

    def serve(self, request: Request) -> Response:
        """Every request to *.blob.core.windows.net."""
        account = request.host.partition(".")[0]
        container, _, name = request.path.lstrip("/").partition("/")
        stored = self._account(account)
        if not container:
            self._authorise_listing(request, stored)
            return self._list_containers(account, stored)
        folder = self._container(stored, container)
        self._authorise(request, stored, account, container)
        if folder is None:
            raise BlobRefusal(404, "ContainerNotFound", "The specified container does not exist.")
        if not name:
            return self._serve_container(request, account, container)
        match request.method, request.query.get("comp", ""):
            case "PUT", "":
                return self._put(request, account, container, name, request.body)
            case "PUT", "block":
                self._blocks[account, container, name, request.query["blockid"]] = request.body
                return Response(201)
            case "PUT", "blocklist":
                return self._put_blocks(request, account, container, name)
            case "PUT", "metadata":
                return self._put_metadata(request, account, container, name)
            case (("GET" | "HEAD"), ("" | "metadata")):
                return self._get(request, account, container, name)
            case "DELETE", "":
                self._existing(account, container, name)
                self.delete(account, container, name)
                return Response(202)
        raise BlobRefusal(
            400, "InvalidQueryParameterValue", f"{request.method} with these query parameters is not served."
        )

    def _account(self, account: str) -> Body:
        found = next((one for one in self._store.of_type(ACCOUNTS) if one["name"].lower() == account), None)
        if found is None:
            raise BlobRefusal(404, "ResourceNotFound", f"The storage account {account} does not exist.")
        return found

    def _container(self, account: Body, name: str) -> Body | None:
        return self._store.get(ResourceId(f"{account['id']}/blobServices/default/containers/{name}"))

    def _authorise(self, request: Request, stored: Body, account: str, container: str) -> None:
        if "sig" in request.query:
            expected = self._signature(account, container, request.query.get("se", ""))
            fresh = request.query.get("se", "0").isdigit() and int(request.query["se"]) > time.time()
            if not hmac.compare_digest(expected, request.query["sig"]) or not fresh:
                raise BlobRefusal(403, "AuthenticationFailed", "Server failed to authenticate the request.")
            return
        if request.headers.get("authorization", "").lower().startswith("sharedkey"):
            self._refuse_shared_key(stored)
        caller = self._caller(request)
        reads = request.method in ("GET", "HEAD")
        action = f"{CONTAINERS}/blobs/{'read' if reads else 'delete' if request.method == 'DELETE' else 'write'}"
        scope = f"{stored['id']}/blobServices/default/containers/{container}"
        if not permissions.is_allowed(self._store, caller.object_id, action, scope, data=True):
            raise mismatch()

    def _authorise_listing(self, request: Request, stored: Body) -> None:
        """Containers are listed with a right of the control plane; a signature of one container gives none."""
        caller = self._caller(request)
        if not permissions.is_allowed(self._store, caller.object_id, f"{CONTAINERS}/read", stored["id"]):
            raise mismatch()

    def _caller(self, request: Request) -> Caller:
        try:
            return self._identity.caller(request.headers)
        except AzureRefusal as refusal:
            raise BlobRefusal(401, "InvalidAuthenticationInfo", refusal.message) from refusal

    def _refuse_shared_key(self, stored: Body) -> None:
        if stored["properties"].get("allowSharedKeyAccess") is False:
            message = "Key based authentication is not permitted on this storage account."
            raise BlobRefusal(403, "KeyBasedAuthenticationNotPermitted", message)
        raise BlobRefusal(
            403,
            "AuthenticationFailed",
            "The embedded Azure signs no requests with account keys: use a token or a signature.",
        )

    def _put(self, request: Request, account: str, container: str, name: str, content: bytes) -> Response:
        with self._lock:
            exists = self.path(account, container, name).is_file()
            if exists and request.headers.get("if-none-match") == "*":
                raise BlobRefusal(409, "BlobAlreadyExists", "The specified blob already exists.")
            etag = self.write(account, container, name, content, _metadata(request))
        return Response(201, b"", {"etag": etag, "last-modified": _now(), "x-ms-request-server-encrypted": "true"})

    def _put_blocks(self, request: Request, account: str, container: str, name: str) -> Response:
        ids = [
            part.partition("<")[0] for part in request.body.decode().split(">")[1:] if part.partition("<")[0].strip()
        ]
        try:
            content = b"".join(self._blocks[account, container, name, one] for one in ids)
        except KeyError as error:
            raise BlobRefusal(400, "InvalidBlockList", "The specified block list is invalid.") from error
        response = self._put(request, account, container, name, content)
        for one in ids:
            self._blocks.pop((account, container, name, one), None)
        return response

    def _put_metadata(self, request: Request, account: str, container: str, name: str) -> Response:
        self._existing(account, container, name)
        kept = {
            key: value
            for key, value in self._properties(account, container, name).items()
            if not key.startswith("x-ms-meta-")
        }
        self._write_properties(account, container, name, {**kept, **_metadata(request)})
        return Response(200, b"", {"etag": kept["etag"], "last-modified": _now()})

    def _existing(self, account: str, container: str, name: str) -> Path:
        path = self.path(account, container, name)
        if not path.is_file():
            raise BlobRefusal(404, "BlobNotFound", "The specified blob does not exist.")
        return path

    def _get(self, request: Request, account: str, container: str, name: str) -> Response:
        content = self._existing(account, container, name).read_bytes()
        total = len(content)
        properties = self._properties(account, container, name)
        headers = {
            "content-type": "application/octet-stream",
            "last-modified": _now(),
            "x-ms-blob-type": "BlockBlob",
            "accept-ranges": "bytes",
            "x-ms-version": VERSION,
            **properties,
        }
        if request.method == "HEAD":
            return Response(200, b"", {**headers, "content-length": str(total)})
        asked = request.headers.get("x-ms-range") or request.headers.get("range")
        if not asked:
            return Response(200, content, headers)
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or total - 1), total - 1)
        if start >= total:
            raise BlobRefusal(
                416, "InvalidRange", "The range specified is invalid for the current size of the resource."
            )
        return Response(206, content[start : end + 1], {**headers, "content-range": f"bytes {start}-{end}/{total}"})

    def _serve_container(self, request: Request, account: str, container: str) -> Response:
        if request.method in ("GET", "HEAD") and request.query.get("comp") != "list":
            return Response(200, b"", {"etag": '"0x1"', "last-modified": _now()})
        if request.method == "GET":
            return self._list_blobs(request, account, container)
        message = "Containers are made and deleted through Azure Resource Manager here, as the project does."
        raise BlobRefusal(409, "ContainerAlreadyExists" if request.method == "PUT" else "OperationNotAllowed", message)

    def _list_blobs(self, request: Request, account: str, container: str) -> Response:
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", _NEVER_A_NAME)
        names, folders = [], set()
        for name in self.names(account, container, prefix):
            rest = name[len(prefix) :]
            if delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
            else:
                names.append(name)
        items = "".join(self._blob_xml(account, container, name) for name in names)
        items += "".join(f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>" for name in sorted(folders))
        return listing(f'ContainerName="{container}"', f"<Blobs>{items}</Blobs>")

    def _blob_xml(self, account: str, container: str, name: str) -> str:
        size = self.path(account, container, name).stat().st_size
        etag = self._properties(account, container, name)["etag"].strip('"')
        return (
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{_now()}</Last-Modified><Etag>{etag}</Etag>"
            f"<Content-Length>{size}</Content-Length><Content-Type>application/octet-stream</Content-Type>"
            "<BlobType>BlockBlob</BlobType></Properties></Blob>"
        )

    def _list_containers(self, account: str, stored: Body) -> Response:
        found = self._store.children(ResourceId(stored["id"]), CONTAINERS)
        items = "".join(f"<Container><Name>{one['name']}</Name><Properties/></Container>" for one in found)
        place = f'ServiceEndpoint="https://{account}.blob.core.windows.net/"'
        return listing(place, f"<Containers>{items}</Containers>")


def _metadata(request: Request) -> dict[str, str]:
    return {name: unquote(value) for name, value in request.headers.items() if name.startswith("x-ms-meta-")}


def _now() -> str:
    return format_datetime(datetime.now(UTC), usegmt=True)
