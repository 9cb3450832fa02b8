"""Templates -> the files of build/ENV: Bicep with its compiled template, and Azure ML specs. Same inputs, same bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.adapters.artefact_places import Places
from reconciler.bicep import compile_template
from reconciler.core.desired import tags
from reconciler.core.names import Names, names
from reconciler.errors import DesiredStateError, Finding

if TYPE_CHECKING:
    from jinja2 import Environment

    from reconciler.adapters.yaml_files import Loaded

BICEP_FILES = ("subscription.bicep", "main.bicep")
GUID_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""Of Bicep's own guid(): the names are the ones that function would make."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""Characters that a literal must not hold as they are: YAML takes some of them for the end of a line."""

STORAGE_SKUS = {"local": "Standard_LRS", "zone": "Standard_ZRS", "geo": "Standard_GRS", "geo-zone": "Standard_GZRS"}
ROLES = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "AcrPush": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "AzureML Data Scientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Storage Account Contributor": "17d1049b-9a84-46fb-8f53-869881c3d3ab",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles (2026-10)."""


@dataclass(frozen=True)
class Ids:
    """Resource ids that Azure ML specs must spell out."""

    group: str
    workspace: str
    identities: Mapping[str, str]


def ids(loaded: Loaded) -> Ids:
    own = names(loaded.state)
    group = f"/subscriptions/{loaded.state.subscription_id}/resourceGroups/{own.resource_group}"
    identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    return Ids(
        group=group,
        workspace=f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{own.workspace}",
        identities={duty: f"{identity}/{name}" for duty, name in own.identities.items()},
    )


def render_files(loaded: Loaded, root: Path) -> dict[str, str]:
    """Path below build/ENV -> text. Raises DesiredStateError with the template's file and line."""
    context = _context(loaded, Places.of(loaded, root))
    files: dict[str, str] = {}
    for name in BICEP_FILES:
        text = _rendered(root, f"infra/{name}.j2", context)
        stem = name.removesuffix(".bicep")
        files[name] = text
        files[f"{stem}.json"] = json.dumps(compile_template(text, name), indent=2) + "\n"
        files[f"{stem}.bicepparam"] = f"using '{name}'\n"
    files["bicepconfig.json"] = (root / "templates" / "infra" / "bicepconfig.json").read_text()
    for name, template, extra in _specs(loaded, Places.of(loaded, root)):
        files[f"aml/{name}.yml"] = _rendered(root, f"aml/{template}.yml.j2", {**context, **extra})
    return dict(sorted(files.items()))


def _context(loaded: Loaded, places: Places) -> dict[str, Any]:
    own = names(loaded.state)
    return {
        "state": loaded.state,
        "names": own,
        "ids": ids(loaded),
        "places": places,
        "resource_tags": tags(loaded.state),
        "roles": ROLES,
        "storage_skus": STORAGE_SKUS,
        "assignment_name": lambda scope, identity, role: _assignment_name(loaded, own, scope, identity, role),
    }


def _assignment_name(loaded: Loaded, own: Names, scope: str, identity: str, role: str) -> str:
    """A literal UUID from what makes an assignment unique, so that a plan knows it before the identity exists."""
    parts = (loaded.state.subscription_id, own.resource_group, scope, identity, ROLES[role])
    return str(uuid.uuid5(GUID_NAMESPACE, "-".join(parts)))


def _specs(loaded: Loaded, places: Places) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File name, template and what it is about, for each Azure ML spec."""
    state = loaded.state
    for name, compute in state.compute.items():
        yield f"compute-{name}", "compute", {"name": name, "compute": compute}
    for name, image in state.runtime_images.items():
        yield (
            f"environment-{name}",
            "environment",
            {"name": name, "image": image, "context_url": places.image_url(name)},
        )
    for name, asset in state.data.items():
        yield f"data-{name}", "data", {"name": name, "asset": asset, "uri": places.data_uri(name)}
    for name, job in state.jobs.items():
        yield f"job-{name}", "job", {"name": name, "job": job, "code_path": f"../../../{job.code}"}
    for endpoint_name, endpoint in state.endpoints.items():
        yield f"endpoint-{endpoint_name}", "endpoint", {"name": endpoint_name, "endpoint": endpoint}
    yield from _served(loaded, places)


def _served(loaded: Loaded, places: Places) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Deployments, and the model versions that they use: no others are declared."""
    for endpoint_name, colour, deployment in _deployments(loaded):
        model, version = places.model_of(deployment)
        yield (
            f"deployment-{endpoint_name}-{colour}",
            "deployment",
            {
                "endpoint_name": endpoint_name,
                "name": colour,
                "deployment": deployment,
                "model_name": model,
                "model_version": version.version,
                "variables": {**deployment.variables, "MODEL_NAME": model, "MODEL_VERSION": str(version.version)},
            },
        )
    for reference, declared_at in _used_models(loaded, places).items():
        model, _, number = reference.partition(":")
        version = loaded.catalogue.models[model].versions[int(number)]
        yield (
            f"model-{model}-{number}",
            "model",
            {
                "name": model,
                "version": version,
                "purpose": loaded.catalogue.models[model].spec.purpose,
                "uri": places.model_uri(model, version),
                "declared_at": declared_at,
            },
        )


def _deployments(loaded: Loaded) -> Iterator[tuple[str, str, Any]]:
    for endpoint_name, endpoint in loaded.state.endpoints.items():
        for colour, deployment in endpoint.deployments.items():
            yield endpoint_name, colour, deployment


def _used_models(loaded: Loaded, places: Places) -> dict[str, str]:
    """`name:version` -> the first place that uses it."""
    used: dict[str, str] = {}
    for endpoint_name, colour, deployment in _deployments(loaded):
        model, version = places.model_of(deployment)
        used.setdefault(f"{model}:{version.version}", f"endpoints.{endpoint_name}.deployments.{colour}.model")
    return used


def _rendered(root: Path, template: str, context: Mapping[str, Any]) -> str:
    import jinja2

    try:
        text = _environment(root / "templates").get_template(template).render(context)
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        raise DesiredStateError([_finding(error, template)]) from error
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _finding(error: Exception, template: str) -> Finding:
    """Where in a template it went wrong: the innermost template frame, or the line of a syntax error."""
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    name = frames[-1].filename if frames else template
    line = getattr(error, "lineno", None) or (frames[-1].lineno if frames else 1) or 1
    return Finding(f"templates/{name.partition('templates/')[2] or template}", int(line), 1, str(error))


@cache
def _environment(folder: Path) -> Environment:
    import jinja2

    environment = jinja2.Environment(  # noqa: S701  Bicep and YAML are not HTML; values are quoted by the filters
        loader=jinja2.FileSystemLoader([folder, folder / "infra", folder / "aml"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=False,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters |= {
        "bicep": bicep_literal,
        "bicep_object": bicep_object,
        "yaml": yaml_scalar,
        "symbol": symbol,
        "datastore": lambda name: re.sub(r"\W", "_", name),
    }
    return environment


def bicep_literal(value: object) -> str:
    """A scalar as Bicep spells it."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return f"json('{json.dumps(value, allow_nan=False)}')"
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
            escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
            return "'" + _CONTROL.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", escaped) + "'"
    raise TypeError(f"no Bicep literal for {type(value).__name__}")


def bicep_object(value: Mapping[str, str], indent: int) -> str:
    """A flat object, laid out as `bicep format` does, inside something indented by `indent` spaces."""
    pad = " " * (indent + 2)
    lines = [f"{pad}{_key(key)}: {bicep_literal(item)}" for key, item in sorted(value.items())]
    return "\n".join(["{", *lines, " " * indent + "}"])


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_]\w*", key, re.ASCII) else bicep_literal(key)


def symbol(name: str, prefix: str) -> str:
    """`logs` with prefix `lake` -> `lakeLogs`: a Bicep symbol from a name that may hold dashes."""
    words = re.split(r"\W+", name)
    # Digits keep apart what capitals cannot: `raw-1` and `raw1` are two containers.
    return prefix + "".join(f"_{word}" if word[:1].isdigit() else word.capitalize() for word in words)


def yaml_scalar(value: object) -> str:
    """JSON is YAML: quoted text, flow maps."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Writes beside `folder`, then puts the whole in its place: nobody ever sees half a rendering."""
    staged = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(staged, ignore_errors=True)
    for name, text in files.items():
        path = staged / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    if folder.exists():
        shutil.rmtree(folder)
    staged.replace(folder)
