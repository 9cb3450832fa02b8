"""The verbs: parse arguments, call the flow, choose a view, return the exit code. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from reconciler.errors import Bug, ExitCode, ReconcilerError

_EPILOG = """\
exit codes: 0 clean, 1 error, 2 changes pending, 3 drift, 4 conflict, 5 policy refused, 6 plan stale, 7 lock held,
8 applied in part, 9 rollout held. `plan` exits 0 when a plan could be made; --detailed-exitcode gives 2, 3 and 4.

a first session, without any Azure account:
  reconciler local up && eval "$(reconciler local env)"
  reconciler plan dev
  reconciler apply dev --approve DIGEST
"""


def parser() -> argparse.ArgumentParser:
    """Every verb and option. Kept apart from `main` so that tests and docs can read it."""
    top = argparse.ArgumentParser(
        prog="reconciler",
        description="Makes Azure equal to what the YAML in environments/ declares.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "-C", dest="root", metavar="DIR", type=Path, help="the repository (default: found upwards from here)"
    )
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)

    _add_flow(verbs)
    _add_edits(verbs)
    _add_models(verbs)
    _add_local(verbs)

    verb = _verb(verbs, "demo", "the main job on the embedded Azure, told as a story")
    verb.add_argument("--keep", action="store_true", help="leave the embedded Azure running")
    verb.add_argument("--record", metavar="FILE", type=Path, help="write every exchange with Azure as a JSON line")
    return top


def _verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    return verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")


def _add_flow(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = _verb(verbs, "validate", "check the YAML, the models and the templates of all environments; offline")
    verb.add_argument("environments", metavar="ENV", nargs="*", help="only these (default: all)")

    verb = _verb(verbs, "render", "write build/ENV: Bicep with its compiled template, and Azure ML specs; offline")
    verb.add_argument("environment", metavar="ENV")

    verb = _verb(verbs, "plan", "show what apply would do; needs the Reader role and cannot write")
    _add_plan_options(verb)

    verb = _verb(verbs, "apply", "make Azure equal to the YAML: the plan that was approved, and no other")
    verb.add_argument("environment", metavar="ENV")
    verb.add_argument(
        "--approve", metavar="DIGEST|FILE", help="digest of the reviewed plan, or the file `plan --out` wrote"
    )
    verb.add_argument(
        "--consent",
        metavar="ID",
        action="append",
        default=[],
        help="allow deleting or replacing this stateful resource",
    )
    verb.add_argument(
        "--wait", metavar="SECONDS", type=int, default=0, help="wait for another run to end (default: end with 7)"
    )
    verb.add_argument("--format", choices=["text", "json"], default="text")

    verb = _verb(
        verbs, "drift", "report what was changed in Azure behind git's back; exits 3 when it finds any; cannot write"
    )
    _add_plan_options(verb)


def _add_edits(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = _verb(verbs, "promote", "edit the YAML: give a deployment a model version")
    verb.add_argument("environment", metavar="ENV")
    verb.add_argument("model", metavar="MODEL:VERSION")
    verb.add_argument("--endpoint", help="default: the only one")
    verb.add_argument("--deployment", help="default: the one colour without traffic")
    verb.add_argument("--size", help="machine size of a new deployment (default: a sibling's)")
    verb.add_argument("--instances", type=int, help="instances of a new deployment (default: a sibling's)")

    verb = _verb(verbs, "traffic", "edit the YAML: split an endpoint's traffic")
    verb.add_argument("environment", metavar="ENV")
    verb.add_argument("split", metavar="DEPLOYMENT=PERCENT", nargs="+")
    verb.add_argument("--endpoint", help="default: the only one")


def _add_plan_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("environment", metavar="ENV")
    verb.add_argument("--format", choices=["text", "json"], default="text")
    verb.add_argument(
        "--out", metavar="FILE", type=Path, help="also write the plan as JSON, for `apply --approve FILE`"
    )
    verb.add_argument("--show", choices=["suppressed"], help="list the differences that field rules silence")
    verb.add_argument("--detailed-exitcode", action="store_true", help="2 changes pending, 3 drift, 4 conflict")


def _add_models(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    models = _verb(verbs, "models", "train and register model versions, list and show them").add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    verb = _verb(models, "train", "submit the training job to Azure ML and follow its log")
    verb.add_argument("environment", metavar="ENV")
    verb.add_argument("--job", help="a job of the environment (default: the only one)")
    verb.add_argument("--variant", default="2", help="which configuration of the training code (default: 2)")
    verb = _verb(
        models, "register", "write the next version file from a finished job; the gate in model.yaml must hold"
    )
    verb.add_argument("environment", metavar="ENV")
    verb.add_argument("model")
    verb.add_argument("job", metavar="JOB")
    verb.add_argument(
        "--allow-worse", action="store_true", help="register even though it is worse than the newest version"
    )
    verb = _verb(models, "list", "every version with its metrics; offline")
    verb.add_argument("model", nargs="?")
    verb = _verb(models, "show", "one version; offline")
    verb.add_argument("model", metavar="MODEL:VERSION")


def _add_local(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    local = _verb(verbs, "local", "the embedded Azure on this machine").add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    verb = _verb(local, "up", "start it; what it holds is kept in .local-azure")
    verb.add_argument("--record", metavar="FILE", type=Path, help="write every exchange as a JSON line, secrets masked")
    _verb(local, "down", "stop it, and the jobs and deployments it runs")
    _verb(local, "status", "is it running, and what does it hold")
    verb = _verb(
        local, "env", 'print the environment variables that point the Azure SDKs at it: eval "$(reconciler local env)"'
    )
    verb.add_argument("--principal", choices=["owner", "reader"], default="owner", help="who to be (default: owner)")
    _verb(local, "reset", "stop it and forget everything it holds")


def find_root(start: Path) -> Path:
    """The repository that holds `start`: the nearest folder upwards with an environments/base.yaml."""
    for folder in (start, *start.parents):
        if (folder / "environments" / "base.yaml").is_file():
            return folder
    raise ReconcilerError(
        f"{start} is not inside a repository: no environments/base.yaml here or above. Name one with -C DIR."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. Errors go to stderr as sentences, never as tracebacks, bugs apart."""
    arguments = parser().parse_args(argv)
    try:
        arguments.root = find_root((arguments.root or Path.cwd()).resolve())
        from reconciler.verbs import run

        return int(run(arguments, main))
    except Bug as error:
        print(f"BUG: {error}\nPlease open an issue with the command and this message.", file=sys.stderr)
        return int(error.exit_code)
    except ReconcilerError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("Interrupted; nothing is half-written.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `reconciler plan dev | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.ERROR)


if __name__ == "__main__":
    sys.exit(main())
