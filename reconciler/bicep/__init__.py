"""Bicep text -> ARM template -> resource bodies, for the flat subset that `templates/` uses."""

from __future__ import annotations

from functools import lru_cache

from reconciler.bicep.checks import problems
from reconciler.bicep.lowering import Lowered, lower_document
from reconciler.bicep.reader import read
from reconciler.bicep.syntax import Document
from reconciler.bicep.template import Template, template_of
from reconciler.errors import DesiredStateError

__all__ = ["Document", "Lowered", "Template", "compile_template", "lower", "parse"]


@lru_cache(maxsize=16)  # what is compiled is lowered too
def parse(text: str, file: str) -> Document:
    """Raises DesiredStateError with a finding for everything that is not flat, literal Bicep."""
    document, findings = read(text, file)
    if not findings.found:  # a document read in part would seem to lack what could not be read
        for at, message in problems(document):
            findings.refuse(at, message)
    if findings.found:
        raise DesiredStateError(findings.found)
    return document


def compile_template(text: str, file: str) -> Template:
    """The ARM template, ready for `json.dumps`. Raises DesiredStateError for what is outside the subset."""
    return template_of(parse(text, file))


def lower(text: str, file: str, subscription_id: str, resource_group: str | None) -> list[Lowered]:
    """The bodies that the template would send. Raises DesiredStateError for what is outside the subset."""
    return lower_document(parse(text, file), subscription_id, resource_group)
