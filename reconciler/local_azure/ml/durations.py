"""ISO 8601 durations, as far as Azure ML uses them: days, hours, minutes and seconds."""

from __future__ import annotations

import re

from reconciler.local_azure.wire import AzureRefusal

_DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$")


def seconds(text: str) -> float:
    """Raises AzureRefusal when the text is no duration."""
    found = _DURATION.match(text)
    if found is None:
        raise AzureRefusal(400, "InvalidRequestContent", f"'{text}' is not an ISO 8601 duration.")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest
