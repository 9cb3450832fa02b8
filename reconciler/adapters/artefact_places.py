"""Where the bytes of models, data and runtime images lie: an address made of what they hold, so a plan knows it offline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.adapters.manifest import manifest_sha256
from reconciler.core.desired import Deployment
from reconciler.core.model_version import Catalogue, ModelVersion
from reconciler.core.names import names
from reconciler.core.resource import Artefact
from reconciler.errors import Bug, ReconcilerError

if TYPE_CHECKING:
    from reconciler.adapters.yaml_files import Loaded

CONTAINER = "azureml-artefacts"
DATASTORE = "artefacts"
DIGITS = 16


@dataclass(frozen=True)
class Places:
    """By name: the artefact of each runtime image, data asset and job's code; of a model by its version file."""

    account: str
    workspace_uri: str
    images: dict[str, Artefact]
    data: dict[str, Artefact]
    code: dict[str, Artefact]
    catalogue: Catalogue

    @classmethod
    def of(cls, loaded: Loaded, root: Path) -> Places:
        """Reads and digests what the environment names in the repository."""
        state, own = loaded.state, names(loaded.state)
        uri = f"azureml://subscriptions/{state.subscription_id}/resourcegroups/{own.resource_group}/workspaces/{own.workspace}"
        account = own.workspace_account
        images = {
            name: _artefact(account, f"images/{name}", image.context, _digest(root, image.context))
            for name, image in state.runtime_images.items()
        }
        data = {
            name: _artefact(account, f"data/{name}", asset.path, _digest(root, asset.path))
            for name, asset in state.data.items()
        }
        code = {
            name: _artefact(account, f"code/{name}", job.code, _digest(root, job.code))
            for name, job in state.jobs.items()
        }
        return cls(account, uri, images, data, code, loaded.catalogue)

    def image_url(self, name: str) -> str:
        return f"https://{self.account}.blob.core.windows.net/{CONTAINER}/{self.images[name].blob_prefix}/"

    def data_uri(self, name: str) -> str:
        """The file itself: an upload keeps its name below the prefix."""
        artefact = self.data[name]
        return f"{self._uri(artefact)}/{Path(artefact.source).name}"

    def model_of(self, deployment: Deployment) -> tuple[str, ModelVersion]:
        """The model and the version that a deployment names; validation has seen that they exist."""
        version = self.catalogue.version(deployment.model)
        if version is None:
            raise Bug(f"{deployment.model} passed validation and is not in the catalogue")
        return deployment.model.replace("@", ":").partition(":")[0], version

    def model(self, name: str, version: ModelVersion) -> Artefact:
        return _artefact(self.account, f"models/{name}", version.artefact.path, version.artefact.sha256, "model")

    def model_uri(self, name: str, version: ModelVersion) -> str:
        return self._uri(self.model(name, version))

    def _uri(self, artefact: Artefact) -> str:
        return f"{self.workspace_uri}/datastores/{DATASTORE}/paths/{artefact.blob_prefix}"


def _artefact(account: str, place: str, source: str, sha256: str, last: str = "") -> Artefact:
    prefix = "/".join(filter(None, [place, sha256[:DIGITS], last]))
    return Artefact(source=source, sha256=sha256, account=account, container=CONTAINER, blob_prefix=prefix)


def _digest(root: Path, path: str) -> str:
    try:
        return manifest_sha256(root / path)
    except FileNotFoundError as error:
        raise ReconcilerError(f"{path}: no such file or folder in this repository, though the YAML names it") from error
