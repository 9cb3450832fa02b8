"""How the ledger's bodies are written down: JSON, deflated and base64, cut below what a Template Spec version holds."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

from reconciler.core.diff import Applied
from reconciler.core.plan import canonical_json
from reconciler.core.resource import Body, ResourceId
from reconciler.errors import ReconcilerError

CHUNK_CHARS = 1_200_000
"""A version holds 2 MB; the rest is for the compiled template, the run and its steps."""

_DAMAGED = "Next: delete that version of the Template Spec `ledger`; the one before it, or none, is then read"

SECRET_KEYS = frozenset(
    {
        "accesskey", "accountkey", "adminpassword", "adminuserpassword", "clientsecret", "connectionstring",
        "password", "primarykey", "primaryconnectionstring", "primarysharedkey", "sastoken", "sasuri",
        "secondarykey", "secondaryconnectionstring", "secondarysharedkey", "instrumentationkey",
    }
)  # fmt: skip
"""Property names, lower case, whose values are never kept, wherever they stand."""


class LedgerError(ReconcilerError):
    """The operator acts: a version of the ledger was cut or changed by hand."""


def without_secrets(value: Any) -> Any:
    """A copy in which no property is named like a secret."""
    match value:
        case dict():
            return {key: without_secrets(item) for key, item in value.items() if key.lower() not in SECRET_KEYS}
        case list():
            return [without_secrets(item) for item in value]
    return value


def encode(applied: Mapping[ResourceId, Applied]) -> str:
    """Canonical JSON of all records, secrets left out: same records, same text."""
    return canonical_json(
        {
            str(resource): {
                "sent": without_secrets(record.sent),
                "answered": without_secrets(record.answered),
                "api_version": record.api_version,
            }
            for resource, record in applied.items()
        }
    )


def sha256_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def packed(text: str) -> tuple[str, ...]:
    """At least one chunk, each of at most CHUNK_CHARS."""
    whole = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return tuple(whole[start : start + CHUNK_CHARS] for start in range(0, len(whole), CHUNK_CHARS))


def unpacked(payload: str, sha256: str) -> dict[ResourceId, Applied]:
    """Raises LedgerError when the text is not the one that was packed."""
    try:
        text = zlib.decompress(base64.b64decode(payload, validate=True)).decode()
    except (ValueError, zlib.error) as error:
        raise LedgerError(f"the ledger's payload is damaged: {error}\n    {_DAMAGED}") from error
    if sha256_of_text(text) != sha256:
        raise LedgerError(f"the ledger's payload does not match its digest {sha256}\n    {_DAMAGED}")
    return {ResourceId(key): Applied(**_record(value)) for key, value in json.loads(text).items()}


def _record(value: Body) -> dict[str, Any]:
    return {"sent": value["sent"], "answered": value["answered"], "api_version": value["api_version"]}
