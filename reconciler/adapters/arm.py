"""Azure Resource Manager, every resource by id: the one reader and the one writer of the control plane."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, cast

from reconciler.adapters.azure_errors import azure_errors
from reconciler.core.resource import Body, Resource, ResourceId
from reconciler.errors import AzureError

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.resource.resources import ResourceManagementClient

    from reconciler.core.diff import Applied

READERS = 8
POLL_S = 5
"""Where the service names no interval itself; it nearly always does."""

ENVELOPE = frozenset({"id", "name", "type", "apiVersion"})
READING_POSTS = ("/providers/microsoft.resourcegraph/resources", "/checknameavailability")
MISTAKES = frozenset({"SubscriptionNotFound", "InvalidResourceType", "InvalidResourceNamespace"})
"""Codes that come with 404 but say that the question was wrong, not that the answer is "nothing"."""

LEDGER = "Microsoft.Resources/templateSpecs/ledger"
"""Ours, in every managed group, and never part of a plan."""

ENDPOINT = "https://management.azure.com"


@dataclass(frozen=True)
class Found:
    """One line of a resource group's listing: top-level resources only, as Azure lists them."""

    id: ResourceId
    type: str
    location: str
    tags: Mapping[str, str]
    changed_time: str = ""


@dataclass(frozen=True)
class Arm:
    """A signed-in client of one subscription. Safe to use from several threads."""

    client: ResourceManagementClient
    credential: DefaultAzureCredential
    subscription_id: str
    read_only: bool = field(default=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back; a process that ends anyway need not."""
        self.client.close()
        self.credential.close()

    def get(self, resource: ResourceId, api_version: str) -> Body | None:
        """The live body without its envelope; None where Azure has no such resource."""
        try:
            with azure_errors("read", str(resource)):
                answer = cast(Body, self.client.resources.get_by_id(str(resource), api_version=api_version, cls=_raw))
        except AzureError as error:
            if is_missing(error):
                return None
            raise
        return without_envelope(answer)

    def read_many(self, wanted: Iterable[tuple[ResourceId, str]]) -> dict[ResourceId, Body | None]:
        """Every wanted resource, read in parallel. The first failure is raised: half a state is no state."""
        pairs = list(wanted)
        with ThreadPoolExecutor(READERS, thread_name_prefix="arm-read") as pool:
            bodies = list(pool.map(lambda pair: self.get(*pair), pairs))
        return {resource: body for (resource, _), body in zip(pairs, bodies, strict=True)}

    def read_live(
        self, group: ResourceId, declared: Iterable[Resource], applied: Mapping[ResourceId, Applied]
    ) -> dict[ResourceId, Body]:
        """Everything a plan compares: what is declared, what was applied, and what else lies in the group.

        Of the last only location and tags are read. What Azure does not have is not in the answer.
        """
        wanted = {id_: record.api_version for id_, record in applied.items()}
        wanted |= {resource.id: resource.api_version for resource in declared}
        if group in wanted and self.get(group, wanted[group]) is None:
            wanted = {id_: version for id_, version in wanted.items() if not id_.key.startswith(f"{group.key}/")}
        live = {id_: body for id_, body in self.read_many(wanted.items()).items() if body is not None}
        ours = set(wanted) | {ResourceId(f"{group}/providers/{LEDGER}")}
        others = (found for found in self.list_group(group.name) if found.id not in ours)
        return live | {found.id: {"location": found.location, "tags": dict(found.tags)} for found in others}

    def newest_api_version(self, resource: ResourceId) -> str:
        """The newest stable version of its type, else the newest preview, as its provider lists them."""
        namespace, _, kind = resource.type.partition("/")
        with azure_errors("read", f"provider {namespace}"):
            types = self.client.providers.get(namespace).resource_types or []
        listed = [
            v for one in types if (one.resource_type or "").lower() == kind.lower() for v in one.api_versions or []
        ]
        if not listed:
            message = f"provider {namespace} lists no API version of {kind}"
            raise AzureError(message, code="InvalidResourceType", target=str(resource))
        return max(listed, key=lambda version: ("preview" not in version, version))

    def list_group(self, resource_group: str) -> tuple[Found, ...]:
        """Sorted by id; empty where the group does not exist."""
        try:
            with azure_errors("list", f"resource group {resource_group}"):
                pages = self.client.resources.list_by_resource_group(resource_group, expand="changedTime")
                return tuple(sorted((_found(item.as_dict()) for item in pages), key=lambda found: found.id))
        except AzureError as error:
            if is_missing(error):
                return ()
            raise

    def members(self, collection: str, api_version: str) -> list[Body]:
        """Whole wire bodies in `collection` (a resource id and a child type); empty where its parent is missing."""
        url, found = f"{collection}?api-version={api_version}", []
        while url:
            try:
                page = self._send("GET", url, "list", collection)
            except AzureError as error:
                if is_missing(error):
                    return []
                raise
            found += page.get("value", [])
            url = page.get("nextLink") or ""
        return found

    def put(self, resource: ResourceId, api_version: str, body: Body) -> Body:
        """Writes, waits until Azure is done, answers what it then reads. Raises AzureError where it ended as Failed."""
        answered = self.write(resource, api_version, body)
        # Azure's answer to a write may lack what it fills in afterwards; a read is what later reads are compared with.
        return self.get(resource, api_version) or answered

    def write(self, resource: ResourceId, api_version: str, body: Body) -> Body:
        """Like `put`, but answers what Azure said to the write itself."""
        with azure_errors("write", str(resource)):
            poller = self.client.resources.begin_create_or_update_by_id(
                str(resource), body, api_version=api_version, polling_interval=POLL_S, cls=_raw
            )
            return without_envelope(cast(Body, poller.result()))

    def delete(self, resource: ResourceId, api_version: str) -> None:
        """Deletes and waits; what is already gone is no error."""
        try:
            with azure_errors("delete", str(resource)):
                self.client.resources.begin_delete_by_id(
                    str(resource), api_version=api_version, polling_interval=POLL_S
                ).result()
        except AzureError as error:
            if not is_missing(error):
                raise

    def post(self, resource: ResourceId, action: str, api_version: str, body: Body | None = None) -> Body:
        return self._send("POST", f"{resource}/{action}?api-version={api_version}", action, str(resource), body)

    def _send(self, method: str, url: str, doing: str, target: str, body: Body | None = None) -> Body:
        from azure.core.rest import HttpRequest

        address = url if url.startswith("https://") else ENDPOINT + url
        with azure_errors(doing, target):
            response = self.client.send_request(HttpRequest(method, address, json=body))
            response.raise_for_status()
            answer: Body = response.json() if response.content else {}
            return answer


@dataclass
class _ReadOnly:
    """A pipeline policy (azure-core asks for `next` and `send`) that lets nothing through that could write."""

    next: Any = None

    def send(self, request: Any) -> Any:
        method, path = request.http_request.method, request.http_request.url.partition("?")[0].lower()
        if method in {"GET", "HEAD"} or (method == "POST" and path.endswith(READING_POSTS)):
            return self.next.send(request)
        raise AzureError(f"this client only reads: {method} {path} was not sent", code="ReadOnlyClient", target=path)


def connect(subscription_id: str, *, read_only: bool) -> Arm:
    """Signs in with whatever DefaultAzureCredential finds; the first call fails when it finds nothing."""
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.resource.resources import ResourceManagementClient

    _quieten()
    credential = DefaultAzureCredential()
    policies = [_ReadOnly()] if read_only else []
    client = ResourceManagementClient(credential, subscription_id, per_call_policies=policies)
    return Arm(client, credential, subscription_id, read_only)


def is_missing(error: AzureError) -> bool:
    """404 for the thing itself or for what holds it; providers do not agree on one code for it."""
    return error.status == 404 and error.code not in MISTAKES


def without_envelope(body: Body) -> Body:
    return {key: value for key, value in body.items() if key not in ENVELOPE}


_raw: Callable[[Any, Any, Any], Any] = lambda response, _model, _headers: response.http_response.json()  # noqa: E731
"""The wire JSON itself: the SDK's model would drop what it does not know."""


def _found(item: Body) -> Found:
    return Found(
        ResourceId(item["id"]),
        item["type"],
        item.get("location", ""),
        item.get("tags") or {},
        item.get("changedTime", ""),
    )


def _quieten() -> None:
    """Every attempt of the credential chain and every retry is logged as a warning; our errors say it once."""
    for name in ("azure.identity", "azure.core", "azure.mgmt", "urllib3", "msal"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
