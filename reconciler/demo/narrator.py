"""Tells the demo: a chapter's command as a person would type it, what it printed (shortened), and one sentence about it."""

from __future__ import annotations

import contextlib
import io
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.views.style import Style, style_for

CHAPTERS = 9
WIDTH = 110


class DemoFailed(ReconcilerError):
    """A step of the story did not do what the story says."""


@dataclass
class Narrator:
    """Runs verbs in this process, on a scratch copy of the repository, and prints them as a story."""

    root: Path
    main: Callable[[Sequence[str]], int]
    style: Style = field(default_factory=lambda: style_for(sys.stdout))
    started: float = field(default_factory=time.monotonic)
    _chapter: int = 0

    def chapter(self, title: str) -> None:
        """Begins the next of the nine chapters."""
        self._chapter += 1
        elapsed = time.monotonic() - self.started
        head = f"{self._chapter}/{CHAPTERS}  {title}"
        print(f"\n{self.style(head, 'bold')}{self.style(f'  ({elapsed:.0f} s)', 'dim')}", flush=True)

    def says(self, sentence: str) -> None:
        """One sentence: what just happened, or what a person would do in real life."""
        print(textwrap.fill(sentence, WIDTH, initial_indent="  ", subsequent_indent="  "), flush=True)

    def command(self, line: str) -> None:
        print(f"\n  {self.style('$', 'dim')} {self.style(line, 'bold')}", flush=True)

    def shows(self, text: str, *, keep: int = 14) -> None:
        """Output, indented; of a long one the beginning and the end."""
        lines = text.rstrip().splitlines()
        if len(lines) > keep:
            head, tail = keep - 6, 5
            lines = [*lines[:head], f"... {len(lines) - head - tail} more lines ...", *lines[-tail:]]
        for line in lines:
            print(f"    {line}"[: WIDTH + 20], flush=True)

    def run(self, line: str, *, expect: int = 0, keep: int = 14) -> str:
        """Runs `reconciler ...` as typed; returns what it printed. Raises DemoFailed on another exit code than `expect`."""
        self.command(line)
        code, printed = self._call(shlex.split(line)[1:])
        self.shows(printed, keep=keep)
        if code != expect:
            raise DemoFailed(f"`{line}` ended with {code}, not {expect}:\n{printed}")
        return printed

    def _call(self, words: list[str]) -> tuple[int, str]:
        buffer = io.StringIO()
        with contextlib.redirect_stdout(buffer), contextlib.redirect_stderr(buffer), self._patience():
            code = self.main(["-C", str(self.root), *words])
        return code, buffer.getvalue()

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        """On a terminal, says that work is going on; the line goes when it is done."""
        terminal = sys.stdout if sys.stdout.isatty() else None
        if terminal:
            terminal.write("    ...")
            terminal.flush()
        try:
            yield
        finally:
            if terminal:
                terminal.write("\r       \r")
                terminal.flush()

    def git(self, *words: str) -> str:
        """Git in the scratch copy."""
        done = subprocess.run(  # noqa: S603
            ["git", *words],  # noqa: S607
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoFailed(f"git {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def commits(self, message: str) -> None:
        """Shows what changed in the YAML, and commits: in real life, a pull request and its merge."""
        self.git("add", "--all")
        diff = self.git("diff", "--cached", "--unified=0", "--", "environments")
        if diff:
            self.command("git diff")
            changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
            self.shows("\n".join(changed))
        self.git("commit", "--quiet", "--message", message)
