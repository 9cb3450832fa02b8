"""What the embedded Azure remembers: resources and documents in one SQLite file, so that it survives between commands."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.core.resource import ResourceId

Body = dict[str, Any]

_SCHEMA = """
create table if not exists resources (number integer primary key autoincrement, key text unique, type text, body text);
create table if not exists documents (kind text, key text, value text, primary key (kind, key));
"""


class Store:
    """Thread-safe. Bodies are stored whole, envelope included, and copied on the way in and out."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(f"pragma journal_mode=wal; pragma synchronous=normal; {_SCHEMA}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else reads or writes meanwhile; nothing stays when the block raises."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._database.execute("rollback")
                raise
            self._database.execute("commit")

    def get(self, resource: ResourceId) -> Body | None:
        with self._lock:
            row = self._database.execute("select body from resources where key = ?", (resource.key,)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, resource: ResourceId, body: Body) -> None:
        with self._lock:
            self._database.execute(
                "insert into resources (key, type, body) values (?, ?, ?) on conflict (key) do update set body = excluded.body",
                (resource.key, resource.type.lower(), json.dumps(body)),
            )

    def delete(self, resource: ResourceId) -> None:
        with self._lock:
            self._database.execute("delete from resources where key = ?", (resource.key,))

    def children(self, scope: ResourceId, type: str | None = None) -> list[Body]:  # noqa: A002  Azure's own word
        """Everything below `scope`, of one type if asked, in the order in which it was made."""
        pattern = scope.key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "/%"
        query = "select body from resources where key like ? escape '\\' and (? is null or type = ?) order by number"
        wanted = type.lower() if type else None
        with self._lock:
            rows = self._database.execute(query, (pattern, wanted, wanted)).fetchall()
        return [json.loads(row[0]) for row in rows]

    def of_type(self, type: str) -> list[Body]:  # noqa: A002
        """Every resource of a type, in all subscriptions: names that are unique in the world need it."""
        with self._lock:
            rows = self._database.execute("select body from resources where type = ? order by number", (type.lower(),))
            return [json.loads(row[0]) for row in rows.fetchall()]

    def document(self, kind: str, key: str) -> Body | None:
        with self._lock:
            row = self._database.execute(
                "select value from documents where kind = ? and key = ?", (kind, key.lower())
            ).fetchone()
        return json.loads(row[0]) if row else None

    def put_document(self, kind: str, key: str, value: Body) -> None:
        with self._lock:
            self._database.execute(
                "insert or replace into documents values (?, ?, ?)", (kind, key.lower(), json.dumps(value))
            )

    def delete_document(self, kind: str, key: str) -> None:
        with self._lock:
            self._database.execute("delete from documents where kind = ? and key = ?", (kind, key.lower()))

    def documents(self, kind: str) -> dict[str, Body]:
        with self._lock:
            rows = self._database.execute(
                "select key, value from documents where kind = ? order by key", (kind,)
            ).fetchall()
        return {key: json.loads(value) for key, value in rows}

    def close(self) -> None:
        with self._lock:
            self._database.close()
