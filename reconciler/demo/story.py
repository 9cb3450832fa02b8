"""The nine chapters, in order. Each begins with what a person would type and ends with one sentence."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler.demo import acts
from reconciler.demo.narrator import DemoFailed, Narrator
from reconciler.demo.scratch import scratch_copy
from reconciler.errors import ExitCode

ENVIRONMENT = "dev"
MODEL = "retail-forecast"
SIZE = "Standard_F4s_v2"
REQUESTS = 200


def tell(root: Path, main: Callable[[Sequence[str]], int], *, keep: bool, record: Path | None) -> ExitCode:
    """Runs the whole story on a scratch copy of `root`. Raises DemoFailed when a step does not do what it says."""
    folder = Path(tempfile.mkdtemp(prefix="retail-forecast-demo-"))
    narrator = Narrator(scratch_copy(root, folder / "repository"), main)
    with _embedded_azure(narrator, folder, keep=keep, record=record):
        _infrastructure(narrator)
        _first_model(narrator)
        _blue(narrator)
        _forecast(narrator)
        _second_model(narrator)
        _canary(narrator)
        _green(narrator)
        _drift(narrator)
    _ending(narrator, folder, keep=keep, record=record)
    return ExitCode.CLEAN


@contextmanager
def _embedded_azure(narrator: Narrator, folder: Path, *, keep: bool, record: Path | None) -> Iterator[None]:
    """Chapter 1. Ends the embedded Azure whatever happens, unless it was asked to stay."""
    narrator.chapter("An Azure to work with")
    os.environ["RECONCILER_LOCAL_STATE"] = str(folder / "azure")
    option = f" --record {record}" if record else ""
    try:
        narrator.run(f"reconciler local up{option}")
        narrator.command('eval "$(reconciler local env)"')
        acts.point_sdks_at_embedded_azure(folder / "azure")
        narrator.says(
            "An embedded Azure runs on this machine, and environment variables point the unmodified Azure SDKs at it. "
            "In real life: az login."
        )
        yield
    finally:
        if not keep:
            acts.stop_embedded_azure(folder / "azure")


def _infrastructure(narrator: Narrator) -> None:
    narrator.chapter("From nothing to a workspace")
    _plan_and_apply(narrator)
    narrator.says(
        "Everything environments/dev.yaml declares now exists. In real life a pull request shows the plan, and the pipeline "
        "applies it once it was merged and approved."
    )


def _plan_and_apply(narrator: Narrator) -> None:
    digest = _approved_digest(narrator.run(f"reconciler plan {ENVIRONMENT}", keep=18))
    narrator.run(f"reconciler apply {ENVIRONMENT} --approve {digest}", keep=12)


def _approved_digest(plan: str) -> str:
    """What a reviewer copies from the plan's last line."""
    found = re.search(r"--approve ([0-9a-f]+)", plan)
    if not found:
        raise DemoFailed(f"the plan names no digest to approve:\n{plan}")
    return found[1]


def _first_model(narrator: Narrator) -> None:
    narrator.chapter("Train and register version 1")
    _train_and_register(narrator, variant="1", version=1)
    narrator.says(
        "The job ran in Azure ML; the version, its metrics and its digest are a file in git, reviewed like code."
    )


def _train_and_register(narrator: Narrator, *, variant: str, version: int) -> None:
    printed = narrator.run(f"reconciler models train {ENVIRONMENT} --variant {variant}", keep=10)
    job = re.search(r"models register \S+ \S+ (\S+)", printed)
    if not job:
        raise DemoFailed(f"the training names no job to register:\n{printed}")
    narrator.run(f"reconciler models register {ENVIRONMENT} {MODEL} {job[1]}", keep=14)
    narrator.commits(f"{MODEL} version {version}")


def _blue(narrator: Narrator) -> None:
    narrator.chapter("Blue goes live")
    narrator.run(f"reconciler promote {ENVIRONMENT} {MODEL}:1 --deployment blue --size {SIZE} --instances 1")
    narrator.run(f"reconciler traffic {ENVIRONMENT} blue=100")
    narrator.commits("Blue serves version 1")
    _plan_and_apply(narrator)
    narrator.says("Blue was started, asked for known forecasts at 0 % of the traffic, and only then given all of it.")


def _forecast(narrator: Narrator) -> None:
    narrator.chapter("Ask for a forecast")
    narrator.command("curl -H 'Authorization: Bearer KEY' -d @request.json SCORING_URI")
    narrator.shows(acts.ask_for_a_forecast(narrator.root, ENVIRONMENT, MODEL, version=1))
    narrator.says(
        "Packages a week that one store will sell of one brand, from its last weeks, the price and the promotions ahead."
    )


def _second_model(narrator: Narrator) -> None:
    narrator.chapter("Train a better version 2")
    _train_and_register(narrator, variant="2", version=2)
    narrator.run("reconciler models list")
    narrator.says(
        "Both were scored on the same last weeks, in time order. `models register` refuses a version that is worse."
    )


def _canary(narrator: Narrator) -> None:
    narrator.chapter("Green gets 10 %")
    narrator.run(f"reconciler promote {ENVIRONMENT} {MODEL}:2 --deployment green")
    narrator.run(f"reconciler traffic {ENVIRONMENT} blue=90 green=10")
    narrator.commits("Green serves version 2 to a tenth of the requests")
    _plan_and_apply(narrator)
    narrator.shows(acts.count_answers(narrator.root, ENVIRONMENT, MODEL, {"blue": 90, "green": 10}, requests=REQUESTS))
    narrator.says(
        "The answering process was counted over real requests; the split holds inside its 99 % binomial bounds."
    )


def _green(narrator: Narrator) -> None:
    narrator.chapter("Green gets everything")
    narrator.run(f"reconciler traffic {ENVIRONMENT} blue=0 green=100")
    narrator.commits("Green serves version 2 to everybody")
    _plan_and_apply(narrator)
    narrator.shows(acts.count_answers(narrator.root, ENVIRONMENT, MODEL, {"blue": 0, "green": 100}, requests=REQUESTS))
    narrator.says("Blue still runs: going back is the same pull request, reverted.")


def _drift(narrator: Narrator) -> None:
    narrator.chapter("Somebody changes Azure by hand")
    narrator.command("(in the portal: allow public blobs on the workspace account, send half the traffic to blue)")
    acts.change_by_hand(narrator.root, ENVIRONMENT)
    narrator.run(f"reconciler drift {ENVIRONMENT}", expect=int(ExitCode.DRIFT), keep=20)
    _plan_and_apply(narrator)
    narrator.run(f"reconciler plan {ENVIRONMENT}")
    narrator.says(
        "Drift is told apart from changes that git wants, and restored by the same apply; the last plan is clean."
    )


def _ending(narrator: Narrator, folder: Path, *, keep: bool, record: Path | None) -> None:
    elapsed = time.monotonic() - narrator.started
    print(f"\n{narrator.style(f'Done in {elapsed:.0f} s.', 'bold', 'green')} No tracked file was touched.")
    if keep:
        state = f"RECONCILER_LOCAL_STATE={folder / 'azure'}"
        print(f"  Left running: the embedded Azure. Stop it with: {state} reconciler local down")
        print(f"  Left behind: the scratch copy {narrator.root}")
    else:
        acts.forget(folder)
        print(
            "  Left behind: nothing; the embedded Azure was stopped and the scratch copy removed."
            if not record
            else f"  Left behind: {record}"
        )
    print("  Try next:")
    print("    make demo KEEP=1                    keep it running and play with it")
    print("    edit environments/dev.yaml          then: reconciler validate")
    print("    docs/decisions/                     why it is as it is")
