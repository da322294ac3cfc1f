"""An apply that ELB has stopped, since it may not write its access logs yet: what is left of its plan is applied after a while.

The policy of a new bucket takes up to minutes until ELB sees it. Nobody is asked again: a new plan of the same commit may only do what
is left of the approved one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from include.aws.sts import ask_who
from include.errors import ApplyFailedError, PreconditionError
from include.infrastructure.apply import Wanted, apply
from include.infrastructure.attempts import Attempt
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.follow import has_begun
from include.infrastructure.plan_file import keep_plan_file, read_plan_file
from include.infrastructure.state import terraform_of
from include.infrastructure.variables import Variables, read_variables
from include.infrastructure.working_copy import WorkingCopy, check_out
from include.run import terraform_documents as documents
from include.terraform.command import PLAN_FILE
from include.terraform.errors import AccessLogsRefusedError
from include.terraform.plan import TerraformPlan, read_plan
from include.terraform.progress import operations
from include.terraform.remainder import beyond
from include.terraform.summary import count
from include.terraform.workdir import passing_folder
from include.text import spoken
from include.waiters.progress import Progress

PlanLeft = Callable[[WorkingCopy, Variables], TerraformPlan]

LOOK = 5.0  # seconds between two looks at AWS's clock
NAMED = 5  # changes in a sentence


def _plan_whole(copy: WorkingCopy, variables: Variables) -> TerraformPlan:
    return copy.plan(variables.write(copy.folder))


def apply_patiently(
    ctx: InfrastructureContext,
    wanted: Wanted,
    variables: Mapping[str, str],
    pause: Callable[[float], None] = time.sleep,
    plan_left: PlanLeft = _plan_whole,
) -> str:
    """Apply the approved plan, and what is left of it again for as long as ELB may not write its access logs.

    `variables` are the approved fingerprints, `plan_left` makes the plan in the way in which the approved one was made. Each attempt
    is safe to follow for whoever comes next. Raises: ApplyFailedError.
    """
    attempt: InfrastructureContext = ctx
    for number in range(1, AccessLogsRefusedError.attempts + 1):
        try:
            return apply(attempt, wanted)
        except AccessLogsRefusedError as refused:
            attempt = Attempt(ctx, number)
            _wait(attempt, refused.wait, pause)
        except PreconditionError as error:
            if attempt is ctx:
                raise
            raise _stopped(error) from error
        if not has_begun(attempt):
            try:
                wanted = _plan_what_is_left(ctx, attempt, wanted, variables, plan_left)
            except PreconditionError as error:
                raise _stopped(error) from error
    try:
        return apply(attempt, wanted)
    except AccessLogsRefusedError as refused:
        raise ApplyFailedError(
            f"{refused} It was applied again {refused.attempts} times, each after {spoken(refused.wait)}, so time does not mend it: "
            "correct the policy of the bucket, then start a new run."
        ) from refused
    except PreconditionError as error:
        raise _stopped(error) from error


def _stopped(error: PreconditionError) -> ApplyFailedError:
    """Return a refusal as what it is once the first attempt has changed something."""
    return ApplyFailedError(
        f"The apply stopped half way, since ELB may not write its access logs yet, and the rest of it is refused: {error}"
    )


def _wait(attempt: Attempt, wait: timedelta, pause: Callable[[float], None]) -> None:
    """Wait by AWS's clock, from the first moment on record, whoever has put it there."""
    _, now = ask_who(attempt.clients.sts)
    begun: documents.AttemptDocument = {"since": now.isoformat()}
    if attempt.store.add(*documents.attempt(attempt.apply_id), begun):
        attempt.writer.note(
            f"ELB may not write its access logs yet; what is left of the plan is applied again in {spoken(wait)} (attempt "
            f"{attempt.number} of {AccessLogsRefusedError.attempts})"
        )
    kept = attempt.store.get(*documents.attempt(attempt.apply_id))
    assert kept  # it was added just now, or before
    until = datetime.fromisoformat(kept["since"]) + wait
    while now < until:
        text = f"ELB may not write its access logs yet; applied again in {spoken(until - now)}"
        attempt.tell_progress(Progress(False, text, text))
        pause(LOOK)
        _, now = ask_who(attempt.clients.sts)


def _plan_what_is_left(
    ctx: InfrastructureContext,
    attempt: Attempt,
    wanted: Wanted,
    variables: Mapping[str, str],
    plan_left: PlanLeft,
) -> Wanted:
    """Plan the same commit again and keep that plan file for the attempt. Raises: ApplyFailedError if it goes beyond the approved plan."""
    attempt.writer.check()
    given = read_variables(attempt.clients, terraform_of(attempt), attempt.target.name, wanted.commit)
    with passing_folder(attempt.run) as folder:
        copy = check_out(attempt, wanted.commit, folder)
        (copy.code / PLAN_FILE).write_bytes(read_plan_file(ctx).body)
        approved = read_plan(copy.expect("show-approved", copy.commands.show()))
        left = plan_left(copy, given)
        if copy.lock_file != wanted.lock_file or given.fingerprints(attempt.target.name) != variables:
            raise ApplyFailedError(
                "The apply stopped half way, and its variables or its lock file are others than the approved ones by now, so what is left "
                "of it is not applied; start a new run, which asks for an approval."
            )
        _refuse_beyond(approved, left)
        content = (copy.code / PLAN_FILE).read_bytes()
    plan_file = keep_plan_file(attempt, content, keep=True)
    return Wanted(wanted.commit, plan_file, wanted.lock_file, operations(left), str(count(left)))


def _refuse_beyond(approved: TerraformPlan, left: TerraformPlan) -> None:
    if found := beyond(approved, left):
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise ApplyFailedError(
            f"The apply stopped half way, and a new plan would {', '.join(found[:NAMED])}{more}, which was not approved so; start a new "
            "run, which asks for an approval of it."
        )
