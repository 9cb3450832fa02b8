"""Our templates equal the official compiler's: each construct of the subset, to the order of the keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.bicep import compile_template
from reconciler.bicep.template import GENERATOR
from tests.bicep.conftest import without_stamp

ACCOUNT = """\
resource lake 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: 'dlretaildev'
  location: 'southeastasia'
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
}
"""
BLOBS = """\
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: lake
  name: 'default'
}
"""
IDENTITY = """\
resource runner 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-runner'
  location: 'southeastasia'
}
"""


def things(value: str) -> str:
    return f"resource thing 'x.y/things@2020-01-01' = {{\n  name: 'a'\n  properties: {value}\n}}\n"


def tagged(value: str) -> str:
    return ACCOUNT + BLOBS + IDENTITY + things(f"{{\n    value: {value}\n  }}")


SNIPPETS = [
    pytest.param(things("{}"), id="a resource of an unknown type"),
    pytest.param("// nothing but a comment\n", id="no resource at all"),
    pytest.param("targetScope = 'resourceGroup'\n" + ACCOUNT, id="the target scope is said although it is the default"),
    pytest.param(things("{ a: 1, b: -5, c: true, d: false, e: null }"), id="numbers, truth and null on one line"),
    pytest.param(things("[\n    1\n    'two'\n    [3]\n    { four: 4 }\n    []\n  ]"), id="nested lists and objects"),
    pytest.param(things("-9223372036854775807"), id="a number of 64 bits"),
    pytest.param(things(r"'it\'s \\ \n \r \t \${x} $ {} \u{1F600} é'"), id="every escape"),
    pytest.param(things("'  // no comment'"), id="text that looks like a comment"),
    pytest.param(things("'/* no comment */'"), id="text that looks like a block comment"),
    pytest.param(things("'https://example.org/{}//'"), id="text with slashes"),
    pytest.param(things("' '"), id="text of one blank"),
    pytest.param(things("''"), id="empty text"),
    pytest.param(things("['[x]', '[x', 'x]', '[[x]', '[]', '[x] ', '[]]']"), id="text that looks like an expression"),
    pytest.param(things("'''\n[multi\n  'line'] ${x} \\n'''"), id="a multi-line text"),
    pytest.param(things("'''one line'''"), id="a multi-line text on one line"),
    pytest.param(things("''''quoted''''"), id="a multi-line text that begins and ends with a quote"),
    pytest.param(things("''''''"), id="an empty multi-line text"),
    pytest.param(things("{ '[x]': 1, 'with space': 2, plain: 3, '': 4 }"), id="quoted keys"),
    pytest.param(things("{ // why\n a: 1 /* and\n why */\n // last\n }"), id="comments inside an object"),
    pytest.param(things("json('0.5')"), id="a decimal"),
    pytest.param(things('json(\'{"a": [1, "it\\\'s"]}\')'), id="an object as JSON text"),
    pytest.param(
        things("subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')"), id="an id of the subscription"
    ),
    pytest.param(things("resourceId('a.b/c/d', 'x', 'it\\'s')"), id="an id of the resource group"),
    pytest.param(things("tenantResourceId('a.b/c', 'x')"), id="an id of the tenant"),
    pytest.param(tagged("lake.id"), id="the id of a resource"),
    pytest.param(tagged("blobs.id"), id="the id of a child"),
    pytest.param(tagged("blobs.name"), id="the name of a child"),
    pytest.param(tagged("lake.properties.primaryEndpoints.blob"), id="a property that Azure makes up"),
    pytest.param(tagged("runner.properties"), id="all properties of a resource"),
    pytest.param(tagged("lake.identity.principalId"), id="the identity of a resource"),
    pytest.param(tagged("'${lake.name}-${lake.name}'"), id="the same name twice in a text"),
    pytest.param(tagged("'[${lake.id}]'"), id="an interpolated text in brackets"),
    pytest.param(
        tagged("'{\\'a\\': ${runner.properties.clientId} {0}} \\${x}'"), id="braces and quotes around a value"
    ),
    pytest.param(tagged("{ '${runner.id}': {}, '${lake.name}/x': {} }"), id="interpolated keys"),
    pytest.param(ACCOUNT + BLOBS, id="a child"),
    pytest.param(
        ACCOUNT
        + BLOBS
        + "resource raw 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {\n"
        + "  parent: blobs\n  name: 'raw'\n  properties: { metadata: { a: lake.name } }\n}\n",
        id="a grandchild that also names its grandparent",
    ),
    pytest.param(
        ACCOUNT.replace("2026-04-01' =", "2026-04-01' existing =").split("  location")[0]
        + "}\n"
        + BLOBS.replace("' =", "' existing =")
        + "resource raw 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {\n"
        + "  parent: blobs\n  name: 'raw'\n}\n",
        id="existing parents are not waited for",
    ),
    pytest.param(
        ACCOUNT
        + BLOBS.replace("' =", "' existing =")
        + "resource raw 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {\n"
        + "  parent: blobs\n  name: 'raw'\n}\n",
        id="an existing parent is looked through",
    ),
    pytest.param(
        ACCOUNT
        + IDENTITY
        + "resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {\n"
        + "  scope: lake\n  name: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'\n"
        + "  properties: {\n    principalId: runner.properties.principalId\n    roleDefinitionId: 'r'\n  }\n}\n"
        + "output grant string = grant.id\n",
        id="a role assignment on a resource",
    ),
    pytest.param(
        ACCOUNT
        + BLOBS
        + "resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {\n"
        + "  scope: blobs\n  name: 'logs'\n  properties: { workspaceId: lake.id }\n}\n"
        + "resource more 'x.y/z@2020-01-01' = {\n  name: 'more'\n  tags: { a: logs.id }\n}\n",
        id="a diagnostic setting on a child, referred to by another",
    ),
    pytest.param(
        "resource a 'x.y/z@2020-01-01' = {\n  name: 'a'\n  scope: b\n}\nresource b 'x.y/z@2020-01-01' = {\n  name: 'b'\n}\n"
        "resource c 'x.y/z/k@2020-01-01' = {\n  parent: a\n  name: 'c'\n}\noutput id string = c.id\n",
        id="the child of an extension",
    ),
    pytest.param(
        ACCOUNT
        + IDENTITY
        + "resource Zeta 'x.y/z@2020-01-01' = {\n  name: 'z'\n}\n"
        + "resource last 'x.y/z@2020-01-01' = {\n  name: 'l'\n  dependsOn: [\n    runner\n    lake\n    Zeta\n  ]\n}\n",
        id="explicit dependencies in the order of symbols",
    ),
    pytest.param(
        "@description('why [not]\\n')\n" + things("{ a: lake.id }") + ACCOUNT, id="a description and a later resource"
    ),
    pytest.param("@description('''[why]''')\n" + things("{}"), id="a description in brackets"),
    pytest.param(
        ACCOUNT + "@description('d')\noutput a string = lake.name\noutput b array = [lake.id, 1]\n"
        "output c object = { p: lake.properties }\noutput d int = 1\noutput e bool = true\noutput f string = '[x]'\n",
        id="outputs of every type",
    ),
    pytest.param(
        "targetScope = 'subscription'\nresource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {\n"
        "  name: 'rg-a'\n  location: 'southeastasia'\n}\n"
        "resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {\n  name: 'x'\n  properties: {\n"
        "    principalId: group.id\n    roleDefinitionId: resourceId('a.b/c', 'd')\n  }\n}\noutput id string = grant.id\n",
        id="a resource group and a grant of the subscription",
    ),
]


@pytest.mark.parametrize("text", SNIPPETS)
def test_our_template_is_the_official_one(text: str, build: Callable[[str], dict[str, Any]]) -> None:
    ours = without_stamp(compile_template(text, "snippet.bicep"))
    assert json.dumps(ours, indent=1) == json.dumps(build(text), indent=1)


def test_windows_line_breaks_mean_what_they_mean_officially(build: Callable[[str], dict[str, Any]]) -> None:
    text = (ACCOUNT + things("'''\nfirst\n  second\n'''")).replace("\n", "\r\n")
    ours = without_stamp(compile_template(text, "snippet.bicep"))
    assert ours == build(text)


def test_the_stamp_is_ours() -> None:
    assert compile_template(ACCOUNT, "main.bicep")["metadata"] == {"_generator": GENERATOR}
