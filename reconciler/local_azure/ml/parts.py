"""What the parts of Azure Machine Learning share, made once for each embedded Azure."""

from __future__ import annotations

from functools import cache

from reconciler.local_azure.identity import Identity
from reconciler.local_azure.ml.dataplane import DataPlane
from reconciler.local_azure.ml.gateway import Gateway
from reconciler.local_azure.ml.job_runs import JobRuns
from reconciler.local_azure.ml.processes import Processes
from reconciler.local_azure.ml.run_history import RunHistory
from reconciler.local_azure.ml.serving import Serving
from reconciler.local_azure.ml.tracking import Tracking
from reconciler.local_azure.services import Services


class Parts:
    def __init__(self, services: Services) -> None:
        self.services = services
        self.identity = Identity(services.state_dir)
        self.processes = Processes(services.store)
        self.serving = Serving(services, self.processes)
        self.gateway = Gateway(services.store, self.identity, self.serving)
        self.tracking = Tracking(services, self.processes)
        self.runs = JobRuns(services, self.processes, self.tracking)
        history = RunHistory(services)
        self.data_plane = DataPlane(services.store, self.identity, self.tracking, history)


@cache
def parts_of(services: Services) -> Parts:
    return Parts(services)
