"""The apply of an approved plan: started once, and followed by whoever comes next."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime

from include.errors import ApplyFailedError, ApprovalError, PreconditionError
from include.infrastructure.attempts import attempt_id
from include.infrastructure.change.plan import InfrastructureChangePlan
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.follow import CODE, PROCESS, End, follow, follow_here, has_begun, host
from include.infrastructure.plan_file import read_plan_file
from include.infrastructure.state import read_target_state, state_uri, terraform_of
from include.infrastructure.working_copy import WorkingCopy, check_out
from include.run import terraform_documents as documents
from include.terraform import process
from include.terraform.command import PLAN_FILE
from include.terraform.errors import AccessLogsRefusedError
from include.terraform.workdir import make_folder, run_folder
from include.write import Action, Write

APPLY = Action(
    "terraform",
    "apply",
    resources=("state",),
    values=("plan_file",),
    unknown="its output and its state say what became of it; no second one is started",
)


@dataclass(frozen=True)
class Wanted:
    """The approved apply: exactly this plan file, with this commit's code and providers."""

    commit: str
    plan_file: str  # SHA-256
    lock_file: str  # SHA-256
    operations: int
    summary: str

    @classmethod
    def by(cls, plan: InfrastructureChangePlan) -> Wanted:
        return cls(plan.commit, plan.plan_file, plan.lock_file, plan.operations, plan.summary)


def apply(ctx: InfrastructureContext, wanted: Wanted) -> str:
    """Apply the approved plan, or follow the apply that an earlier attempt has started, to its end. Raises: ApplyFailedError."""
    if not has_begun(ctx):
        ctx.writer.reconcile(lambda write: None)  # of an attempt that died before it started anything
        copy = _prepare(ctx, wanted)
        where = state_uri(terraform_of(ctx))
        return ctx.writer.write(
            Write(
                APPLY,
                f"the approved plan {wanted.plan_file[:12]} ({wanted.summary}) to {where}",
                lambda: _judge(_start(ctx, copy, wanted)),
                resources={"state": where},
                values={"plan_file": wanted.plan_file},
            )
        )
    end = follow(ctx, wanted.operations)
    ctx.writer.reconcile(lambda write: (end.code == 0) or None)
    return _judge(end)


def interrupt(apply_id: str) -> None:
    """Ask an apply's Terraform on this worker to end after what it is doing, to write its state and to release its lock."""
    for number in range(AccessLogsRefusedError.attempts + 1):
        if started := process.find_started(run_folder(attempt_id(apply_id, number)) / PROCESS):
            started.interrupt()


def _prepare(ctx: InfrastructureContext, wanted: Wanted) -> WorkingCopy:
    """Make the folder of the apply, with the approved plan file in it. Raises: ApprovalError if that is another one."""
    folder = make_folder(ctx.apply_id)
    for name in (PROCESS, CODE):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / CODE).mkdir()
    copy = check_out(ctx, wanted.commit, folder / CODE)
    plan_file = read_plan_file(ctx)
    if plan_file.sha256 != wanted.plan_file:
        raise ApprovalError(
            f"The plan file beside the state is {plan_file.sha256[:12]}, and {wanted.plan_file[:12]} was approved: somebody replaced it. "
            "Nothing was changed; find out who can write to the state's bucket."
        )
    if copy.lock_file != wanted.lock_file:
        raise ApprovalError(
            f"The lock file of commit {wanted.commit[:12]} is {copy.lock_file[:12]}, and {wanted.lock_file[:12]} was approved. Nothing was "
            "changed; start a new run."
        )
    (copy.code / PLAN_FILE).write_bytes(plan_file.body)
    return copy


def _start(ctx: InfrastructureContext, copy: WorkingCopy, wanted: Wanted) -> End:
    """Start Terraform, with all on record that a later attempt needs to find it, and follow it."""
    state = read_target_state(ctx)
    version = state.version if state else ""
    if version:
        ctx.writer.note(
            f"the state before this apply is version {version} of {state_uri(terraform_of(ctx))}; to put it back, "
            "copy that version over the current one"
        )
    begun: documents.ApplyDocument = {
        "at": datetime.now(UTC).isoformat(),
        "host": host(),
        "folder": str(copy.code),
        "state_version": version,
    }
    ctx.store.add(*documents.apply(ctx.apply_id), begun)
    run = run_folder(ctx.apply_id) / PROCESS
    argv = copy.commands.apply()
    return follow_here(
        ctx, process.start(argv, folder=copy.code, run=run, environment=copy.environment), wanted.operations
    )


def _judge(end: End) -> str:
    """Return what an apply has done. Raises: ApplyFailedError; PreconditionError if Terraform refused before it changed anything."""
    if end.passes:
        raise AccessLogsRefusedError(end.text)
    if end.code != 0:
        raise ApplyFailedError(end.text) if end.changed else PreconditionError(end.text)
    return end.text
