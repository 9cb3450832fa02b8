"""The vocabulary itself: the tracked environments, tags, the schema that editors use."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from reconciler.adapters.yaml_files import BASE, environments, load_all
from reconciler.adapters.yaml_nodes import read_document
from reconciler.adapters.yaml_schema import schema_text
from reconciler.core.desired import DesiredState, tags


def test_the_tracked_environments_are_valid_and_begin_without_deployments(repository: Path) -> None:
    loaded = load_all(repository)
    assert sorted(loaded) == ["dev", "prod", "staging"]
    for one in loaded.values():
        assert one.state.endpoints["retail-forecast"].deployments == {}
        assert one.state.compute["train-cpu"].nodes.min == 0


def test_each_environment_fits_on_a_screen(repository: Path) -> None:
    for file in sorted((repository / "environments").glob("*.yaml")):
        lines = file.read_text().splitlines()
        assert lines[0] == "# yaml-language-server: $schema=schema.json", file
        assert len(lines) <= (60 if file.stem == BASE else 30), file


def test_every_resource_says_whose_it_is(repository: Path) -> None:
    found = tags(load_all(repository)["dev"].state)
    assert list(found) == ["workload", "environment", "owner", "cost-centre", "data-class", "managed-by", "origin"]
    assert (found["environment"], found["managed-by"]) == ("dev", "reconciler")


def test_the_tracked_schema_is_current(repository: Path) -> None:
    tracked = (repository / "environments" / "schema.json").read_text()
    assert tracked == schema_text(), (
        "write environments/schema.json anew: python -c 'from reconciler.adapters.yaml_schema import schema_text;"
        ' open("environments/schema.json", "w").write(schema_text())\''
    )


def test_the_schema_accepts_each_file_alone_and_refuses_a_misspelt_key(repository: Path) -> None:
    schema = json.loads(schema_text())
    for name in [BASE, *environments(repository)]:
        root = read_document(name, (repository / "environments" / f"{name}.yaml").read_bytes()).root
        assert root is not None
        jsonschema.validate(root.plain(), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**root.plain(), "enviroment": "dev"}, schema)


def test_the_schema_says_what_keys_mean() -> None:
    schema = json.loads(schema_text())
    assert schema["$defs"]["Endpoint"]["properties"]["traffic"]["description"].startswith("Percent of requests")
    assert schema["properties"]["environment"]["description"] == "Equals the file's name."
    assert "required" not in schema
    assert set(schema["properties"]) == set(DesiredState.model_fields)
