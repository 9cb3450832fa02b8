"""Bytes that a resource names: fetched, verified, laid in blob storage under their own digest. Never overwritten."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.adapters.arm import Arm
from reconciler.adapters.azure_errors import azure_errors
from reconciler.adapters.manifest import manifest, manifest_sha256
from reconciler.core.resource import Artefact, ResourceId
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

__all__ = ["ArtefactError", "Artefacts", "manifest_sha256"]

DATASTORE_API = "2026-05-01"
_LONG_URI = re.compile(
    r"^azureml://(?P<workspace>subscriptions/[^/]+/resourcegroups/[^/]+)/(?:providers/[^/]+/)?"
    r"workspaces/(?P<name>[^/]+)/datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+?)/?$",
    re.IGNORECASE,
)


class ArtefactError(ReconcilerError):
    """An artefact is missing or is not the one that was registered: whoever registered it acts."""


@dataclass(frozen=True)
class Artefacts:
    """Uploads with the identity that `arm` is signed in with; `root` is the repository."""

    arm: Arm
    root: Path

    def ensure(self, artefact: Artefact) -> bool:
        """True when something was uploaded, False when all of it lay there. Nothing is written on a wrong digest."""
        with self._container(artefact.account, artefact.container) as container:
            marker = f"{artefact.blob_prefix.rstrip('/')}.sha256"
            with azure_errors("look for", f"{container.url}/{marker}"):
                if container.get_blob_client(marker).exists():
                    return False
            with self._local(artefact) as source:
                _verify(artefact, source)
                _upload(container, artefact.blob_prefix.rstrip("/"), source, marker)
        return True

    @contextmanager
    def _local(self, artefact: Artefact) -> Iterator[Path]:
        """Where the bytes lie on this disk, for as long as they are needed."""
        if not artefact.source.startswith("azureml://"):
            yield self._in_repository(artefact.source)
            return
        with tempfile.TemporaryDirectory(prefix="reconciler-artefact-") as folder:
            yield self.download(artefact.source, Path(folder))

    def _in_repository(self, source: str) -> Path:
        path = (self.root / source).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ArtefactError(f"{source}: an artefact must lie inside the repository")
        if not path.exists():
            raise ArtefactError(
                f"{source}: no such file or folder\n    Next: restore it, or register the version again"
            )
        return path

    def download(self, uri: str, folder: Path) -> Path:
        """What lies at a long azureml:// URI, file or folder, below `folder`. Raises ArtefactError where nothing does."""
        account, container_name, prefix = self._resolve(uri)
        target = folder / Path(prefix).name
        with self._container(account, container_name) as container, azure_errors("download", uri):
            names = _files(container, prefix)
            for name in names:
                path = target / name.removeprefix(prefix).lstrip("/") if name != prefix else target
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    container.download_blob(name).readinto(file)
        if not names:
            raise ArtefactError(f"{uri}: nothing lies there\n    Next: check that the job that made it kept its output")
        return target

    def _resolve(self, uri: str) -> tuple[str, str, str]:
        """Account, container and path of a long azureml:// URI: the datastore knows the first two."""
        parts = _LONG_URI.match(uri)
        if parts is None:
            raise ArtefactError(
                f"{uri}: expected azureml://subscriptions/S/resourcegroups/R/workspaces/W/datastores/D/paths/P"
            )
        workspace = f"/{parts['workspace']}/providers/Microsoft.MachineLearningServices/workspaces/{parts['name']}"
        datastore = ResourceId(f"{workspace}/datastores/{parts['datastore']}")
        body = self.arm.get(datastore, DATASTORE_API)
        if body is None:
            raise ArtefactError(f"{uri}: there is no datastore {parts['datastore']} in workspace {parts['name']}")
        return body["properties"]["accountName"], body["properties"]["containerName"], parts["path"]

    @contextmanager
    def _container(self, account: str, container: str) -> Iterator[ContainerClient]:
        from azure.storage.blob import ContainerClient

        url = f"https://{account}.blob.core.windows.net"
        with ContainerClient(url, container, credential=self.arm.credential) as client:
            yield client


def _files(container: ContainerClient, prefix: str) -> list[str]:
    """The blob itself or what lies below it: a prefix alone would find `model-2/` too when asked for `model`.

    An account with a hierarchical namespace lists folders as blobs, marked so in their metadata.
    """
    blobs = container.list_blobs(name_starts_with=prefix, include=["metadata"])
    found = [blob.name for blob in blobs if (blob.metadata or {}).get("hdi_isfolder") != "true"]
    return [name for name in found if name == prefix or name.startswith(f"{prefix}/")]


def _verify(artefact: Artefact, source: Path) -> None:
    found = manifest_sha256(source)
    if found != artefact.sha256:
        raise ArtefactError(
            f"{artefact.source}: sha256 expected {artefact.sha256}, found {found}; nothing was uploaded"
            "\n    Next: restore the bytes that were registered, or register a new version"
        )


def _upload(container: ContainerClient, prefix: str, source: Path, marker: str) -> None:
    """The marker, a manifest that `sha256sum --check` reads, is written last: where it lies, everything lies."""
    with azure_errors("upload to", f"{container.url}/{prefix}"):
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_file():
                name = path.relative_to(source).as_posix() if source.is_dir() else source.name
                with path.open("rb") as file:
                    container.upload_blob(f"{prefix}/{name}", file, overwrite=True)
        lines = manifest(source) if source.is_dir() else f"{manifest_sha256(source)}  {source.name}\n"
        container.upload_blob(marker, lines.encode(), overwrite=True)
