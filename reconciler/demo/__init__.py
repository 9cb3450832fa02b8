"""`make demo`: the product's main job on the embedded Azure, told in nine chapters. Every step is real."""

from __future__ import annotations

from reconciler.demo.story import tell

__all__ = ["tell"]
