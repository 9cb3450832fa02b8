"""Bicep text -> ARM template -> resource bodies, for the flat subset that `templates/` uses."""

from __future__ import annotations

from reconciler.bicep.lowering import Lowered, lower_document
from reconciler.bicep.syntax import parse
from reconciler.bicep.template import Template, template_of

__all__ = ["Lowered", "Template", "compile_template", "lower"]


def compile_template(text: str, file: str) -> Template:
    """The ARM template, ready for `json.dumps`. Raises DesiredStateError for what is outside the subset."""
    return template_of(parse(text, file))


def lower(text: str, file: str, subscription_id: str, resource_group: str | None) -> list[Lowered]:
    """The bodies that the template would send. Raises DesiredStateError for what is outside the subset."""
    return lower_document(parse(text, file), subscription_id, resource_group)
