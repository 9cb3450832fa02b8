"""Model versions as a person compares them."""

from __future__ import annotations

from reconciler.core.model_version import Catalogue
from reconciler.errors import ReconcilerError

_COLUMNS = ("wape", "mape", "bias", "coverage_80", "wape_naive")


def versions_text(catalogue: Catalogue, model: str | None = None) -> str:
    """A line a version, newest last, the metrics that most have. Raises ReconcilerError for an unknown model."""
    if model is not None and model not in catalogue.models:
        raise ReconcilerError(f"there is no model {model}: models/ has {', '.join(sorted(catalogue.models)) or 'none'}")
    names = [model] if model else sorted(catalogue.models)
    lines = [f"{'model':<24}" + "".join(f"{column:>12}" for column in _COLUMNS) + "   job"]
    for name in names:
        versions = catalogue.models[name].versions
        if not versions:
            lines.append(f"{name:<24}no version is registered yet: reconciler models train ENV")
        for number, version in sorted(versions.items()):
            figures = (version.metrics.get(column) for column in _COLUMNS)
            cells = "".join(f"{figure:>12.3f}" if figure is not None else f"{'-':>12}" for figure in figures)
            lines.append(f"{f'{name}:{number}':<24}{cells}   {version.job.name}")
    return "\n".join(lines)


def version_text(catalogue: Catalogue, reference: str) -> str:
    """Everything a version file says, its smoke cases counted. Raises ReconcilerError where there is no such version."""
    version = catalogue.version(reference)
    if version is None:
        known = [
            f"{name}:{number}" for name, model in sorted(catalogue.models.items()) for number in sorted(model.versions)
        ]
        raise ReconcilerError(f"there is no model version {reference}: there are {', '.join(known) or 'none'}")
    lines = [
        f"{reference}",
        f"  artefact   {version.artefact.path}",
        f"             sha256 {version.artefact.sha256}, {version.artefact.size_bytes:,} bytes, {version.artefact.format}",
        f"  data       {version.data.asset}, sha256 {version.data.sha256}",
        f"  code       {version.code.path} at {version.code.commit}",
        f"  job        {version.job.name} in {version.job.environment}",
    ]
    lines += [f"  {name:<24}{value:>12.4f}" for name, value in sorted(version.metrics.items())]
    cases = len(version.smoke.cases)
    lines.append(f"  smoke      {cases} known forecasts, within {version.smoke.tolerance_percent:g} %")
    return "\n".join(lines)
