"""`environments/*.yaml` and `models/*/` as one desired state. Every mistake is collected; they are raised together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.adapters.yaml_nodes import Document, Entry, Node, Span, read_document
from reconciler.adapters.yaml_nodes import Path as KeyPath
from reconciler.adapters.yaml_specs import Checked, to_spec
from reconciler.core.checks import check
from reconciler.core.desired import DesiredState
from reconciler.core.model_version import Catalogue
from reconciler.core.problems import Problem, closest
from reconciler.core.resource import Origin
from reconciler.errors import DesiredStateError, Finding

FOLDER = "environments"
BASE = "base"
Reader = Callable[[Path], bytes]
"""Reads a file. An edit is checked by reading it from memory before it is written."""


@dataclass(frozen=True)
class Loaded:
    """One environment as declared, and where each part of it stands."""

    state: DesiredState
    catalogue: Catalogue
    root: Path
    merged: Node = field(repr=False, compare=False)

    def origin(self, path: KeyPath | str) -> Origin:
        """File and line of a key, or of its nearest ancestor that is written somewhere.

        `path` is a tuple of keys, or text with dots: `endpoints.retail-forecast.deployments.blue`.
        """
        keys = tuple(path.split(".")) if isinstance(path, str) else path
        entry = nearest(self.merged, keys)
        return Origin(entry.file, entry.line)


def environments(root: Path) -> list[str]:
    """The names of the environments that are files, sorted."""
    return sorted(file.stem for file in (root / FOLDER).glob("*.yaml") if file.stem != BASE)


def load(root: Path, environment: str, read: Reader = Path.read_bytes) -> Loaded:
    """Raises DesiredStateError with every finding in the environment's files and in the models it may name."""
    from reconciler.adapters.model_files import read_catalogue

    catalogue, findings = read_catalogue(root, read)
    loaded, more = _read(root, environment, None if findings else catalogue, read)
    if loaded is None or findings or more:
        raise refusal([*findings, *more])
    return loaded


def load_all(root: Path, read: Reader = Path.read_bytes) -> dict[str, Loaded]:
    """Every environment, by name. A mistake that two of them share is reported once."""
    from reconciler.adapters.model_files import read_catalogue

    catalogue, findings = read_catalogue(root, read)
    names, sound = environments(root), not findings
    if not names:
        findings.append(Finding(FOLDER, 1, 1, f"no environment: expected a file such as {FOLDER}/dev.yaml"))
    loaded: dict[str, Loaded] = {}
    for name in names:
        one, more = _read(root, name, catalogue if sound else None, read)
        findings.extend(more)
        if one is not None:
            loaded[name] = one
    if findings:
        raise refusal(findings)
    return loaded


def refusal(findings: list[Finding]) -> DesiredStateError:
    """The error that holds these findings, each once, with the closing line a person reads last."""
    unique = sorted(set(findings))
    files = len({finding.file for finding in unique})
    errors = f"{len(unique)} error{'s' if len(unique) != 1 else ''} in {files} file{'s' if files != 1 else ''}"
    return DesiredStateError(unique, f"{errors}; nothing was rendered. Keys and their meaning: {FOLDER}/schema.json")


def _read(
    root: Path, environment: str, catalogue: Catalogue | None, read: Reader
) -> tuple[Loaded | None, list[Finding]]:
    """Without a catalogue, because its files are broken, references to models are not judged."""
    file = root / FOLDER / f"{environment}.yaml"
    if environment not in environments(root):
        return None, [_no_such_environment(root, environment)]
    documents = [
        read_document(f"{FOLDER}/{f.name}", read(f)) for f in (root / FOLDER / f"{BASE}.yaml", file) if f.exists()
    ]
    findings = [finding for document in documents for finding in document.findings]
    roots = [document.root for document in documents if document.root is not None]
    if len(roots) < len(documents):
        return None, findings
    merged = roots[0] if len(roots) == 1 else merge(*roots)
    texts = {document.file: document for document in documents}
    checked = to_spec(DesiredState, merged, lambda span, message: texts[span.file].finding(span, message))
    findings += checked.findings
    if checked.spec is not None and not any(document.findings for document in documents):
        problems = [*check(checked.spec, catalogue or Catalogue()), *_named(checked.spec, environment)]
        problems = [problem for problem in problems if catalogue or problem.path[-1] != "model"]
        findings += _placed(problems, merged, checked, texts)
    if findings or checked.spec is None:
        return None, findings
    return Loaded(checked.spec, catalogue or Catalogue(), root, merged), []


def _no_such_environment(root: Path, environment: str) -> Finding:
    names = environments(root)
    guess = closest(environment, names)
    hint = f'did you mean "{guess}"? ' if guess else ""
    there = f"there are {', '.join(names)}" if names else "there is none"
    return Finding(f"{FOLDER}/{environment}.yaml", 1, 1, f"no such environment: {hint}{there}")


def merge(base: Node, over: Node) -> Node:
    """Deep merge by key: mappings are joined, anything else is replaced. Positions are those of the winner."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    entries = dict(base.value)
    for key, entry in over.value.items():
        below = entries.get(key)
        entries[key] = Entry(entry.key, merge(below.node, entry.node)) if below else entry
    return replace(over, value=entries)


def nearest(root: Node, path: KeyPath) -> Span:
    """Where the deepest key of `path` that is written stands; the file's beginning where none is."""
    span = replace(root.span, line=1, column=1)
    node = root
    for part in path:
        if isinstance(node.value, dict) and part in node.value:
            span, node = node.value[part].key, node.value[part].node
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            span = node.span
        else:
            break
    return span


def _placed(
    problems: list[Problem], merged: Node, checked: Checked[DesiredState], texts: dict[str, Document]
) -> list[Finding]:
    """Problems as findings; what follows from a mistake that is reported already is left out."""
    findings: list[Finding] = []
    for problem in problems:
        if any(_follows(problem, gone) for gone in checked.repaired):
            continue
        node = merged.at(problem.path)
        span = nearest(merged, problem.path) if problem.at_key or node is None else node.span
        marks = tuple(mark.span for path in problem.marks if (mark := merged.at(path)) and mark.span.file == span.file)
        if marks:
            first = min(marks, key=lambda mark: mark.start)
            span, marks = first, tuple(mark for mark in marks if mark != first)
        findings.append(texts[span.file].finding(span, problem.message, marks))
    return findings


_REFERS = {"runtime_image": "runtime_images", "compute": "compute", "data": "data"}
"""Keys that name something declared elsewhere, and where."""


def _follows(problem: Problem, repaired: KeyPath) -> bool:
    """Whether a problem may only be there because the value at `repaired` is not what the author wrote."""
    shorter = min(len(problem.path), len(repaired))
    return problem.path[:shorter] == repaired[:shorter] or _REFERS.get(str(problem.path[-1])) == repaired[0]


def _named(state: DesiredState, environment: str) -> list[Problem]:
    if state.environment == environment:
        return []
    message = f'environment must equal the file\'s name: expected "{environment}", found "{state.environment}"'
    return [Problem(("environment",), message)]
