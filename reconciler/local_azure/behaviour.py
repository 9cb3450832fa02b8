"""What is special about one resource type, beyond its shape: the seam between the ARM engine and everything else.

The engine (arm.py) does what ARM does for every type: shape checks, existence of parents and referenced ids, permissions,
throttling, envelopes, provisioning states, long-running operations, paging. A Behaviour adds only what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.resource import ResourceId
from reconciler.local_azure.wire import Caller, Request, Response

if TYPE_CHECKING:
    from reconciler.local_azure.store import Store

Body = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What a hook may look at. `before` is the stored body, None on create; `state_dir` is the embedded Azure's folder."""

    store: Store
    id: ResourceId
    api_version: str
    caller: Caller
    before: Body | None
    state_dir: Path


@dataclass(frozen=True)
class Behaviour:
    """Hooks of one type. Each has a harmless default; bodies are whole wire bodies, envelope included.

    check      refuse what the shape table cannot see: raise AzureRefusal before anything is stored
    complete   the body that Azure stores and answers: defaults, read-only fields, casing, order, omissions. Pure of effects
    settle     the slow part, run in a thread after the PUT was answered (provisioningState is 'Creating'/'Updating' until it
               returns; raise AzureRefusal to end as Failed): start a process, move traffic. None: ready at once
    remove     the slow part of a DELETE; raise AzureRefusal to refuse it
    stored     what follows at once from a PUT that was accepted: children that Azure makes with it
    removable  refuse a DELETE before anything happens
    collected  what a collection holds, where that is more than what is stored below its scope
    listed     what a listing shows, by the query's own options
    makes_parent  a PUT makes a missing parent by itself (an asset's container)
    actions    POST {id}/{action}, lower case: 'listkeys' and the like
    acts_unmade  those of the actions that need no resource to exist yet
    patch      True when PATCH merges any property; else tags, sku and identity only
    """

    check: Callable[[Context, Body], None] = lambda _context, _body: None
    complete: Callable[[Context, Body], Body] = lambda _context, body: body
    settle: Callable[[Context, Body], None] | None = None
    remove: Callable[[Context, Body], None] | None = None
    stored: Callable[[Context, Body], None] | None = None
    removable: Callable[[Context, Body], None] = lambda _context, _body: None
    collected: Callable[[ResourceId, Mapping[str, str]], list[Body]] | None = None
    listed: Callable[[list[Body], Mapping[str, str]], list[Body]] | None = None
    makes_parent: bool = False
    actions: Mapping[str, Callable[[Context, Request], Response]] = field(default_factory=dict)
    acts_unmade: frozenset[str] = frozenset()
    patch: bool = True
