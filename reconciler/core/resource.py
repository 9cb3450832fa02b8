"""What a resource is: an id, a type, an API version and a body in ARM's wire form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Body = dict[str, Any]
"""Wire JSON of a resource without id, name, type and apiVersion. A leaf may be a `Reference`."""


@dataclass(frozen=True)
class ResourceId:
    """An ARM resource id. Equality and hashing fold case, as ARM does; `str()` keeps the spelling."""

    text: str

    @cached_property
    def key(self) -> str:
        return self.text.rstrip("/").lower()

    @cached_property
    def _segments(self) -> list[str]:
        return [part for part in self.text.split("/") if part]

    @cached_property
    def _own(self) -> list[str]:
        """Segments after the last `providers`: namespace, then type and name in turn."""
        lowered = [part.lower() for part in self._segments]
        if "providers" not in lowered:
            return []
        return self._segments[len(lowered) - lowered[::-1].index("providers") :]

    @property
    def type(self) -> str:
        """`Microsoft.Storage/storageAccounts/blobServices`; a resource group is `Microsoft.Resources/resourceGroups`."""
        if self._own:
            return "/".join([self._own[0], *self._own[1::2]])
        return "Microsoft.Resources/resourceGroups" if len(self._segments) == 4 else "Microsoft.Resources/subscriptions"

    @property
    def name(self) -> str:
        return self._segments[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each ancestor within the provider, outermost first: ('account', 'default', 'raw')."""
        return tuple(self._own[2::2]) if self._own else (self.name,)

    @property
    def subscription(self) -> str:
        return self._segments[1]

    @property
    def resource_group(self) -> str | None:
        has_group = len(self._segments) >= 4 and self._segments[2].lower() == "resourcegroups"
        return self._segments[3] if has_group else None

    @property
    def parent(self) -> ResourceId | None:
        """The resource this one lives in: the parent type, the scope of an extension, else the resource group."""
        if not self._own:
            return None
        head = (
            self._segments[: len(self._segments) - 2] if len(self._own) > 3 else self._segments[: -len(self._own) - 1]
        )
        return ResourceId("/" + "/".join(head)) if len(head) >= 4 else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __lt__(self, other: ResourceId) -> bool:
        return self.key < other.key

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Reference:
    """A value that Azure makes up: `path` (dotted, from the root of the live body) of another resource.

    A `template` with one `{}` embeds the value in text.
    """

    resource: ResourceId
    path: str
    template: str = "{}"

    def to_json(self) -> dict[str, str]:
        """How a plan, the digest and the ledger spell it."""
        shown = {"$reference": self.resource.key, "path": self.path}
        return shown if self.template == "{}" else shown | {"template": self.template}


def references(value: object) -> Iterator[Reference]:
    """Every Reference inside a body, in document order."""
    match value:
        case Reference():
            yield value
        case dict():
            for item in value.values():
                yield from references(item)
        case list():
            for item in value:
                yield from references(item)


@dataclass(frozen=True, order=True)
class Origin:
    """Where in the YAML a resource is declared."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Artefact:
    """Bytes that must lie in blob storage before a resource that names them is written.

    `source` is a path inside the repository, or an `azureml://` URI of any workspace. `sha256` of a file is the file's;
    of a folder, that of its manifest: `sha256sum` lines of every file, sorted by relative path.
    """

    source: str
    sha256: str
    account: str
    container: str
    blob_prefix: str


@dataclass(frozen=True)
class Resource:
    """What should exist. `needs` are the ids that must be ready before this one is written."""

    id: ResourceId
    api_version: str
    body: Body
    origin: Origin
    needs: frozenset[ResourceId] = frozenset()
    artefact: Artefact | None = None
    label: str = field(default="", compare=False)

    @property
    def type(self) -> str:
        return self.id.type
