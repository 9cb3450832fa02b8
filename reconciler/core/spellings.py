"""When two texts, or a text and a number, are spellings of one value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

FREE = frozenset(
    ("tags", "environmentvariables", "description", "displayname", "friendlyname", "command", "labels", "query")
)
"""Below a property of this name stands what a person wrote: its casing and its digits are theirs."""

_EXACT_ENDINGS = ("path", "prefix", "prefixmatch", "uri", "url", "file", "version")
"""Properties named so hold paths and the like: blob names and container paths know upper from lower case."""

_TOKENS = re.compile(r"^[\w.-]+(\s*,\s*[\w.-]+)*$")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")
_DURATION = re.compile(r"^P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$")
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_ID = re.compile(r"^/?(subscriptions|providers)/", re.IGNORECASE)
_DEFINITION = re.compile(r"/providers/microsoft\.authorization/(role|policy|policyset)definitions/[^/]+$")
_LINK = re.compile(r"^([a-z][a-z0-9+.-]*://[^/]+)(/.*)?$", re.IGNORECASE)
_ASSET = re.compile(r"^azureml:([^:/]+):([^:/]+)$")
_ASSET_ID = re.compile(r"/(?:environments|models|data|components|codes)/([^/]+)/versions/([^/]+)/?$", re.IGNORECASE)
_DATASTORE = re.compile(r"^azureml://(?:(subscriptions/.*?)/)?datastores/([^/]+)/paths/(.*)$", re.IGNORECASE)
_RUN = re.compile(r"^(?:runs:/([^/]+)|azureml://jobs/([^/]+)/outputs/artifacts(?:/paths)?)(?:/(.*))?$")
_REPLICA = re.compile(r"^ServiceReplicated/[^/]+/")
_RUN_PATH = re.compile(r"^ExperimentRun/dcid\.([^/]+)(?:/(.*))?$")
_QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(m|[KMGT]i?|)$")
_UNITS = {
    "": 1.0,
    "m": 1e-3,
    "K": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def same_scalar(declared: Any, live: Any, path: Sequence[str]) -> bool:
    """Neither is a container; `path` are the names of the properties they stand under, outermost first."""
    if isinstance(declared, str) and isinstance(live, str):
        return declared == live or same_text(declared, live, path)
    if isinstance(declared, str) or isinstance(live, str):
        return _same_in_text(declared, live)
    if isinstance(declared, bool) or isinstance(live, bool):
        return declared is live
    return bool(declared == live)


def _same_in_text(declared: Any, live: Any) -> bool:
    """A number or boolean beside its text: "80" and 80, "True" and true."""
    text, value = (declared, live) if isinstance(declared, str) else (live, declared)
    if isinstance(value, bool):
        return bool(text.lower() == str(value).lower())
    return isinstance(value, int | float) and bool(_NUMBER.match(text)) and float(text) == value


def same_text(declared: str, live: str, path: Sequence[str]) -> bool:
    name = path[-1].lower() if path else ""
    if any(part.lower() in FREE for part in path):
        return declared.replace("\r\n", "\n").strip() == live.replace("\r\n", "\n").strip()
    declared, live = declared.strip(), live.strip()
    if name.endswith(("location", "locations")):
        return declared.replace(" ", "").lower() == live.replace(" ", "").lower()
    if name in ("cpu", "memory"):
        return _same_quantity(declared, live)
    if declared[:8] == "azureml:" or live[:8] == "azureml:":
        return _same_asset(declared, live)
    if name.endswith(_EXACT_ENDINGS):
        return _folded_host(declared) == _folded_host(live)
    return bool(_normal(declared) == _normal(live))


def _normal(text: str) -> Any:
    """One spelling for all spellings of a text that the service, not a person, gives meaning to."""
    if _ID.match(text):
        folded = "/" + text.strip("/").lower()
        return found[0] if (found := _DEFINITION.search(folded)) else folded
    if (span := _DURATION.match(text)) is not None:
        days, hours, minutes, seconds = (float(part or 0) for part in span.groups())
        return ("seconds", ((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    if _MOMENT.match(text):
        return _moment(text)
    if _TOKENS.match(text):
        return re.sub(r"\s*,\s*", ",", text.lower())
    return _folded_host(text)


def _folded_host(text: str) -> str:
    """An address without its last slash, scheme and host in lower case; its path is left as it is."""
    found = _LINK.match(text)
    return (found[1].lower() + (found[2] or "")).rstrip("/") if found else text


def _moment(text: str) -> Any:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _same_quantity(declared: str, live: str) -> bool:
    """Kubernetes quantities: Azure ML answers 200Mi as 0.195Gi, rounded to a thousandth of the answer's unit."""
    left, right = _QUANTITY.match(declared), _QUANTITY.match(live)
    if not left or not right:
        return False
    amounts = [(float(found[1]) * _UNITS[found[2]], _UNITS[found[2]]) for found in (left, right)]
    return any(len({round(amount / unit, 3) for amount, _ in amounts}) == 1 for _, unit in amounts)


def _same_asset(declared: str, live: str) -> bool:
    """Azure ML spells a reference short or long: `azureml:name:1`, an id, a datastore's URI, the output of a run. It may serve an
    upload from a replica that it made.
    """
    (kind, scope, rest), (live_kind, live_scope, live_rest) = _asset(declared), _asset(live)
    return (kind, rest) == (live_kind, live_rest) and (scope == live_scope or not scope or not live_scope)


def _asset(text: str) -> tuple[str, str, str]:
    """What kind of reference it is, the scope it names ('' where it names none), and the rest."""
    if found := _ASSET.match(text):
        return ("asset", "", f"{found[1]}:{found[2]}")
    if found := _RUN.match(text):
        return ("run", "", f"{found[1] or found[2]}/{found[3] or ''}".rstrip("/"))
    if found := _DATASTORE.match(text):
        if run := _RUN_PATH.match(found[3]):
            return ("run", (found[1] or "").lower(), f"{run[1]}/{run[2] or ''}".rstrip("/"))
        return ("datastore", (found[1] or "").lower(), f"{found[2]}/{_REPLICA.sub('', found[3])}".rstrip("/"))
    bare = text.removeprefix("azureml:")
    if found := _ASSET_ID.search(bare):
        return ("asset", bare[: found.start()].lower(), f"{found[1]}:{found[2]}")
    return ("other", "", str(_normal(bare)))
