"""The official Bicep compiler, where there is one: it must agree with ours on everything that we render."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reconciler.errors import Finding, ReconcilerError

TIMEOUT_S = 120.0


def find() -> Path | None:
    """The program that the variable BICEP names, else `bicep` on the path, else None."""
    named = os.environ.get("BICEP")
    found = shutil.which(named or "bicep")
    if named and not found:
        raise ReconcilerError(f"the variable BICEP names {named}, which is no program: correct it or unset it")
    return Path(found) if found else None


def check(bicep: Path, directory: Path) -> list[Finding]:
    """Every diagnostic, every layout that `bicep format` would change and every template that is not ours, by file."""
    files = sorted(directory.glob("*.bicep"))
    with compiler(bicep) as calls:
        return [finding for file in files for finding in _of_file(calls, file)]


def _of_file(calls: Calls, file: Path) -> Iterator[Finding]:
    path = {"path": str(file.resolve())}
    compiled, formatted = calls.call("bicep/compile", path), calls.call("bicep/format", path)
    text = file.read_bytes().decode()
    lines = text.splitlines()
    for one in compiled["diagnostics"]:
        start = one["range"]["start"]
        excerpt = lines[start["line"]] if start["line"] < len(lines) else ""
        message = f"{one['level'].lower()} {one['code']}: {one['message']}"
        yield Finding(str(file), start["line"] + 1, start["char"] + 1, message, excerpt)
    if formatted["contents"] != text:
        yield _misformatted(file, lines, formatted["contents"].splitlines())
    if contents := compiled.get("contents"):
        yield from _compared(file, json.loads(contents))


def _misformatted(file: Path, lines: list[str], proper: list[str]) -> Finding:
    same = next((n for n, (ours, theirs) in enumerate(zip(lines, proper, strict=False)) if ours != theirs), None)
    number = min(len(lines), len(proper)) if same is None else same
    wanted = repr(proper[number]) if number < len(proper) else "the end of the file"
    excerpt = lines[number] if number < len(lines) else ""
    return Finding(str(file), number + 1, 1, f"`bicep format` would write {wanted} here", excerpt)


def _compared(file: Path, official: dict[str, Any]) -> Iterator[Finding]:
    beside = file.with_suffix(".json")
    if not beside.exists():
        yield Finding(str(beside), 1, 1, f"{file.name} has no compiled template beside it: render it again")
        return
    ours = json.loads(beside.read_text())
    if path := _first_difference(_without_stamp(ours), _without_stamp(official)):
        yield Finding(
            str(beside), 1, 1, f"the official compiler says otherwise at {path}: render it again, or report it"
        )


def _without_stamp(template: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in template.get("metadata", {}).items() if key != "_generator"}
    return template | {"metadata": metadata}


def _first_difference(ours: Any, theirs: Any, path: str = "$") -> str | None:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(f"{path}.{key}", ours.get(key, ...), theirs.get(key, ...)) for key in sorted({*ours, *theirs})]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(f"{path}[{n}]", *pair) for n, pair in enumerate(zip(ours, theirs, strict=True))]
    else:
        return None if type(ours) is type(theirs) and ours == theirs else path
    return next((found for at, one, other in pairs if (found := _first_difference(one, other, at))), None)


@dataclass
class Calls:
    """One warm process that answers JSON-RPC calls, one after the other."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    kill: Callable[[], None]
    """Ends the process: a call that takes longer than TIMEOUT_S is told that it stopped."""
    last: int = 0

    def call(self, method: str, parameters: dict[str, Any]) -> Any:
        self.last += 1
        request = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": parameters}
        body = json.dumps(request).encode()
        with suppress(BrokenPipeError):  # a process that is gone has no answer, which is told below
            self.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self.stdin.flush()
        limit = threading.Timer(TIMEOUT_S, self.kill)
        limit.start()
        try:
            answer = self._answer()
        finally:
            limit.cancel()
        if "error" in answer:
            raise ReconcilerError(f"the Bicep compiler failed at {method}: {answer['error'].get('message')}")
        return answer["result"]

    def _answer(self) -> dict[str, Any]:
        length = 0
        while line := self.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            raise ReconcilerError(f"the Bicep compiler stopped, or took longer than {TIMEOUT_S:.0f} s")
        answer: dict[str, Any] = json.loads(self.stdout.read(length))
        return answer


@contextmanager
def compiler(bicep: Path) -> Iterator[Calls]:
    """It wants a home that it can write to, and no library for cultures."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": home}
        command = [str(bicep), "jsonrpc", "--stdio"]
        process = subprocess.Popen(  # noqa: S603  the program that the user named or has on the path
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            yield Calls(process.stdin, process.stdout, process.kill)
        finally:
            process.kill()  # it keeps nothing that could be lost
            with suppress(BrokenPipeError):  # what it never read
                process.communicate()
