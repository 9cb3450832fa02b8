"""The gate that the official compiler is: a rendered folder passes whole, or each disagreement is told with its place."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters import official_bicep
from reconciler.bicep import compile_template
from reconciler.errors import ReconcilerError
from tests.bicep.conftest import BICEP

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "templates" / "infra" / "bicepconfig.json"
OFF = {"no-hardcoded-env-urls", "no-hardcoded-location", "use-resource-id-functions"}
LAZY = """\
type unused = string

param settings object

var unused2 = 1

resource account 'Microsoft.Storage/storageAccounts@2019-04-01' = {
  name: 'dlretaildev'
  location: 'southeastasia'
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
}

output place string = 'https://dlretaildev.blob.core.windows.net'
"""


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """A folder as `render` writes it."""
    for file in (ROOT / "tests" / "bicep" / "realistic").glob("*.bicep"):
        shutil.copy(file, tmp_path)
        template = compile_template(file.read_text(), file.name)
        (tmp_path / file.with_suffix(".json").name).write_text(json.dumps(template, indent=2))
    shutil.copy(CONFIG, tmp_path)
    return tmp_path


@pytest.fixture
def findings() -> Callable[[Path], list[str]]:
    if not BICEP.exists():
        pytest.skip("the official compiler is not at ../shared/tools/bicep")

    def check(directory: Path) -> list[str]:
        return [
            f"{Path(one.file).name}:{one.line}:{one.column}: {one.message}"
            for one in official_bicep.check(BICEP, directory)
        ]

    return check


def edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))


def test_what_we_render_passes(rendered: Path, findings: Callable[[Path], list[str]]) -> None:
    assert findings(rendered) == []


def test_every_disagreement_is_told_with_its_place(rendered: Path, findings: Callable[[Path], list[str]]) -> None:
    edit(rendered / "main.bicep", "    retentionInDays: 30", "    retentionInDays: '30'")
    edit(rendered / "subscription.bicep", "  tags: {\n", "  tags:  {\n")
    found = findings(rendered)
    assert any(re.match(r"main\.bicep:8:22: \w+ BCP036: ", one) for one in found), found
    assert "subscription.bicep:7:1: `bicep format` would write '  tags: {' here" in found
    said = "main.json:1:1: the official compiler says otherwise at $.resources[0].properties.retentionInDays"
    assert any(one.startswith(said) for one in found), found
    assert len(found) == 3


def test_a_template_that_is_not_there_is_told(rendered: Path, findings: Callable[[Path], list[str]]) -> None:
    (rendered / "main.json").unlink()
    assert findings(rendered) == ["main.json:1:1: main.bicep has no compiled template beside it: render it again"]


def test_blank_lines_at_the_end_are_told(rendered: Path, findings: Callable[[Path], list[str]]) -> None:
    with (rendered / "subscription.bicep").open("a") as file:
        file.write("\n")
    assert findings(rendered) == ["subscription.bicep:11:1: `bicep format` would write the end of the file here"]


def test_rules_that_are_off_by_default_are_on(tmp_path: Path, findings: Callable[[Path], list[str]]) -> None:
    shutil.copy(CONFIG, tmp_path)
    (tmp_path / "lazy.bicep").write_text(LAZY)
    told = {match[1] for one in findings(tmp_path) if (match := re.search(r": error ([a-z-]+): ", one))}
    assert told >= {
        "no-hardcoded-outputs",
        "no-unused-params",
        "no-unused-types",
        "no-unused-vars",
        "use-description-outputs",
        "use-description-params",
        "use-description-types",
        "use-description-vars",
        "use-recent-api-versions",
        "use-user-defined-types",
    }
    assert not told & OFF


def test_only_three_rules_are_off_and_each_says_why() -> None:
    lines = CONFIG.read_text().splitlines()
    levels = dict(re.findall(r'"([a-z-]+)": \{ "level": "(\w+)" \}', CONFIG.read_text()))
    assert {rule for rule, level in levels.items() if level == "off"} == OFF
    assert {level for rule, level in levels.items() if rule not in OFF} == {"error"}
    for number, line in enumerate(lines):
        if '"off"' in line:
            assert lines[number - 1].strip().startswith("// ")


def test_the_variable_bicep_names_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bicep"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("BICEP", str(program))
    assert official_bicep.find() == program
    monkeypatch.setenv("BICEP", str(tmp_path / "nothing"))
    with pytest.raises(ReconcilerError, match="BICEP names"):
        official_bicep.find()
    monkeypatch.delenv("BICEP")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert official_bicep.find() == program
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert official_bicep.find() is None


def test_a_program_that_is_no_compiler_is_told(tmp_path: Path) -> None:
    (tmp_path / "main.bicep").write_text("")
    program = tmp_path / "bicep"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(ReconcilerError, match="the Bicep compiler stopped"):
        official_bicep.check(program, tmp_path)
