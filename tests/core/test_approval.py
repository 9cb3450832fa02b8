"""The plan that was reviewed is the plan that is applied; a run that was killed goes on; anything else is stale."""

from __future__ import annotations

import pytest

from reconciler.core.approval import Interrupted, check_approval, fingerprints
from reconciler.core.plan import Plan
from reconciler.errors import ExitCode, PlanStale
from tests.core.house import (
    ACCOUNT,
    GROUP,
    account,
    applied_of,
    changed,
    group,
    identity,
    live_of,
    plan,
    workspace,
)

ALL = (group(), account(), identity(), workspace())


def approved() -> Plan:
    return plan(*ALL, applied={}, live={})


def rest(*done: int) -> Plan:
    """What is left of the approved plan after some of its steps."""
    made = [ALL[number] for number in done]
    return plan(*ALL, applied=applied_of(*made), live=live_of(*made))


def interrupted() -> Interrupted:
    return Interrupted(approved().digest, fingerprints(approved()))


@pytest.mark.parametrize(
    "approval",
    [
        pytest.param(lambda digest: digest, id="the whole digest"),
        pytest.param(lambda digest: digest[:12], id="its beginning"),
        pytest.param(lambda digest: digest[:12].upper(), id="in upper case"),
    ],
)
def test_the_digest_or_its_beginning_approves(approval) -> None:  # type: ignore[no-untyped-def]
    check_approval(approved(), approval(approved().digest), None)


@pytest.mark.parametrize(
    "approval",
    [
        pytest.param("0" * 64, id="another digest"),
        pytest.param("", id="nothing at all"),
        pytest.param("START", id="too few digits to mean this plan"),
        pytest.param("END", id="the end of the digest"),
    ],
)
@pytest.mark.parametrize("run", [pytest.param(None, id="fresh"), pytest.param(interrupted(), id="after a crash")])
def test_anything_else_is_stale(approval: str, run: Interrupted | None) -> None:
    digest = approved().digest
    approval = {"START": digest[:7], "END": digest[-12:]}.get(approval, approval)
    with pytest.raises(PlanStale, match="not the plan that was approved") as caught:
        check_approval(approved(), approval, run)
    assert caught.value.exit_code is ExitCode.STALE


def test_an_empty_plan_needs_no_approval() -> None:
    check_approval(plan(*ALL), "0" * 64, None)


@pytest.mark.parametrize(
    "done",
    [
        pytest.param((0,), id="after the first step"),
        pytest.param((0, 1), id="after two"),
        pytest.param((0, 1, 2), id="before the last"),
    ],
)
def test_a_run_that_was_killed_goes_on(done: tuple[int, ...]) -> None:
    assert rest(*done).digest != approved().digest
    check_approval(rest(*done), approved().digest[:12], interrupted())


def test_a_step_that_wrote_without_recording_goes_on() -> None:
    written = plan(*ALL, applied={}, live=live_of(group(), account()))
    check_approval(written, approved().digest, interrupted())


def test_without_an_interrupted_run_the_rest_is_another_plan() -> None:
    with pytest.raises(PlanStale):
        check_approval(rest(0), approved().digest, None)


def test_the_approval_of_another_run_is_not_this_ones() -> None:
    with pytest.raises(PlanStale):
        check_approval(rest(0), "0" * 64, interrupted())


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(
            lambda: plan(*ALL, account(publicNetworkAccess="Enabled"), applied={}, live=live_of(group())),
            id="git wants something else by now",
        ),
        pytest.param(
            lambda: plan(group(), account(), workspace(), applied=applied_of(identity()), live=live_of(identity())),
            id="something is deleted that was to be made",
        ),
        pytest.param(
            lambda: plan(*ALL, applied={}, live=changed(ACCOUNT, live_of(*ALL), "kind", "BlobStorage")),
            id="something is replaced that was to be made",
        ),
    ],
)
def test_a_rest_that_does_more_than_was_approved_is_stale(now) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PlanStale):
        check_approval(now(), approved().digest, interrupted())


def test_what_only_the_ledger_writes_has_no_fingerprint() -> None:
    recorded = plan(group(), applied={})
    assert [step.id for step in recorded.steps] == [GROUP]
    assert fingerprints(recorded) == {}
