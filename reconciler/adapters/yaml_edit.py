"""The edits that verbs make to an environment's file. Each is checked as a whole before a byte is written."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.adapters.yaml_files import FOLDER, Loaded, load
from reconciler.adapters.yaml_nodes import Node, Span
from reconciler.adapters.yaml_text import drop, put
from reconciler.core.desired import Deployment, DesiredState, Endpoint
from reconciler.core.problems import did_you_mean
from reconciler.errors import Bug, ReconcilerError


@dataclass(frozen=True)
class Edit:
    """What was written: `before` and `after` are the whole file's text, `line` the first that differs (or 1)."""

    file: str
    line: int
    before: str
    after: str

    def diff(self) -> list[str]:
        """The removed and added lines, as a pull request shows them."""
        lines = difflib.ndiff(self.before.splitlines(), self.after.splitlines())
        return [f"{line[0]}{line[2:]}" for line in lines if line[0] in "+-"]

    def __str__(self) -> str:
        if self.before == self.after:
            return f"{self.file}: nothing to change"
        return "\n".join([f"{self.file}:{self.line}", *self.diff()])


def set_traffic(root: Path, environment: str, endpoint: str, split: dict[str, int]) -> Edit:
    """Makes `split` the endpoint's whole traffic. Raises DesiredStateError where it cannot be, and writes nothing."""
    before = load(root, environment)
    spec = _endpoint(before, endpoint)
    known = [name for name in spec.traffic if name in split]
    ordered = {name: split[name] for name in [*known, *(name for name in split if name not in known)]}
    path = ("endpoints", endpoint, "traffic")
    wanted = _with(before.state, endpoint, spec.model_copy(update={"traffic": ordered}))
    return _write(before, wanted, lambda text: put(text, path, ordered))


def promote(  # noqa: PLR0913, PLR0917  the words of the verb
    root: Path,
    environment: str,
    endpoint: str,
    deployment: str,
    model: str,
    size: str | None = None,
    instances: int | None = None,
) -> Edit:
    """Sets the deployment's model (`name:version`), and its size and fixed instance count where given.

    A deployment that is not there yet is made like the sibling with the most traffic.
    """
    before = load(root, environment)
    spec = _endpoint(before, endpoint)
    path = ("endpoints", endpoint, "deployments", deployment)
    changed: dict[str, Any] = {"model": model}
    if size is not None:
        changed["size"] = size
    if instances is not None:
        changed["instances"] = {"min": instances, "max": instances}
    if deployment in spec.deployments:
        fields = spec.deployments[deployment].model_dump() | changed
        edits: dict[tuple[str, ...], Any] = {(*path, key): value for key, value in changed.items()}
    else:
        fields = _like_sibling(endpoint, spec, changed)
        edits = {path: fields}
    colours = {**spec.deployments, deployment: Deployment.model_validate(fields)}
    wanted = _with(before.state, endpoint, spec.model_copy(update={"deployments": colours}))
    return _write(before, wanted, lambda text: _put_all(text, edits))


def remove_deployment(root: Path, environment: str, endpoint: str, deployment: str) -> Edit:
    """Takes the deployment out, and its zeros in traffic and mirror; refused while it receives anything."""
    before = load(root, environment)
    spec = _endpoint(before, endpoint)
    if deployment not in spec.deployments:
        hint = did_you_mean(deployment, spec.deployments)
        raise ReconcilerError(f'{endpoint} has no deployment "{deployment}"{hint}')
    for word, split in (("traffic", spec.traffic), ("mirrored traffic", spec.mirror)):
        if split.get(deployment):
            raise ReconcilerError(f"{deployment} still gets {split[deployment]} % of the {word}: move it first")
    keep: dict[str, Any] = {
        part: {name: value for name, value in getattr(spec, part).items() if name != deployment}
        for part in ("deployments", "traffic", "mirror")
    }
    wanted = _with(before.state, endpoint, spec.model_copy(update=keep))
    paths = [("endpoints", endpoint, part, deployment) for part in keep]
    return _write(before, wanted, lambda text: _drop_all(text, paths))


def _put_all(text: str, edits: dict[tuple[str, ...], Any]) -> str:
    for path, value in edits.items():
        text = put(text, path, value)
    return text


def _drop_all(text: str, paths: list[tuple[str, str, str, str]]) -> str:
    for path in paths:
        text = drop(text, path)
    return text


def _endpoint(loaded: Loaded, name: str) -> Endpoint:
    endpoints = loaded.state.endpoints
    if name not in endpoints:
        raise ReconcilerError(f'{loaded.state.environment} has no endpoint "{name}"{did_you_mean(name, endpoints)}')
    return endpoints[name]


def _like_sibling(endpoint: str, spec: Endpoint, changed: dict[str, Any]) -> dict[str, Any]:
    """What the author said of the sibling, with the new model. Values that are defaults stay unsaid."""
    if spec.deployments:
        most = max(spec.deployments, key=lambda name: spec.traffic.get(name, 0))
        return spec.deployments[most].model_dump(exclude_unset=True) | changed
    if "size" in changed and "instances" in changed:
        return changed
    missing = " and ".join(f"--{key}" for key in ("size", "instances") if key not in changed)
    raise ReconcilerError(f"{endpoint} has no deployment to copy the size and instances from: say {missing}")


def _with(state: DesiredState, name: str, endpoint: Endpoint) -> DesiredState:
    return state.model_copy(update={"endpoints": {**state.endpoints, name: endpoint}})


def _write(loaded: Loaded, wanted: DesiredState, change: Callable[[str], str]) -> Edit:
    """Changes the text, loads the result from memory, and replaces the file in one step if it says what is wanted."""
    environment = loaded.state.environment
    name = f"{FOLDER}/{environment}.yaml"
    file = loaded.root / name
    data = file.read_bytes()
    before = data.decode("utf-8-sig")
    after = change(before)
    encoded = data[: len(data) - len(before.encode())] + after.encode()
    result = load(loaded.root, environment, lambda path: encoded if path == file else path.read_bytes())
    if result.state != wanted:
        raise _inherited(loaded, name)
    if after != before:
        _replace(file, encoded)
    return Edit(name, _first_difference(before, after), before, after)


def _inherited(loaded: Loaded, name: str) -> ReconcilerError:
    """Why an edit of the environment's file did not suffice."""
    endpoints = loaded.merged.at(("endpoints",))
    elsewhere = sorted({f"{span.file}:{span.line}" for span in _keys(endpoints) if span.file != name})
    if not elsewhere:
        return Bug(f"the edit of {name} would not say what was asked for; nothing was written")
    return ReconcilerError(f"{name} cannot say that: it adds to {', '.join(elsewhere)}, which must be edited by hand")


def _keys(node: Node | None) -> Iterator[Span]:
    if node is not None and isinstance(node.value, dict):
        for entry in node.value.values():
            yield entry.key
            yield from _keys(entry.node)


def _first_difference(before: str, after: str) -> int:
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    same = next((index for index, (old, new) in enumerate(pairs) if old != new), None)
    return (
        1
        if before == after
        else 1 + (same if same is not None else min(len(before.splitlines()), len(after.splitlines())))
    )


def _replace(file: Path, data: bytes) -> None:
    """Writes beside the file and renames, so that a reader sees the old text or the new, never half."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(file.stat().st_mode & 0o777)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
