"""Log Analytics workspaces and Application Insights components."""

from __future__ import annotations

import uuid

from reconciler.local_azure.behaviour import Behaviour, Body, Context
from reconciler.local_azure.providers.bodies import at, defaulted, now
from reconciler.local_azure.services import Services

LOGS = "Microsoft.OperationalInsights/workspaces"
COMPONENT = "Microsoft.Insights/components"


def behaviours(_services: Services) -> dict[str, Behaviour]:
    return {LOGS: Behaviour(complete=_complete_logs), COMPONENT: Behaviour(complete=_complete_component)}


def _complete_logs(context: Context, body: Body) -> Body:
    before = context.before
    created = at(before, "properties.createdDate") or now()
    sku = {**(at(body, "properties.sku") or {"name": "PerGB2018"}), "lastSkuUpdate": created}
    # The service answers the SKU in lower case whatever was sent.
    sku["name"] = "pergb2018" if sku["name"].lower() in ("pergb2018", "standalone") else sku["name"]
    defaults = {
        "customerId": at(before, "properties.customerId") or str(uuid.uuid4()),
        "createdDate": created,
        "modifiedDate": now(),
        "retentionInDays": 30,
        "features": {"legacy": 0, "searchVersion": 1, "enableLogAccessUsingOnlyResourcePermissions": True},
        "workspaceCapping": {
            "dailyQuotaGb": -1.0,
            "quotaNextResetTime": created,
            "dataIngestionStatus": "RespectQuota",
        },
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
    }
    properties = defaulted({**(body.get("properties") or {}), "sku": sku}, defaults)
    return {**body, "properties": properties}


def _complete_component(context: Context, body: Body) -> Body:
    before, place = context.before, body["location"].replace(" ", "").lower()
    key = at(before, "properties.InstrumentationKey") or str(uuid.uuid4())
    application = at(before, "properties.AppId") or str(uuid.uuid4())
    kind = str(body.get("kind") or "web")
    endpoints = f"IngestionEndpoint=https://{place}-1.in.applicationinsights.azure.com/;LiveEndpoint=https://{place}.livediagnostics.monitor.azure.com/"
    defaults = {
        "ApplicationId": context.id.name,
        "AppId": application,
        "Application_Type": "web",
        "Flow_Type": "Bluefield",
        "Request_Source": "rest",
        "InstrumentationKey": key,
        "ConnectionString": f"InstrumentationKey={key};{endpoints};ApplicationId={application}",
        "Name": context.id.name,
        "CreationDate": at(before, "properties.CreationDate") or now(),
        "TenantId": context.id.subscription,
        "RetentionInDays": 90,
        "IngestionMode": "LogAnalytics",
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        "Ver": "v2",
    }
    return {
        **body,
        "kind": kind,
        "etag": f'"{uuid.uuid4()}"',
        "tags": body.get("tags") or {},
        "properties": defaulted(body.get("properties") or {}, defaults),
    }
