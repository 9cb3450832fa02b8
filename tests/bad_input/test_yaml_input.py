"""Every mistake an author can make in YAML: where it is found, to the column, and what the message says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.adapters.yaml_files import load
from reconciler.errors import DesiredStateError, Finding
from tests.adapters.yaml_repository import FILES, PROD, write_repository

PROD_FILE = "environments/prod.yaml"
BASE_FILE = "environments/base.yaml"
VERSION_FILE = "models/retail-forecast/versions/2.yaml"
MODEL_FILE = "models/retail-forecast/model.yaml"
BLUE = '      blue:  {model: "retail-forecast:1", size: Standard_F4s_v2, instances: {min: 3, max: 8}}  # steady\n'


def refused(root: Path, environment: str = "prod") -> DesiredStateError:
    with pytest.raises(DesiredStateError) as caught:
        load(root, environment)
    return caught.value


def swap(file: str, old: str, new: str) -> dict[str, str | bytes | None]:
    text = FILES[file]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    return {file: text.replace(old, new)}


def prod(old: str, new: str) -> dict[str, str | bytes | None]:
    return swap(PROD_FILE, old, new)


def base(old: str, new: str) -> dict[str, str | bytes | None]:
    return swap(BASE_FILE, old, new)


def version(old: str, new: str) -> dict[str, str | bytes | None]:
    return swap(VERSION_FILE, old, new)


TEXT = [
    pytest.param(prod("    traffic:", "\ttraffic:"), f"{PROD_FILE}:11:1", "a tab", id="a tab indents a line"),
    pytest.param(
        prod("name_suffix:", "location: eastus\nlocation: westus\nname_suffix:"),
        f"{PROD_FILE}:5:1",
        'the key "location" stands here twice: first on line 4',
        id="a key stands twice",
    ),
    pytest.param(
        prod("{blue: 90", "{blue: 1, blue: 90"),
        f"{PROD_FILE}:11:24",
        "first on line 11",
        id="a key stands twice in one line",
    ),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix: &s 7f3a"), f"{PROD_FILE}:4:14", 'an anchor "&s"', id="an anchor"
    ),
    pytest.param(prod("name_suffix: 7f3a", "name_suffix: *s"), f"{PROD_FILE}:4:14", 'an alias "*s"', id="an alias"),
    pytest.param(
        {PROD_FILE: "a: [x, x]\nb: [*a, *a]\nc: [*b, *b]\n"},
        f"{PROD_FILE}:2:5",
        'an alias "*a"',
        id="a bomb of aliases is refused before it expands",
    ),
    pytest.param(
        {PROD_FILE: "a: " + "[" * 500 + "]" * 500 + "\n"},
        f"{PROD_FILE}:1:43",
        "nested deeper than 40",
        id="a bomb of brackets",
    ),
    pytest.param(
        {PROD_FILE: b"a: " + b"x" * 2_000_001}, f"{PROD_FILE}:1:1", "larger than 2,000,000 bytes", id="a huge file"
    ),
    pytest.param(prod("name_suffix: 7f3a", "name_suffix: !!str 7f3a"), f"{PROD_FILE}:4:14", "a tag", id="a tag"),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix: !!python/object:os.system x"),
        f"{PROD_FILE}:4:14",
        "a tag",
        id="a tag that would build an object",
    ),
    pytest.param({PROD_FILE: ""}, f"{PROD_FILE}:1:1", "the file is empty", id="an empty file"),
    pytest.param({PROD_FILE: "# only a comment\n"}, f"{PROD_FILE}:1:1", "the file is empty", id="only a comment"),
    pytest.param({PROD_FILE: "null\n"}, f"{PROD_FILE}:1:1", "the file is empty", id="null alone"),
    pytest.param(
        {PROD_FILE: "- prod\n"},
        f"{PROD_FILE}:1:1",
        "expected keys and values at the top, found a list",
        id="a list at the top",
    ),
    pytest.param({PROD_FILE: "prod\n"}, f"{PROD_FILE}:1:1", 'found text "prod"', id="a word at the top"),
    pytest.param({PROD_FILE: PROD + "---\na: 1\n"}, f"{PROD_FILE}:12:1", "a second document", id="two documents"),
    pytest.param(
        prod("name_suffix:", "1: x\nname_suffix:"),
        f"{PROD_FILE}:4:1",
        "a key must be text, found the number 1; write '1' in quotes",
        id="a number as key",
    ),
    pytest.param(
        prod("name_suffix:", "? [a]\n: x\nname_suffix:"),
        f"{PROD_FILE}:4:3",
        "a key must be text, found a list",
        id="a list as key",
    ),
    pytest.param(
        {PROD_FILE: b"environment: prod\nowner: caf\xe9\n"},
        f"{PROD_FILE}:2:11",
        "not UTF-8 text: byte 0xe9",
        id="Latin-1 text",
    ),
    pytest.param(
        {PROD_FILE: b"environment: prod\nowner: a\x07b\n"},
        f"{PROD_FILE}:2:9",
        "control character",
        id="a control character",
    ),
    pytest.param(
        prod("{blue: 90, green: 10} ", "{blue: 90, green: 10 "),
        f"{PROD_FILE}:12:1",
        "not YAML",
        id="a brace is not closed",
    ),
    pytest.param(
        prod("name_suffix: 7f3a", 'name_suffix: "7f3a'), f"{PROD_FILE}:9:23", "not YAML", id="a quote is not closed"
    ),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix: a: b"), f"{PROD_FILE}:4:15", "not YAML", id="two colons in a line"
    ),
]

TYPES = [
    pytest.param(
        prod("instances: {min: 3, max: 8}}  #", "instance: {min: 3, max: 8}}  #"),
        f"{PROD_FILE}:9:66",
        'unknown key "instance" in deployment "blue": did you mean "instances"?',
        id="a misspelt key",
    ),
    pytest.param(
        prod("endpoints:", "colour: red\nendpoints:"),
        f"{PROD_FILE}:5:1",
        'unknown key "colour" in the desired state',
        id="a key nobody knows",
    ),
    pytest.param(
        prod("endpoints:", "Location: eastus\nendpoints:"),
        f"{PROD_FILE}:5:1",
        'did you mean "location"?',
        id="a key in the wrong case",
    ),
    pytest.param(
        base("nodes: {min: 0, max: 2}", "nodes: {mni: 0, max: 2}"),
        f"{BASE_FILE}:13:46",
        'unknown key "mni" in "nodes" of compute "train-cpu": did you mean "min"?',
        id="a misspelt key deep in base",
    ),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix: 7430"),
        f"{PROD_FILE}:4:14",
        "\"name_suffix\" must be text, found the number 7430: write '7430' in quotes",
        id="a suffix of digits",
    ),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix: 7e30"),
        f"{PROD_FILE}:4:14",
        "write '7e30' in quotes",
        id="a suffix that YAML takes for a float",
    ),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix: 0073"),
        f"{PROD_FILE}:4:14",
        "write '0073' in quotes",
        id="a suffix with leading zeros keeps its spelling",
    ),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix: true"),
        f"{PROD_FILE}:4:14",
        "found the truth value true",
        id="a suffix that is a truth value",
    ),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix:"),
        f"{PROD_FILE}:4:13",
        '"name_suffix" must be text, found nothing',
        id="a key without a value",
    ),
    pytest.param(
        base("max: 2}", "max: two}"),
        f"{BASE_FILE}:13:59",
        '"max" of "nodes" of compute "train-cpu" must be a whole number, found text "two"',
        id="a word for a number",
    ),
    pytest.param(
        prod("{blue: 90, ", "{blue: 90.5, "),
        f"{PROD_FILE}:11:21",
        "must be a whole number, found the number 90.5",
        id="traffic in fractions",
    ),
    pytest.param(
        prod("{blue: 90, ", "{blue: true, "),
        f"{PROD_FILE}:11:21",
        "must be a whole number, found the truth value",
        id="traffic that is a truth value",
    ),
    pytest.param(
        prod("{blue: 90, green: 10}", "[90, 10]"),
        f"{PROD_FILE}:11:14",
        "must be keys and values, found a list",
        id="traffic as a list",
    ),
    pytest.param(
        base("serves: true", "serves: yes"),
        f"{BASE_FILE}:16:53",
        'must be true or false, found text "yes"',
        id="yes is text in YAML 1.2",
    ),
    pytest.param(
        base("data_class: internal", "data_class: internl"),
        f"{BASE_FILE}:6:13",
        '"data_class" must be "public", "internal" or "confidential", found text "internl": did you mean "internal"?',
        id="a misspelt choice",
    ),
    pytest.param(
        base("owner: forecasting-team\n", ""),
        f"{PROD_FILE}:1:1",
        'missing key "owner" in the desired state: expected text',
        id="a key is missing",
    ),
    pytest.param(
        base("size: Standard_DS3_v2, ", ""),
        f"{BASE_FILE}:13:3",
        'missing key "size" in compute "train-cpu"',
        id="a key of a cluster is missing",
    ),
    pytest.param(
        base("max: 2}", "max: 0}"), f"{BASE_FILE}:13:59", "must be at least 1, found the number 0", id="no node at most"
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("max: 8", "max: 51")),
        f"{PROD_FILE}:9:91",
        "must be at most 50, found the number 51",
        id="more instances than a deployment may have",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("min: 3", "min: 0")),
        f"{PROD_FILE}:9:83",
        "must be at least 1, found the number 0",
        id="no instance",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("}}", "}, request_timeout_s: 181}")),
        f"{PROD_FILE}:9:114",
        "must be at most 180, found the number 181",
        id="a request timeout above the service's limit",
    ),
]

MEANING = [
    pytest.param(
        prod("environment: prod ", "environment: live "),
        f"{PROD_FILE}:2:14",
        'environment must equal the file\'s name: expected "prod", found "live"',
        id="the environment is not the file's name",
    ),
    pytest.param(
        prod("green: 10}", "green: 40}"),
        f"{PROD_FILE}:11:21",
        "traffic adds up to 130, not 100 or 0",
        id="traffic above 100",
    ),
    pytest.param(
        prod("{blue: 90, green: 10}", "{blue: 110, green: -10}"),
        f"{PROD_FILE}:11:33",
        'traffic to "green" is negative: -10',
        id="negative traffic that adds up to 100",
    ),
    pytest.param(
        prod("green: 10}", "gren: 10}"),
        f"{PROD_FILE}:11:25",
        'traffic to "gren", which is no deployment of this endpoint: did you mean "green"?',
        id="traffic to nobody",
    ),
    pytest.param(
        {PROD_FILE: PROD + "    mirror: {green: 60}\n"},
        f"{PROD_FILE}:12:21",
        "mirror must be 0 to 50 percent, found 60",
        id="more than half is mirrored",
    ),
    pytest.param(
        {PROD_FILE: PROD + "    mirror: {blue: 5, green: 5}\n"},
        f"{PROD_FILE}:12:13",
        "mirror names 2 deployments",
        id="traffic is mirrored to two",
    ),
    pytest.param(
        {PROD_FILE: PROD.replace("90, green: 10", "100") + "    mirror: {blue: 5}\n"},
        f"{PROD_FILE}:12:20",
        '"blue" gets all traffic already',
        id="a mirror of all traffic to itself",
    ),
    pytest.param(
        prod("  retail-forecast:\n", "  rf:\n"),
        f"{PROD_FILE}:6:3",
        "has 2 characters: expected 3 to 32",
        id="an endpoint's name is too short",
    ),
    pytest.param(
        prod("  retail-forecast:\n", "  1-forecast:\n"),
        f"{PROD_FILE}:6:3",
        "must begin with a letter",
        id="an endpoint's name begins with a digit",
    ),
    pytest.param(
        prod("  retail-forecast:\n", "  retail--forecast:\n"),
        f"{PROD_FILE}:6:3",
        "single dashes only",
        id="an endpoint's name has two dashes in a row",
    ),
    pytest.param(
        prod("  retail-forecast:\n", "  retail-forecast-for-every-store:\n"),
        f"{PROD_FILE}:6:3",
        'would be "retail-forecast-for-every-store-prod-7f3a", 41 characters: Azure allows 32',
        id="an endpoint's name in Azure would be too long",
    ),
    pytest.param(
        base("name: retail\n", "name: retailforecasting\n"),
        f"{BASE_FILE}:2:7",
        'the storage account would be "dlretailforecastingprod7f3a", 27 characters',
        id="a storage account would be too long",
    ),
    pytest.param(
        base("name: retail\n", "name: Retail\n"),
        f"{BASE_FILE}:2:7",
        "lower-case letters and digits",
        id="a short name in capitals",
    ),
    pytest.param(
        prod("name_suffix: 7f3a", "name_suffix: 7f-3a"),
        f"{PROD_FILE}:4:14",
        "lower-case letters and digits",
        id="a dash in the suffix",
    ),
    pytest.param(
        prod("00000000-0000-0000-0000-00000000000c", "prod-subscription"),
        f"{PROD_FILE}:3:18",
        "must be a UUID",
        id="a subscription's name for its id",
    ),
    pytest.param(
        base("location: southeastasia", "location: southeast-asia"),
        f"{BASE_FILE}:3:11",
        'unknown location "southeast-asia": did you mean "southeastasia"?',
        id="a misspelt location",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("F4s_v2", "F4_v2")),
        f"{PROD_FILE}:9:49",
        'unknown size "Standard_F4_v2": did you mean "Standard_F4s_v2"?',
        id="an unknown size",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("F4s_v2", "D4s_v3")),
        f"{PROD_FILE}:9:49",
        'managed online endpoints do not accept the size "Standard_D4s_v3"',
        id="a size that endpoints refuse",
    ),
    pytest.param(
        base("Standard_DS3_v2", "Standard_DS33_v2"),
        f"{BASE_FILE}:13:21",
        'unknown size "Standard_DS33_v2"',
        id="an unknown size of a cluster",
    ),
    pytest.param(
        base("{min: 0, max: 2}", "{min: 3, max: 2}"),
        f"{BASE_FILE}:13:51",
        "nodes: min 3 is more than max 2",
        id="more nodes at least than at most",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("min: 3", "min: 9")),
        f"{PROD_FILE}:9:83",
        "instances: min 9 is more than max 8",
        id="more instances at least than at most",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("forecast:1", "forecast:7")),
        f"{PROD_FILE}:9:22",
        'model "retail-forecast" has no version 7: its versions are 1, 2',
        id="an unknown model version",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("forecast:1", "forcast:1")),
        f"{PROD_FILE}:9:22",
        'unknown model "retail-forcast": did you mean "retail-forecast"?',
        id="an unknown model",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("forecast:1", "forecast@latest")),
        f"{PROD_FILE}:9:22",
        "only dev may follow the latest",
        id="@latest outside dev",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("forecast:1", "forecast:latest")),
        f"{PROD_FILE}:9:22",
        "names no fixed version",
        id=":latest outside dev",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("forecast:1", "forecast")),
        f"{PROD_FILE}:9:22",
        "model must be name:version",
        id="a model without a version",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("}}", "}, runtime_image: scorin}")),
        f"{PROD_FILE}:9:110",
        'unknown runtime image "scorin": did you mean "scoring"?',
        id="an unknown runtime image",
    ),
    pytest.param(
        prod(BLUE, BLUE.replace("}}", "}, runtime_image: training}")),
        f"{PROD_FILE}:9:110",
        "does not serve",
        id="a runtime image that does not serve",
    ),
    pytest.param(
        base("compute: train-cpu", "compute: train-gpu"),
        f"{BASE_FILE}:20:52",
        'unknown compute "train-gpu"',
        id="a job on an unknown cluster",
    ),
    pytest.param(
        base("data: sales, ", "data: sale, "),
        f"{BASE_FILE}:20:94",
        'unknown data "sale": did you mean "sales"?',
        id="a job on unknown data",
    ),
    pytest.param(
        base("experiment: e}", "experiment: e, schedule: 99 * * * *}"),
        f"{BASE_FILE}:20:126",
        "is not a cron expression",
        id="a schedule that is no cron expression",
    ),
    pytest.param(
        base("experiment: e}", 'experiment: e, schedule: "@daily"}'),
        f"{BASE_FILE}:20:126",
        "expected five fields",
        id="a schedule by name",
    ),
    pytest.param(
        base("cool_after_days: 30", "cool_after_days: 300"),
        f"{BASE_FILE}:11:42",
        "days must ascend",
        id="a blob cools after it is archived",
    ),
    pytest.param(
        base("      raw:", "      RAW:"), f"{BASE_FILE}:11:7", "lower-case letters", id="a container in capitals"
    ),
    pytest.param(
        base("storage:\n", "storage:\n  redundancy: zone\n"),
        f"{BASE_FILE}:12:66",
        "has no archive tier",
        id="archive in a zone-redundant account",
    ),
    pytest.param(
        base('sales: {version: "1"', "sales: {version: latest"),
        f"{BASE_FILE}:18:20",
        "expected a fixed one",
        id="data without a fixed version",
    ),
]

MODELS = [
    pytest.param(
        version("version: 2", "version: 3"),
        f"{VERSION_FILE}:1:10",
        "expected 2, found 3",
        id="a version is not its file's name",
    ),
    pytest.param(
        version("format: lightgbm-text", "format: pickle"),
        f"{VERSION_FILE}:2:167",
        'must be "lightgbm-text", found text "pickle"',
        id="a format that can execute code",
    ),
    pytest.param(
        version("commit: 3f2a1c9", "commit: 3f2a1"),
        f"{VERSION_FILE}:4:16",
        "must be text that matches",
        id="a commit cut short",
    ),
    pytest.param(
        version("wape: 24.1", "rmse: 24.1"),
        f"{VERSION_FILE}:6:10",
        'no metric "wape"',
        id="the deciding metric is missing",
    ),
    pytest.param(
        version("mape: 33.8", "mape: .nan"),
        f"{VERSION_FILE}:6:17",
        "must be a finite number, found the number .nan",
        id="a metric that is no number",
    ),
    pytest.param(
        version("[1.5, 2]", "[]"),
        f"{VERSION_FILE}:11:17",
        "must be at least 1 item long",
        id="a smoke case without an answer",
    ),
    pytest.param(
        version("size_bytes: 1843200", "size_bites: 1843200"),
        f"{VERSION_FILE}:2:138",
        'did you mean "size_bytes"?',
        id="a misspelt key of a version",
    ),
    pytest.param(
        swap(MODEL_FILE, "name: retail-forecast", "name: retail"),
        f"{MODEL_FILE}:1:7",
        'expected "retail-forecast"',
        id="a model is not its folder's name",
    ),
    pytest.param(
        swap(MODEL_FILE, "direction: lower", "direction: down"),
        f"{MODEL_FILE}:5:33",
        'must be "lower" or "higher"',
        id="an unknown direction of a metric",
    ),
    pytest.param(
        swap(MODEL_FILE, "owner: forecasting-team\n", ""),
        f"{MODEL_FILE}:1:1",
        'missing key "owner"',
        id="a model without an owner",
    ),
]


@pytest.mark.parametrize(("changes", "place", "words"), [*TEXT, *TYPES, *MEANING, *MODELS])
def test_a_mistake_is_found_where_it_stands(
    tmp_path: Path, changes: dict[str, str | bytes | None], place: str, words: str
) -> None:
    error = refused(write_repository(tmp_path, changes))
    assert len(error.findings) == 1, str(error)
    assert str(error).startswith(place + ":"), str(error)
    assert words in error.findings[0].message, str(error)
    assert error.exit_code == 1


def test_each_wrong_item_of_a_list_is_told_and_no_other(tmp_path: Path) -> None:
    error = refused(write_repository(tmp_path, version("[1.5, 2]", "[a, b, 3, c]")))
    assert [(finding.column, finding.message[:34]) for finding in error.findings] == [
        (18, 'item 1 of "forecast" of item 1 of '),
        (21, 'item 2 of "forecast" of item 1 of '),
        (27, 'item 4 of "forecast" of item 1 of '),
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([PROD_FILE, BASE_FILE, VERSION_FILE, MODEL_FILE]),
    st.integers(0, 600),
    st.integers(0, 20),
    st.text(alphabet="\n {}[]:,'\"-#\t0a&*é", max_size=3),
)
def test_whatever_is_cut_or_typed_the_author_gets_findings_or_it_loads(
    file: str, at: int, cut: int, typed: str
) -> None:
    text = FILES[file][:at] + typed + FILES[file][at + cut :]
    with tempfile.TemporaryDirectory() as folder:
        findings = findings_of(write_repository(Path(folder), {file: text}))
    assert findings is None or findings
    assert all(finding.line >= 1 and finding.column >= 1 and str(finding) for finding in findings or [])


def findings_of(root: Path) -> list[Finding] | None:
    try:
        load(root, "prod")
    except DesiredStateError as error:
        return error.findings
    return None
