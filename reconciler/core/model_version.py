"""What may be served: a model's folder and its immutable version files, as text says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from reconciler.core.desired import Spec

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,40}$")]


class Metric(Spec):
    """What champion and challenger are compared by."""

    name: str
    direction: Literal["lower", "higher"] = "lower"
    """Which values are better."""


class Gate(Spec):
    """When a challenger may replace the champion."""

    improve_percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    """By how much the metric must be better, relative to the champion's, on the same held-out data."""


class ModelSpec(Spec):
    """`models/<name>/model.yaml`: what the model is for, and who answers for it."""

    name: str
    """Equals the folder's name."""
    owner: str
    purpose: str
    task: Literal["forecasting", "regression", "classification"]
    metric: Metric
    gate: Gate = Gate()


class ModelArtefact(Spec):
    """The bytes that are served. The format must be one that cannot execute code."""

    path: str
    """An `azureml://` URI, or a path inside the repository."""
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=1)]
    format: Literal["lightgbm-text"]


class TrainingData(Spec):
    asset: Annotated[str, StringConstraints(pattern=r"^[^:]+:[^:]+$")]
    """`name:version` of a data asset."""
    sha256: Sha256


class TrainingCode(Spec):
    commit: Commit
    path: str


class TrainingJob(Spec):
    name: str
    environment: str


class SmokeCase(Spec):
    """A question with a known answer: the deployment must give it before it gets traffic."""

    request: dict[str, Any]
    forecast: Annotated[list[float], Field(min_length=1)]


class Smoke(Spec):
    tolerance_percent: Annotated[float, Field(gt=0, le=100)]
    cases: Annotated[list[SmokeCase], Field(min_length=1)]


class ModelVersion(Spec):
    """`models/<name>/versions/<n>.yaml`: written by `reconciler models register`, never edited."""

    version: Annotated[int, Field(ge=1)]
    """Equals the file's name."""
    artefact: ModelArtefact
    data: TrainingData
    code: TrainingCode
    job: TrainingJob
    metrics: dict[str, float]
    smoke: Smoke


@dataclass(frozen=True)
class Model:
    spec: ModelSpec
    versions: dict[int, ModelVersion]


@dataclass(frozen=True)
class Catalogue:
    """Every model of the repository, by name."""

    models: dict[str, Model] = field(default_factory=dict)

    def version(self, reference: str) -> ModelVersion | None:
        """The version that `name:version` names, if there is one. `name:latest` and `name@latest` are the newest."""
        name, _, wanted = reference.replace("@", ":").partition(":")
        versions = self.models[name].versions if name in self.models else {}
        if wanted == "latest" and versions:
            return versions[max(versions)]
        return versions.get(int(wanted)) if wanted.isascii() and wanted.isdigit() else None
