"""What the templates say of each environment: stable, complete, inside the environment, and acceptable to Azure."""

from __future__ import annotations

import copy
import importlib.util
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reconciler.adapters import official_bicep
from reconciler.adapters.jinja import render_files, write_files
from reconciler.adapters.rule_files import load_rules
from reconciler.adapters.yaml_files import load
from reconciler.core.desired import tags
from reconciler.core.planner import World, make_plan
from reconciler.core.resource import Body, Reference, Resource, references
from reconciler.render import resources
from tests.bicep.conftest import BICEP
from tests.bicep.test_lowering import body_of, known
from tests.templates.conftest import ENVIRONMENTS, Rendered

GOLDEN = Path(__file__).parent / "golden"
ML = "Microsoft.MachineLearningServices/workspaces"
TYPES = {
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.Insights/components",
    "Microsoft.KeyVault/vaults",
    ML,
    f"{ML}/computes",
    f"{ML}/data/versions",
    f"{ML}/datastores",
    f"{ML}/environments/versions",
    f"{ML}/models/versions",
    f"{ML}/onlineEndpoints",
    f"{ML}/onlineEndpoints/deployments",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.Storage/storageAccounts/managementPolicies",
}
WITHOUT_TAGS = {
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.Storage/storageAccounts/managementPolicies",
}
"""Azure gives these no tags."""

# azure-ai-ml defines its schemas in the way of marshmallow 3.
pytestmark = pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")

each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def tags_of(one: Resource) -> Any:
    return one.body.get("tags") or one.body.get("properties", {}).get("tags")


def plain(value: Any) -> Any:
    """A body where text stands for what Azure has yet to make up."""
    match value:
        case Reference():
            return "00000000-0000-0000-0000-000000000000"
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


@each_environment
def test_every_type_of_the_project_is_declared(rendered: dict[str, Rendered], environment: str) -> None:
    assert {one.type for one in rendered[environment].resources} == TYPES


@each_environment
def test_the_same_yaml_gives_the_same_bytes_and_resources(
    populated: Path, rendered: dict[str, Rendered], environment: str
) -> None:
    loaded = load(populated, environment)
    files = render_files(loaded, populated)
    assert files == rendered[environment].files
    assert resources(loaded, populated, files) == rendered[environment].resources


@each_environment
def test_files_end_in_one_newline_and_name_no_machine(rendered: dict[str, Rendered], environment: str) -> None:
    for name, text in rendered[environment].files.items():
        assert text.endswith("\n"), name
        assert not text.endswith("\n\n"), name
        assert "/tmp/" not in text, name
        assert "/home/" not in text, name


def test_the_rendered_bicep_of_dev_is_what_was_reviewed(rendered: dict[str, Rendered], golden: Any) -> None:
    golden(GOLDEN / "main.bicep", rendered["dev"].files["main.bicep"])


def test_the_official_compiler_agrees_on_every_environment(rendered: dict[str, Rendered], tmp_path: Path) -> None:
    if not BICEP.exists():
        pytest.skip("the official compiler is not at ../shared/tools/bicep")

    def check(environment: str) -> list[str]:
        write_files(rendered[environment].files, tmp_path / environment)
        return [str(one) for one in official_bicep.check(BICEP, tmp_path / environment)]

    with ThreadPoolExecutor(2) as pool:
        assert dict(zip(ENVIRONMENTS, pool.map(check, ENVIRONMENTS), strict=True)) == {
            environment: [] for environment in ENVIRONMENTS
        }


def test_the_official_snapshot_predicts_the_bodies_that_we_send(rendered: dict[str, Rendered], tmp_path: Path) -> None:
    if not BICEP.exists():
        pytest.skip("the official compiler is not at ../shared/tools/bicep")
    with official_bicep.compiler(BICEP) as calls:
        for environment, one in rendered.items():
            write_files(one.files, tmp_path / environment)
            predicted = [
                item
                for name in ("subscription", "main")
                for item in snapshot(calls, tmp_path / environment / f"{name}.bicepparam", one)
            ]
            ours = {resource.id.key: resource for resource in one.resources}
            assert len(predicted) > 30
            for item in predicted:
                own = ours[item["id"].lower()]
                assert own.api_version == item["apiVersion"]
                assert known(own.body, body_of(item)) == body_of(item), own.id


def snapshot(calls: official_bicep.Calls, parameters: Path, one: Rendered) -> list[dict[str, Any]]:
    state = one.loaded.state
    group = None if parameters.stem == "subscription" else f"rg-mlops-{state.name}-{state.environment}"
    scope = {"subscriptionId": state.subscription_id, "resourceGroup": group, "location": state.location}
    metadata = {**scope, "tenantId": None, "deploymentName": None}
    asked = {"path": str(parameters), "metadata": metadata, "externalInputs": None}
    found: list[dict[str, Any]] = json.loads(calls.call("bicep/getSnapshot", asked)["snapshot"])["predictedResources"]
    return found


@pytest.fixture(scope="module")
def azure_types(shared: Path) -> ModuleType:
    """The checker of bodies against Azure's published definitions."""
    import sys

    spec = importlib.util.spec_from_file_location("azure_types", shared / "tools" / "azure_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["azure_types"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@each_environment
def test_azures_definitions_allow_every_body(
    rendered: dict[str, Rendered], environment: str, azure_types: ModuleType
) -> None:
    found = [
        f"{one.id}: {finding}"
        for one in rendered[environment].resources
        for finding in azure_types.check(one.type, one.api_version, plain(one.body), "write")
    ]
    assert found == []


@each_environment
def test_azures_definitions_allow_every_template(
    rendered: dict[str, Rendered], environment: str, azure_types: ModuleType
) -> None:
    for name in ("main.json", "subscription.json"):
        template = json.loads(rendered[environment].files[name])
        assert [found for _, found in azure_types.template_findings(template) if found] == []


@each_environment
def test_what_can_carry_tags_carries_them_all(rendered: dict[str, Rendered], environment: str) -> None:
    wanted = tags(rendered[environment].loaded.state)
    for one in rendered[environment].resources:
        if one.type in WITHOUT_TAGS:
            assert tags_of(one) is None, one.id
        else:
            assert tags_of(one) == wanted, one.id


@each_environment
def test_the_order_has_no_circle_and_stays_inside_the_environment(
    rendered: dict[str, Rendered], environment: str
) -> None:
    declared = rendered[environment].resources
    ids = {one.id for one in declared}
    assert len(ids) == len(declared)
    assert all(one.needs <= ids for one in declared)
    order = list(TopologicalSorter({one.id: one.needs for one in declared}).static_order())
    assert order[0].type == "Microsoft.Resources/resourceGroups"
    assert order.index(first(declared, f"{ML}/onlineEndpoints").id) > order.index(first(declared, ML).id)


@each_environment
def test_references_are_to_what_is_declared_and_awaited(rendered: dict[str, Rendered], environment: str) -> None:
    for one in rendered[environment].resources:
        assert {reference.resource for reference in references(one.body)} <= one.needs, one.id


@each_environment
def test_every_resource_knows_where_it_is_declared(
    rendered: dict[str, Rendered], environment: str, populated: Path
) -> None:
    for one in rendered[environment].resources:
        assert one.origin.file.startswith("environments/"), one.id
        assert (populated / one.origin.file).read_text().splitlines()[one.origin.line - 1].strip(), one.id
        assert one.label, one.id


def test_names_of_role_assignments_are_unique_and_stay_when_yaml_moves(
    populated: Path, rendered: dict[str, Rendered]
) -> None:
    assigned = {
        environment: [one.id.name for one in rendered[environment].resources if one.type.endswith("roleAssignments")]
        for environment in ENVIRONMENTS
    }
    everything = [uuid.UUID(name) for names in assigned.values() for name in names]
    assert len(set(everything)) == len(everything) == 3 * len(assigned["dev"])
    file = populated / "environments" / "dev.yaml"
    before = file.read_text()
    try:
        file.write_text(f"# moved down\n\n{before}".replace("90, green: 10", "80, green: 20"))
        assert file.read_text() != before
        text = render_files(load(populated, "dev"), populated)["main.bicep"]
    finally:
        file.write_text(before)
    assert all(f"'{name}'" in text for name in assigned["dev"])


def test_environments_share_no_resource(rendered: dict[str, Rendered]) -> None:
    everything = [one.id for environment in ENVIRONMENTS for one in rendered[environment].resources]
    assert len(set(everything)) == len(everything)
    accounts = [one.name for one in everything if one.type == "Microsoft.Storage/storageAccounts"]
    assert len(set(accounts)) == 6


def test_the_plan_of_nothing_creates_everything_in_an_order_that_can_be_kept(rendered: dict[str, Rendered]) -> None:
    one = rendered["dev"]
    plan = make_plan(World("dev", one.resources, {}, {}, load_rules()), "c0ffee")
    assert {step.id for step in plan.steps} == {resource.id for resource in one.resources}
    assert list(TopologicalSorter({step.key: step.needs for step in plan.steps}).static_order())


def test_what_was_rendered_and_answered_unchanged_differs_in_nothing(rendered: dict[str, Rendered]) -> None:
    one = rendered["dev"]
    live = {resource.id: copy.deepcopy(plain(resource.body)) for resource in one.resources}
    for resource in one.resources:
        for reference in references(resource.body):
            put(live[reference.resource], reference.path, "00000000-0000-0000-0000-000000000000")
    world = World("dev", one.resources, {}, live, load_rules())
    assert {step.action.value for step in make_plan(world, "").steps} == {"record"}


def put(body: Body, path: str, value: str) -> None:
    *parents, last = path.split(".")
    for part in parents:
        body = body.setdefault(part, {})
    body[last] = value


def first(declared: list[Resource], type_: str) -> Resource:
    return next(one for one in declared if one.type == type_)
