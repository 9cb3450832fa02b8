"""One writer at a time, and nothing stranded by a run that died."""

from __future__ import annotations

import uuid

import pytest

from reconciler.adapters.arm import Arm
from reconciler.adapters.lock import Lock, Timing
from reconciler.core.resource import ResourceId
from reconciler.errors import LockHeld
from tests.embedded import STORAGE_API, account_body, account_id, arm, azure, group

__all__ = ["arm", "azure", "group"]
pytestmark = pytest.mark.slow


@pytest.fixture
def container(arm: Arm, group: ResourceId) -> ResourceId:
    service = ResourceId(f"{account_id(group)}/blobServices/default")
    arm.put(account_id(group), STORAGE_API, account_body())
    arm.put(service, STORAGE_API, {"properties": {}})
    container = ResourceId(f"{service}/containers/reconciler-lock")
    arm.put(container, STORAGE_API, {"properties": {"publicAccess": "None"}})
    return container


def lock(arm: Arm, container: ResourceId, **settings: object) -> Lock:
    return Lock(arm, container, str(uuid.uuid4()), **settings)


def test_a_second_run_is_refused_and_told_who_is_first(arm: Arm, container: ResourceId) -> None:
    with lock(arm, container) as first:
        first.check()
        with pytest.raises(LockHeld, match=r"ada@example\.com holds the lock .* 60 s") as caught:
            lock(arm, container, holder=lambda: "ada@example.com").acquire()
        assert "try again" in str(caught.value)


def test_a_released_lock_can_be_taken_at_once(arm: Arm, container: ResourceId) -> None:
    for _ in range(2):
        with lock(arm, container) as held:
            held.check()


def test_a_waiting_run_gets_the_lock_of_a_killed_one_when_its_lease_ends(arm: Arm, container: ResourceId) -> None:
    never = Timing(lease_s=15, renew_s=10_000)
    killed = lock(arm, container, timing=never)
    killed.acquire()
    with lock(arm, container, wait_s=25) as next_run:
        next_run.check()
        with pytest.raises(LockHeld, match="lost its lock"):
            killed.check()
        # The killed run's late release must not free a lease that is another's.
        killed.release()
        next_run.check()
        with pytest.raises(LockHeld):
            lock(arm, container).acquire()


def test_a_renewed_lease_outlives_its_own_length(arm: Arm, container: ResourceId) -> None:
    with lock(arm, container, timing=Timing(lease_s=15, renew_s=1)) as held:
        with pytest.raises(LockHeld):
            lock(arm, container, wait_s=16).acquire()
        held.check()


def test_a_run_whose_lease_was_broken_stops_before_its_next_write(arm: Arm, container: ResourceId) -> None:
    held = lock(arm, container, timing=Timing(lease_s=60, renew_s=0.1))
    held.acquire()
    arm.post(container, "lease", STORAGE_API, {"action": "Break", "breakPeriod": 0})
    assert held.lost.wait(5)
    with pytest.raises(LockHeld, match="lost its lock"):
        held.check()
    held.release()
