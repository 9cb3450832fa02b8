"""MLflow's own tracking server for one workspace: `python -m reconciler.local_azure.ml.mlflow_server`. Started by `tracking`.

MLflow's handlers answer; one route is added, because Azure ML makes a job's run itself, and the run's id is the job's name.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import Any


def main() -> int:
    """Serves on the loopback interface until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.local_azure.ml.mlflow_server")
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--experiments", required=True, help="the address below which artifacts of experiments lie")
    arguments = parser.parse_args()
    os.environ |= {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{arguments.database}",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": arguments.experiments,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    logging.getLogger("werkzeug").setLevel(logging.WARNING)

    import flask
    from mlflow.server import app
    from werkzeug.serving import make_server

    store = _open_store(arguments.experiments)

    @app.route("/azureml/runs", methods=["POST"])
    def begin_run() -> flask.Response:
        return flask.jsonify(_begin_run(store, flask.request.get_json(), arguments.experiments))

    make_server("127.0.0.1", arguments.port, app, threaded=True).serve_forever()
    return 0


def _open_store(experiments: str) -> Any:
    """Makes the tables; the experiment that MLflow always has gets an address of the form that Azure's artifacts have."""
    from mlflow.server.handlers import _get_tracking_store
    from mlflow.store.tracking.dbmodels.models import SqlExperiment

    store: Any = _get_tracking_store()
    with store.ManagedSessionMaker(read_only=False) as session:
        default = session.query(SqlExperiment).filter(SqlExperiment.name == "Default").one_or_none()
        if default is not None:
            default.artifact_location = f"{experiments}/Default/runs"
    return store


def _begin_run(store: Any, asked: dict[str, Any], experiments: str) -> dict[str, str]:
    """Makes the experiment where it is missing, and the run unless it is there."""
    from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag

    name, run_id = str(asked["experiment"]), str(asked["run_id"])
    experiment = store.get_experiment_by_name(name)
    location = f"{experiments}/{name}/runs"
    number = experiment.experiment_id if experiment else store.create_experiment(name, location, [])
    with store.ManagedSessionMaker(read_only=False) as session:
        if session.query(SqlRun).filter(SqlRun.run_uuid == run_id).one_or_none() is None:
            run = SqlRun(
                run_uuid=run_id,
                name=str(asked["name"]),
                experiment_id=number,
                artifact_uri=f"{location}/{run_id}/artifacts",
                source_type="JOB",
                source_name="",
                entry_point_name="",
                source_version="",
                user_id=str(asked["user"]),
                status="RUNNING",
                start_time=int(asked["start_time_ms"]),
                lifecycle_stage="active",
            )
            run.tags = [SqlTag(key=key, value=str(value)) for key, value in dict(asked["tags"]).items()]
            session.add(run)
    return {"experiment_id": str(number)}


if __name__ == "__main__":
    sys.exit(main())
