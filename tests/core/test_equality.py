"""What Azure takes for the same value, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.equality import fits, is_empty, list_key, same

SUB = "/subscriptions/00000000-0000-0000-0000-00000000000a"
ROLE = "/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
WORKSPACE = f"{SUB}/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw"
LONG = "azureml://subscriptions/s/resourceGroups/rg/workspaces/mlw/datastores/"

SAME = [
    pytest.param("x", "x", "name", id="a value equals itself"),
    pytest.param(None, "", "x", id="null is empty text"),
    pytest.param([], None, "x", id="an empty list is null"),
    pytest.param({}, None, "x", id="an empty object is null"),
    pytest.param({"hours": [], "minutes": None}, None, "x", id="an object of empties is empty"),
    pytest.param([], [""], "exposedHeaders", id="a list of empties is empty"),
    pytest.param({"type": "None"}, None, "identity", id="an identity of type None is no identity"),
    pytest.param("Standard", "standard", "sku", id="casing of an enum"),
    pytest.param(
        "SystemAssigned, UserAssigned", "systemAssigned,userAssigned", "type", id="a list of enums in one text"
    ),
    pytest.param(
        "1C793267-C310-D4AE-7BD5-5AF5BEF875D3", "1c793267-c310-d4ae-7bd5-5af5bef875d3", "t", id="casing of a UUID"
    ),
    pytest.param("Southeast Asia", "southeastasia", "location", id="a location's name and its id"),
    pytest.param(f"{SUB}/resourceGroups/RG", f"{SUB.upper()}/resourcegroups/rg/", "x", id="casing of a resource id"),
    pytest.param(ROLE, f"{SUB}{ROLE}", "roleDefinitionId", id="a role with and without its subscription"),
    pytest.param(
        f"{SUB}/resourceGroups/rg/providers/Microsoft.App/p/x{ROLE}", ROLE, "r", id="a role below another scope"
    ),
    pytest.param("80", 80, "port", id="a number as text"),
    pytest.param(3.0, 3, "threshold", id="a float that is whole"),
    pytest.param("True", True, "optional", id="a boolean as text"),
    pytest.param("PT1H", "PT60M", "window", id="one duration in two units"),
    pytest.param("P1D", "PT24H", "window", id="a day is 24 hours"),
    pytest.param("2018-02-01T00:00:00.000Z", "2018-02-01T00:00:00Z", "at", id="a moment with and without thousandths"),
    pytest.param("2018-02-01T02:00:00+02:00", "2018-02-01T00:00:00", "at", id="a moment in two zones"),
    pytest.param(
        "HTTPS://Vault.azure.net/", "https://vault.azure.net", "vaultUri", id="an address with its last slash"
    ),
    pytest.param("a\r\nb", "a\nb", "description", id="line ends in free text"),
    pytest.param("200Mi", "0.195Gi", "memory", id="a quantity in another unit"),
    pytest.param("300m", "0.3", "cpu", id="a quantity in thousandths"),
    pytest.param(
        "azureml:img:3", f"{WORKSPACE}/environments/img/versions/3", "environmentId", id="an asset and its id"
    ),
    pytest.param(
        f"azureml:{WORKSPACE}/models/m/versions/1", f"{WORKSPACE.lower()}/models/m/versions/1", "m", id="a marked id"
    ),
    pytest.param(
        "azureml://datastores/raw/paths/a/b", f"{LONG}raw/paths/a/b/", "dataUri", id="a datastore's URI, short and long"
    ),
    pytest.param("runs:/neat/model/", f"{LONG}artifacts/paths/ExperimentRun/dcid.neat/model", "u", id="a run's output"),
    pytest.param(
        "azureml://jobs/neat/outputs/artifacts", f"{LONG}a/paths/ExperimentRun/dcid.neat/", "u", id="a job's output"
    ),
    pytest.param(f"{LONG}raw/paths/a", f"{LONG}raw/paths/ServiceReplicated/789c/a", "u", id="a replica of an upload"),
    pytest.param(["b", "a"], ["A", "B"], "noProxy", id="a set in another order"),
    pytest.param([{"a": 1}, {"b": 2}], [{"B": 2}, {"a": "1"}], "x", id="objects without a key in another order"),
    pytest.param({"WorkspaceId": 1}, {"workspaceId": 1}, "x", id="casing of a property's name"),
]

DIFFERENT = [
    pytest.param("Prod", "prod", "tags.environment", id="casing of a tag"),
    pytest.param("1.10", "1.1", "tags.release", id="digits of a tag"),
    pytest.param("1.10", "1.1", "version", id="versions are no numbers"),
    pytest.param("01", "1", "name", id="digits in a name"),
    pytest.param("raw/A", "raw/a", "prefixMatch", id="casing of a blob's prefix"),
    pytest.param("https://x.net/A", "https://x.net/a", "codeUri", id="casing of an address's path"),
    pytest.param(True, 1, "x", id="a boolean is no number"),
    pytest.param(True, "1", "x", id="a boolean is no digit"),
    pytest.param(False, None, "x", id="false is not absent"),
    pytest.param(0, None, "x", id="zero is not absent"),
    pytest.param(0, "", "x", id="zero is no text"),
    pytest.param("abc", 1, "x", id="a word is no number"),
    pytest.param("PT1H", "PT1M", "x", id="two durations"),
    pytest.param("P", "PT", "x", id="letters that are no durations"),
    pytest.param("2018-02-01T00:00:00Z", "2018-02-01T00:00:01Z", "x", id="two moments"),
    pytest.param("2018-02-31T00:00:00Z", "2018-02-30T00:00:00Z", "x", id="dates that are none"),
    pytest.param("200Mi", "0.2Gi", "memory", id="two quantities"),
    pytest.param("much", "0.2Gi", "memory", id="no quantity"),
    pytest.param("azureml:img:3", f"{WORKSPACE}/environments/img/versions/4", "x", id="two versions of an asset"),
    pytest.param("azureml:img@latest", "azureml:img:4", "x", id="a label of an asset is no version"),
    pytest.param("azureml://datastores/raw/paths/A", f"{LONG}raw/paths/a", "x", id="casing of a path in a datastore"),
    pytest.param(f"{LONG}raw/paths/a", f"{LONG.replace('mlw', 'other')}raw/paths/a", "x", id="two workspaces"),
    pytest.param(["a", "a"], ["a", "b"], "x", id="a list that lacks one"),
    pytest.param(["a"], ["a", "b"], "x", id="a list that has one more"),
    pytest.param({"a": 1}, [1], "x", id="an object is no list"),
    pytest.param({f"{SUB}/x": {}}, {}, "userAssignedIdentities", id="an identity that is not there"),
    pytest.param({f"{SUB}/x": {}}, {f"{SUB}/y": {}}, "userAssignedIdentities", id="another identity"),
    pytest.param({"type": "None", "more": 1}, None, "x", id="an object of type None that says more"),
]


def path(dotted: str) -> tuple[str, ...]:
    return tuple(dotted.split("."))


@pytest.mark.parametrize(("declared", "live", "name"), SAME)
def test_the_same(declared: Any, live: Any, name: str) -> None:
    assert same(declared, live, path(name))
    assert same(live, declared, path(name))
    assert fits(declared, live, path(name))


@pytest.mark.parametrize(("declared", "live", "name"), DIFFERENT)
def test_different(declared: Any, live: Any, name: str) -> None:
    assert not same(declared, live, path(name))
    assert not same(live, declared, path(name))
    assert not fits(declared, live, path(name))


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        pytest.param({"a": 1}, {"a": 1, "etag": "x"}, id="a property that nobody declared"),
        pytest.param([{"a": 1}], [{"a": 1, "id": "x"}], id="one inside a list"),
        pytest.param([{"a": {}}], [{"a": {"b": 1}}], id="an empty object asks for nothing"),
        pytest.param([{"a": None}], [{"a": 5}], id="a null asks for nothing"),
        pytest.param(
            [{"a": 1}, {"a": 1, "b": 2}], [{"a": 1, "b": 2}, {"a": 1, "c": 3}], id="pairs are found whoever comes first"
        ),
    ],
)
def test_live_may_hold_more(declared: Any, live: Any) -> None:
    assert fits(declared, live)
    assert not same(declared, live)


@pytest.mark.parametrize(
    ("lists", "key"),
    [
        pytest.param(([{"name": "a"}, {"name": "b"}], [{"name": "B"}]), "name", id="by name"),
        pytest.param(([{"id": "a"}], []), "id", id="by id, though one list is empty"),
        pytest.param(([{"name": "a"}, {"name": "A"}],), None, id="two of one name have no key"),
        pytest.param(([{"name": "a"}], [{"name": 1}]), None, id="a number is no key"),
        pytest.param((["a"],), None, id="texts have no key"),
        pytest.param(([], []), None, id="nothing has no key"),
    ],
)
def test_the_key_of_a_list(lists: tuple[list[Any], ...], key: str | None) -> None:
    assert list_key(*lists) == key


LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "A", "x/y", "PT1H", "1"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_every_value_equals_itself(value: Any) -> None:
    assert same(value, value)
    assert fits(value, value)


@given(VALUES, VALUES)
def test_equality_has_no_direction_and_implies_fitting(left: Any, right: Any) -> None:
    assert same(left, right) == same(right, left)
    assert fits(left, right) or not same(left, right)


@given(st.lists(VALUES, max_size=5).flatmap(lambda values: st.tuples(st.just(values), st.permutations(values))))
def test_a_set_has_no_order(pair: tuple[list[Any], list[Any]]) -> None:
    assert same(*pair)


@given(VALUES)
def test_what_is_empty_equals_null(value: Any) -> None:
    assert same(value, None) == is_empty(value)
