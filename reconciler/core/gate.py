"""May a challenger follow the champion? The metric of model.yaml decides, on the same held-out data."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.model_version import Model
from reconciler.errors import ReconcilerError


class NotBetter(ReconcilerError):
    """The challenger does not pass the gate in model.yaml: the author acts."""


def check_gate(model: Model, metrics: Mapping[str, float]) -> None:
    """Raises NotBetter unless the metric of model.yaml improves on the newest version's by what the gate asks."""
    if not model.versions:
        return
    champion = model.versions[max(model.versions)]
    metric, least = model.spec.metric, model.spec.gate.improve_percent
    old, new = champion.metrics.get(metric.name), metrics.get(metric.name)
    if old is None or new is None:
        missing = "the champion" if old is None else "the challenger"
        raise NotBetter(
            f"{model.spec.name}: {missing} has no metric {metric.name}, which models/{model.spec.name}/model.yaml compares by"
        )
    gain = (old - new if metric.direction == "lower" else new - old) / (abs(old) or 1.0) * 100
    if not gain > least:  # so that a metric which is not a number passes nothing
        raise NotBetter(
            f"{model.spec.name}: {metric.name} {new:.3f} against {old:.3f} of version {champion.version}: {gain:+.1f} %, "
            f"more than {least:g} % better is asked (models/{model.spec.name}/model.yaml)\n"
            "    Next: train a better one, or say --allow-worse and why in the pull request"
        )
