"""What a job reads and writes: its command with the addresses of Azure replaced by paths of this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.local_azure.blobs import Blobs
from reconciler.local_azure.ml import places
from reconciler.local_azure.ml.kinds import Workspace
from reconciler.local_azure.store import Body, Store
from reconciler.local_azure.wire import AzureRefusal

_PLACEHOLDER = re.compile(r"\$\{\{\s*(inputs|outputs|search_space)\.([\w.-]+)\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_FILE_KINDS = ("uri_file",)
_PASSED_AS_TEXT = ("Direct", "EvalMount", "EvalDownload")


@dataclass(frozen=True)
class Bindings:
    """By name: what each `${{inputs.x}}` and `${{outputs.y}}` becomes."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def substituted(self, command: str) -> str:
        """Raises AzureRefusal when the command asks for an input or output that the job does not have."""
        return _PLACEHOLDER.sub(self._value, _OPTIONAL.sub(self._optional, command))

    def _optional(self, found: re.Match[str]) -> str:
        """A bracketed stretch stays when every input in it was given."""
        named = _PLACEHOLDER.findall(found[1])
        return found[1] if all(name in self.inputs for _, name in named) else ""

    def _value(self, found: re.Match[str]) -> str:
        values = self.inputs if found[1] == "inputs" else self.outputs
        if found[2] not in values:
            raise AzureRefusal(400, "UserError", f"The command refers to {found[1]}.{found[2]}, which the job has not.")
        return values[found[2]]

    def environment(self) -> dict[str, str]:
        named = {f"AZURE_ML_INPUT_{name}": value for name, value in self.inputs.items()}
        return named | {f"AZURE_ML_OUTPUT_{name}": value for name, value in self.outputs.items()}


def bind(store: Store, blobs: Blobs, workspace: Workspace, job: Body, folder: Path) -> Bindings:
    """Downloads the inputs below `folder` and makes room for the outputs."""
    properties = job["properties"]
    inputs = {
        name: _bind_input(store, blobs, workspace, value, folder / "inputs" / name)
        for name, value in (properties.get("inputs") or {}).items()
    }
    outputs = {}
    for name, output in (properties.get("outputs") or {}).items():
        path = folder / "outputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if output.get("jobOutputType") not in _FILE_KINDS:
            path.mkdir()
        outputs[name] = str(path)
    return Bindings({name: value for name, value in inputs.items() if value is not None}, outputs)


def _bind_input(store: Store, blobs: Blobs, workspace: Workspace, value: Body, folder: Path) -> str | None:
    if value.get("jobInputType") == "literal":
        return None if value.get("value") is None else str(value["value"])
    uri = str(value.get("uri") or "")
    if value.get("mode") in _PASSED_AS_TEXT:
        return uri
    place = places.find(store, workspace, uri)
    path = folder / place.name if value.get("jobInputType") in _FILE_KINDS else folder
    places.download(blobs, place, path)
    return str(path)


def keep_outputs(store: Store, blobs: Blobs, workspace: Workspace, job: Body, folder: Path) -> None:
    """Uploads what the job wrote: named outputs, and the folder `outputs` of its working directory as artifacts."""
    for name, output in (job["properties"].get("outputs") or {}).items():
        path = folder / "outputs" / name
        if path.exists():
            address = places.output_address(workspace, job["name"], name, output)
            places.upload(blobs, path, places.find(store, workspace, address))
    written = folder / "wd" / "outputs"
    if written.is_dir():
        places.upload(blobs, written, places.run_artifacts(workspace, job["name"]).below("outputs"))
