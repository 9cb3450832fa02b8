"""Serves on PORT (5001 unless set), the model below AZUREML_MODEL_DIR."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn

from scoring.app import create_app


def main() -> int:
    folder = os.environ.get("AZUREML_MODEL_DIR")
    if not folder:
        sys.stderr.write("AZUREML_MODEL_DIR is not set: the folder that holds the model\n")
        return 2
    port = int(os.environ.get("PORT", "5001"))
    uvicorn.run(create_app(Path(folder)), host="0.0.0.0", port=port, access_log=False, log_level="warning")  # noqa: S104  a container's only way in
    return 0


if __name__ == "__main__":
    sys.exit(main())
