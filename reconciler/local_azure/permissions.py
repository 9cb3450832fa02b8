"""May this caller do that there? Decided from the role assignments that are stored, walking up the scopes."""

from __future__ import annotations

from fnmatch import fnmatchcase

from reconciler.local_azure.roles import ROLES
from reconciler.local_azure.store import Store
from reconciler.local_azure.wire import AzureRefusal, Caller

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"


def check(store: Store, caller: Caller, action: str, scope: str) -> None:
    """Raises AzureRefusal(403) with ARM's message, which names the action."""
    if not is_allowed(store, caller.object_id, action, scope):
        raise AzureRefusal(
            403,
            "AuthorizationFailed",
            f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization to perform action "
            f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
            "credentials.",
        )


def is_allowed(store: Store, object_id: str, action: str, scope: str, *, data: bool = False) -> bool:
    """`data` asks for data actions (blobs) instead of control-plane actions."""
    wanted = action.lower()
    for assignment in store.of_type(ASSIGNMENTS):
        properties = assignment["properties"]
        if properties["principalId"].lower() != object_id.lower() or not _covers(properties["scope"], scope):
            continue
        role = ROLES.get(properties["roleDefinitionId"].rpartition("/")[2].lower())
        if role and (_matches(role.data_actions, wanted) if data else _grants(role.actions, role.not_actions, wanted)):
            return True
    return False


def _covers(assigned: str, scope: str) -> bool:
    folded, wanted = assigned.rstrip("/").lower(), scope.rstrip("/").lower()
    return wanted == folded or wanted.startswith(f"{folded}/")


def _grants(actions: tuple[str, ...], not_actions: tuple[str, ...], wanted: str) -> bool:
    return _matches(actions, wanted) and not _matches(not_actions, wanted)


def _matches(patterns: tuple[str, ...], wanted: str) -> bool:
    return any(fnmatchcase(wanted, pattern.lower()) for pattern in patterns)
