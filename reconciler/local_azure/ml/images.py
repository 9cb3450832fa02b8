"""What a build context runs: the few instructions of a Dockerfile that matter when its image is this very machine.

COPY lays files into a folder that stands for the image's root; ENV, WORKDIR, CMD and ENTRYPOINT keep their meaning; RUN and
FROM have none, for the packages are those of this interpreter.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.local_azure.wire import AzureRefusal

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_ABSOLUTE = re.compile(r"(?<![\w.}/-])/[\w.-][\w./-]*")


@dataclass
class Image:
    """`words` is the command; paths in it and in `environment` are on this machine."""

    root: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        return [self.rooted(word) for word in [*self.entrypoint, *self.command]]

    def rooted(self, text: str) -> str:
        """Absolute paths of the image become those below `root`, where these exist."""
        return _ABSOLUTE.sub(self._rooted, text)

    def _rooted(self, found: re.Match[str]) -> str:
        inside = self.root / found[0].lstrip("/")
        return str(inside) if inside.exists() else found[0]


def lay_out(context: Path, dockerfile: str, root: Path) -> Image:
    """Raises AzureRefusal when the Dockerfile is missing, copies what is not there, or has nothing to run."""
    file = context / dockerfile
    if not file.is_file():
        raise AzureRefusal(400, "ImageBuildFailure", f"The Dockerfile '{dockerfile}' is not in the build context.")
    root.mkdir(parents=True, exist_ok=True)
    image = Image(root, root)
    for instruction, rest in _instructions(file.read_text()):
        _apply(image, context, instruction, rest)
    image.environment = {name: image.rooted(value) for name, value in image.environment.items()}
    if not image.words:
        raise AzureRefusal(400, "ImageBuildFailure", f"'{dockerfile}' has neither CMD nor ENTRYPOINT.")
    return image


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\s*\n", " ", plain).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            yield name.upper(), rest.strip()


def _apply(image: Image, context: Path, instruction: str, rest: str) -> None:
    match instruction:
        case "ENV" | "ARG":
            for name, value in _assignments(rest):
                image.environment[name] = _substituted(value, image.environment)
        case "WORKDIR":
            image.folder = image.root / _inside(image, _substituted(rest, image.environment))
            image.folder.mkdir(parents=True, exist_ok=True)
        case "COPY" | "ADD":
            _copy(image, context, _substituted(rest, image.environment))
        case "CMD":
            image.command = _words(rest)
        case "ENTRYPOINT":
            image.entrypoint = _words(rest)


def _assignments(rest: str) -> list[tuple[str, str]]:
    """`A=1 B="two"`, or the old `A one`."""
    words = shlex.split(rest)
    if words and "=" not in words[0]:
        return [(words[0], " ".join(words[1:]))] if len(words) > 1 else []
    return [(word.partition("=")[0], word.partition("=")[2]) for word in words]


def _substituted(text: str, environment: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environment.get(found[1] or found[3], found[2] or ""), text)


def _words(rest: str) -> list[str]:
    """The exec form is a JSON array; anything else is for the shell."""
    if rest.startswith("["):
        return [str(word) for word in json.loads(rest)]
    return ["/bin/sh", "-c", rest]


def _inside(image: Image, path: str) -> Path:
    if path.startswith("/"):
        return Path(path.lstrip("/"))
    return image.folder.relative_to(image.root) / path


def _copy(image: Image, context: Path, rest: str) -> None:
    words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
    *sources, target_word = [word for word in words if not word.startswith("--")]
    target = image.root / _inside(image, target_word)
    into_folder = target_word.endswith(("/", ".")) or len(sources) > 1
    for source in sources:
        wild = any(sign in source for sign in "*?[")
        found = sorted(context.glob(source)) if wild else [context / source.lstrip("/")]
        if not found or not all(path.exists() for path in found):
            raise AzureRefusal(400, "ImageBuildFailure", f"COPY failed: '{source}' is not in the build context.")
        for path in found:
            _lay(path, target, into_folder or len(found) > 1)


def _lay(path: Path, target: Path, into_folder: bool) -> None:
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True)
        return
    place = target / path.name if into_folder or target.is_dir() else target
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, place)
