"""Secrets never reach an output: a value is masked by the name of its key or by its shape."""

from __future__ import annotations

import re

_KEY = re.compile(
    r"(password|secret|token|connectionstring|(access|primary|secondary|account|shared|instrumentation)_?key)$",
    re.IGNORECASE,
)
_SHAPE = re.compile(
    r"(AccountKey=|SharedAccessSignature=|[?&]sig=|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{20,}\.[\w-]{10,})",
    re.IGNORECASE,
)
MASK = "***"


def masked(path: str, value: str) -> str:
    """`value`, or the mask when its last key or its shape says that it is a secret."""
    last = path.rpartition(".")[2]
    return MASK if _KEY.search(last) or _SHAPE.search(value) else value
