"""A small repository of YAML files in a temporary folder: valid until a test changes it."""

from __future__ import annotations

from pathlib import Path

BASE = """\
workload: retail-forecast
name: retail
location: southeastasia
owner: forecasting-team
cost_centre: retail-analytics
data_class: internal
origin: https://example.com/repository
storage:
  lake:
    containers:
      raw: {lifecycle: {cool_after_days: 30, archive_after_days: 180, delete_after_days: 730}}
compute:
  train-cpu: {size: Standard_DS3_v2, nodes: {min: 0, max: 2}}
runtime_images:
  training: {version: "1", context: training}
  scoring: {version: "1", context: scoring, serves: true}
data:
  sales: {version: "1", path: data/sales.csv, contract: data/contract.yaml}
jobs:
  train: {code: training, command: train, compute: train-cpu, runtime_image: training, data: sales, experiment: e}
"""

PROD = """\
# yaml-language-server: $schema=schema.json
environment: prod                       # the file's name
subscription_id: 00000000-0000-0000-0000-00000000000c
name_suffix: 7f3a
endpoints:
  retail-forecast:
    # the colours
    deployments:
      blue:  {model: "retail-forecast:1", size: Standard_F4s_v2, instances: {min: 3, max: 8}}  # steady
      green: {model: 'retail-forecast:2', size: Standard_F4s_v2, instances: {min: 3, max: 8}}
    traffic: {blue: 90, green: 10}      # percent
"""

MODEL = """\
name: retail-forecast
owner: forecasting-team
purpose: weekly unit sales
task: forecasting
metric: {name: wape, direction: lower}
gate: {improve_percent: 0}
"""

VERSION = """\
version: NUMBER
artefact: {path: "azureml://datastores/artefacts/paths/model", sha256: SHA, size_bytes: 1843200, format: lightgbm-text}
data: {asset: "sales:1", sha256: SHA}
code: {commit: 3f2a1c9, path: models/retail-forecast}
job: {name: train-20260814-1, environment: dev}
metrics: {mape: 33.8, wape: 24.1}
smoke:
  tolerance_percent: 5
  cases:
    - request: {store: 2, brand: 1}
      forecast: [1.5, 2]
""".replace("SHA", "9b1c" * 16)

FILES = {
    "environments/base.yaml": BASE,
    "environments/prod.yaml": PROD,
    "environments/dev.yaml": PROD.replace("environment: prod", "environment: dev").replace("7f3a", "3c1d"),
    "models/retail-forecast/model.yaml": MODEL,
    "models/retail-forecast/versions/1.yaml": VERSION.replace("NUMBER", "1"),
    "models/retail-forecast/versions/2.yaml": VERSION.replace("NUMBER", "2"),
    "training/Dockerfile": "FROM scratch\n",
    "scoring/Dockerfile": "FROM scratch\n",
    "data/sales.csv": "store,brand\n",
    "data/contract.yaml": "columns: {}\n",
}


def write_repository(root: Path, changes: dict[str, str | bytes | None] | None = None) -> Path:
    """Writes every file; a change of None leaves one out."""
    for name, content in {**FILES, **(changes or {})}.items():
        if content is None:
            continue
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root
