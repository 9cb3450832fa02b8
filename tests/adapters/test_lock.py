"""One writer at a time, and nothing stranded by a run that died."""

from __future__ import annotations

import uuid

import pytest

from reconciler.adapters.arm import Arm
from reconciler.adapters.lock import Lock, Timing
from reconciler.core.resource import ResourceId
from reconciler.errors import LockHeld
from tests.embedded import STORAGE_API, account_body, account_id

pytestmark = pytest.mark.slow


@pytest.fixture
def container(arm: Arm, group: ResourceId) -> ResourceId:
    service = ResourceId(f"{account_id(group)}/blobServices/default")
    arm.put(account_id(group), STORAGE_API, account_body())
    arm.put(service, STORAGE_API, {"properties": {}})
    return made(arm, ResourceId(f"{service}/containers/reconciler-lock"))


@pytest.fixture
def second_container(arm: Arm, container: ResourceId) -> ResourceId:
    return made(arm, ResourceId(f"{container}-2"))


def made(arm: Arm, container: ResourceId) -> ResourceId:
    arm.put(container, STORAGE_API, {"properties": {"publicAccess": "None"}})
    return container


def lock(arm: Arm, container: ResourceId, **settings: object) -> Lock:
    return Lock(arm, container, str(uuid.uuid4()), **settings)


def test_a_second_run_is_refused_and_told_who_is_first(arm: Arm, container: ResourceId) -> None:
    with lock(arm, container) as first:
        first.check()
        with pytest.raises(LockHeld, match=r"(?s)ada@example\.com holds the lock .* 60 s") as caught:
            lock(arm, container, holder=lambda: "ada@example.com").acquire()
        assert "try again" in str(caught.value)


def test_a_released_lock_can_be_taken_at_once(arm: Arm, container: ResourceId) -> None:
    for _ in range(2):
        with lock(arm, container) as held:
            held.check()


def test_a_killed_run_s_lease_ends_by_itself_and_a_living_one_s_does_not(
    arm: Arm, container: ResourceId, second_container: ResourceId
) -> None:
    killed = lock(arm, container, timing=Timing(lease_s=15, renew_s=10_000))
    killed.acquire()
    with lock(arm, second_container, timing=Timing(lease_s=15, renew_s=1)) as living:
        with lock(arm, container, wait_s=25) as next_run:
            next_run.check()
            with pytest.raises(LockHeld, match="lost its lock"):
                killed.check()
            # The killed run's late release must not free a lease that is another's.
            killed.release()
            next_run.check()
            with pytest.raises(LockHeld):
                lock(arm, container).acquire()
        living.check()
        with pytest.raises(LockHeld):
            lock(arm, second_container).acquire()


def test_a_run_whose_lease_was_broken_stops_before_its_next_write(arm: Arm, container: ResourceId) -> None:
    held = lock(arm, container, timing=Timing(lease_s=60, renew_s=0.1))
    held.acquire()
    arm.post(container, "lease", STORAGE_API, {"action": "Break", "breakPeriod": 0})
    assert held.lost.wait(5)
    with pytest.raises(LockHeld, match="lost its lock"):
        held.check()
    held.release()
