"""One step of a plan: check the lock, write the intent, do it, write the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.adapters.arm import Arm
from reconciler.adapters.artefacts import Artefacts
from reconciler.adapters.azure_errors import BUSY_CODES, REPLICATING_CODES
from reconciler.adapters.ledger import Run
from reconciler.adapters.lock import Lock
from reconciler.core.diff import Applied
from reconciler.core.plan import Action, Stage, Step
from reconciler.core.resource import Body, Reference, Resource, ResourceId
from reconciler.errors import AzureError, Bug, SmokeTestFailed

if TYPE_CHECKING:
    from reconciler.core.model_version import Smoke

T = TypeVar("T")

PATIENCE_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)
"""Pauses while Azure is busy or a new identity spreads: two minutes in all."""

ENDPOINT_TYPE = "microsoft.machinelearningservices/workspaces/onlineendpoints"
DEPLOYMENT_TYPE = f"{ENDPOINT_TYPE}/deployments"
TRAFFIC_KEYS = ("traffic", "mirrorTraffic")


@dataclass(frozen=True)
class Means:
    """What steps work with. `smoke` has the known forecasts of each deployment's model version, by deployment id."""

    arm: Arm
    run: Run
    lock: Lock
    artefacts: Artefacts
    smoke: Mapping[ResourceId, Smoke]


@dataclass(frozen=True)
class Worker:
    """Does steps; safe to share between threads.

    `api_versions` are those of all resources that the plan or the ledger names, `doomed` what the plan deletes.
    """

    means: Means
    api_versions: Mapping[ResourceId, str]
    doomed: frozenset[ResourceId] = frozenset()

    def perform(self, step: Step) -> str:
        """Answers what to tell a person. Raises ReconcilerError when the step failed; the ledger then says so."""
        self.means.lock.check()
        self.means.run.intend(step.key)
        try:
            return self._perform(step)
        except Exception:
            # A run that lost its lock may not write this either: `check` then replaces the error by the true reason.
            self.means.lock.check()
            self.means.run.fail(step.key)
            raise

    def _perform(self, step: Step) -> str:
        match step.stage, step.action:
            case Stage.SMOKE_TEST, _:
                return self._smoke_test(step)
            case Stage.TRAFFIC, _:
                return self._move_traffic(step)
            case _, Action.DELETE:
                self._delete(step.id)
                self.means.run.record(step.key, step.id, None)
                return "deleted"
            case _, Action.REPLACE:
                self._delete(step.id)
                self._write(step)
                return "replaced"
            case _, Action.CREATE | Action.UPDATE:
                self._write(step)
                return "created" if step.action is Action.CREATE else "updated"
        raise Bug(f"step {step.key} has action {step.action}, which is nothing to do")

    def as_it_is(self, step: Step) -> Applied | None:
        """The record of a resource that needs no write; None where it is neither declared nor live."""
        if step.resource is None:
            return None
        return Applied(self._resolved(step.resource.body), step.live or {}, step.resource.api_version)

    def _write(self, step: Step) -> None:
        resource = _declared(step)
        if resource.artefact:
            artefact = resource.artefact
            self._patiently(lambda: self.means.artefacts.ensure(artefact))
        body = self._resolved(resource.body)
        if step.id.type.lower() == ENDPOINT_TYPE:
            body = self._with_live_traffic(resource, body)
        self._put(step, resource, body)

    def _put(self, step: Step, resource: Resource, body: Body) -> None:
        sent = self._with_foreign_tags(step, body)
        answered = self._patiently(lambda: self.means.arm.put(resource.id, resource.api_version, sent))
        self.means.run.record(step.key, resource.id, Applied(body, answered, resource.api_version))

    def _with_foreign_tags(self, step: Step, body: Body) -> Body:
        """Azure replaces all tags at once; those that we neither declare nor once sent are other people's and stay."""
        recorded = self.means.run.applied.get(step.id)
        declared, live = body.get("tags") or {}, (step.live or {}).get("tags") or {}
        ours = {name.lower() for name in [*declared, *((recorded.sent.get("tags") or {}) if recorded else {})]}
        foreign = {name: value for name, value in live.items() if name.lower() not in ours}
        return body | {"tags": {**foreign, **declared}} if foreign else body

    def _with_live_traffic(self, resource: Resource, body: Body) -> Body:
        """Traffic moves in a step of its own: until then Azure is told what it does already."""
        live = self.means.arm.get(resource.id, resource.api_version) or {"properties": {}}
        kept = {key: live["properties"].get(key) or {} for key in TRAFFIC_KEYS if key in body["properties"]}
        return body | {"properties": body["properties"] | kept}

    def _move_traffic(self, step: Step) -> str:
        resource = _declared(step)
        body = self._resolved(resource.body)
        traffic: Mapping[str, int] = body["properties"].get("traffic") or {}
        for name in sorted(name for name, share in traffic.items() if share):
            self._check_ready(ResourceId(f"{step.id}/deployments/{name}"), resource.api_version)
        self._put(step, resource, body)
        self._wait_for_traffic(resource, traffic)
        return ", ".join(f"{name} {share}" for name, share in sorted(traffic.items())) or "no traffic"

    def _check_ready(self, deployment: ResourceId, api_version: str) -> None:
        live = self.means.arm.get(deployment, api_version)
        state = live["properties"].get("provisioningState") if live else "missing"
        if state != "Succeeded":
            raise AzureError(
                f"deployment {deployment.name} is {state}: it gets no traffic",
                code="DeploymentNotReady",
                target=str(deployment),
            )

    def _wait_for_traffic(self, resource: Resource, declared: Mapping[str, int]) -> None:
        """The service reads back the old split for a while (Azure/azure-dev#3881)."""
        wanted = {name: share for name, share in declared.items() if share}
        for pause_s in (0, *PATIENCE_S):
            time.sleep(pause_s)
            live = self.means.arm.get(resource.id, resource.api_version) or {"properties": {}}
            if {name: share for name, share in (live["properties"].get("traffic") or {}).items() if share} == wanted:
                return
        raise AzureError(
            f"{resource.id.name}: Azure accepted the traffic {wanted} but does not show it",
            code="TrafficNotMoved",
            target=str(resource.id),
        )

    def _delete(self, resource: ResourceId) -> None:
        api_version = self._api_version(resource)
        endpoint = resource.parent if resource.type.lower() == DEPLOYMENT_TYPE else None
        if endpoint in self.doomed:
            return  # Azure refuses to delete a deployment that has traffic, yet deletes it with its endpoint.
        if endpoint:
            self._check_idle(resource, endpoint, api_version)
        self._patiently(lambda: self.means.arm.delete(resource, api_version))

    def _check_idle(self, deployment: ResourceId, endpoint: ResourceId, api_version: str) -> None:
        live = self.means.arm.get(endpoint, api_version) or {"properties": {}}
        share = sum((live["properties"].get(key) or {}).get(deployment.name, 0) for key in TRAFFIC_KEYS)
        if share:
            raise AzureError(
                f"deployment {deployment.name} still gets {share} % of the traffic: it is not deleted",
                code="DeploymentHasTraffic",
                target=str(deployment),
            )

    def _smoke_test(self, step: Step) -> str:
        """Asks the deployment for forecasts that are known. Raises SmokeTestFailed, before any traffic has moved."""
        from reconciler.adapters.scoring_client import open_endpoint
        from reconciler.core.rollout import compare_forecasts

        smoke, endpoint = self.means.smoke.get(step.id), step.id.parent
        if smoke is None or endpoint is None:
            raise SmokeTestFailed(f"{step.label}: its model version has no smoke cases, so it gets no traffic")
        with open_endpoint(self.means.arm, endpoint) as asked:
            for number, case in enumerate(smoke.cases, 1):
                answer = asked.ask(case.request, step.id.name)
                failure = compare_forecasts(case.forecast, _forecast(answer, step), smoke.tolerance_percent)
                if failure:
                    raise SmokeTestFailed(f"{step.label}: smoke case {number} of {len(smoke.cases)}: {failure}")
        self.means.run.passed(step.key)
        count = len(smoke.cases)
        return f"{count} of {count} answers within {smoke.tolerance_percent:g} % of the reference"

    def _patiently(self, call: Callable[[], T]) -> T:
        """Repeats a call that Azure refuses for now only."""
        for pause_s in PATIENCE_S:
            try:
                return call()
            except AzureError as error:
                if error.code not in BUSY_CODES | REPLICATING_CODES:
                    raise
                time.sleep(pause_s)
                self.means.lock.check()
        return call()

    def _resolved(self, value: Any) -> Any:
        """The same body with every Reference replaced by what Azure made up."""
        match value:
            case Reference():
                return self._look_up(value)
            case dict():
                return {key: self._resolved(item) for key, item in value.items()}
            case list():
                return [self._resolved(item) for item in value]
        return value

    def _look_up(self, reference: Reference) -> Any:
        body = self.means.arm.get(reference.resource, self._api_version(reference.resource))
        found: Any = at_path(body, reference.path)
        if found is None:
            message = f"{reference.resource.name} has no {reference.path}, which another resource needs"
            raise AzureError(message, code="ValueNotThere", target=str(reference.resource))
        return found if reference.template == "{}" else reference.template.replace("{}", str(found))

    def _api_version(self, resource: ResourceId) -> str:
        """Of a resource that only its tags call ours, Azure itself says the version."""
        known = self.api_versions.get(resource)
        return known or self.means.arm.newest_api_version(resource)


def at_path(body: Any, path: str) -> Any:
    """The value at a dotted path; None where the path ends early."""
    for key in path.split("."):
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body


def _declared(step: Step) -> Resource:
    if step.resource is None:
        raise Bug(f"step {step.key} writes a resource that is not declared")
    return step.resource


def _forecast(answer: Any, step: Step) -> list[float]:
    if not isinstance(answer, dict) or not isinstance(answer.get("forecast"), list):
        raise SmokeTestFailed(f"{step.label}: its answer holds no forecast: {str(answer)[:200]}")
    return [float(value) for value in answer["forecast"]]
