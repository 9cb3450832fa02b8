"""What an embedded Azure holds, read from its folder."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path


def holdings(folder: Path) -> dict[str, list[str]]:
    """Names of resources by type, sorted; read beside the running daemon."""
    database = sqlite3.connect(f"file:{folder / 'azure.sqlite'}?mode=ro", uri=True)
    try:
        found: dict[str, list[str]] = {}
        for (text,) in database.execute("select body from resources order by key"):
            body = json.loads(text)
            found.setdefault(body["type"], []).append(body["name"])
    finally:
        database.close()
    return dict(sorted(found.items()))
