"""What the SDK's own loaders miss: cross-field checks of a desired state. Pure."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.core.desired import DesiredState
from reconciler.core.model_version import Catalogue

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """Something that cannot be, at a path of the YAML. `marks` are the values to underline, `at_key` means the key."""

    path: Path
    message: str
    marks: tuple[Path, ...] = ()
    at_key: bool = False


def check(state: DesiredState, catalogue: Catalogue) -> list[Problem]:
    return []
