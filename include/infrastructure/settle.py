"""What follows an apply, however its run ends: its lock, its state and what it has made are put in order or named."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from include.errors import ServiceUnavailableError
from include.infrastructure.attempts import attempts_made
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.follow import follow, has_begun, host, leave_to
from include.infrastructure.orphans import keep_orphans
from include.infrastructure.plan_file import remove_plan_file
from include.infrastructure.state import find_lock, state_uri, terraform_of
from include.infrastructure.working_copy import open_copy
from include.run import terraform_documents as documents
from include.terraform import process
from include.terraform.locks import Lock
from include.terraform.process import Ended
from include.terraform.workdir import ERRORED, remove_folder
from include.text import joined
from include.write import Action, Write

UNLOCK = Action("terraform", "force-unlock", resources=("state",), values=("lock",))
PUSH = Action("terraform", "state-push", resources=("state",), values=("file",))
NEVER = "Terraform was never started"
PROGRAMS = ("terraform", "tofu")


def settle(ctx: InfrastructureContext) -> str:
    """Follow the apply to its end, push a state that its backend did not take, release its lock, and name what no state knows.

    Returns how things are left, for people. The plan file and this worker's folder are removed at the very end.
    """
    made = list(attempts_made(ctx))
    last = next((each for each in reversed(made) if has_begun(each)), None)  # those before it have written their state
    said = _settle(last) if last else []
    for each in made:
        remove_plan_file(each)
        remove_folder(each.apply_id)
    return joined(said) or NEVER


def _settle(ctx: InfrastructureContext) -> list[str]:
    begun, end = ctx.store.get(*documents.apply(ctx.apply_id)), follow(ctx)
    assert begun  # it has begun
    where, code = begun["host"], Path(begun["folder"])
    if end.code != 0 and where != host():  # a lock or a state may be left, which can be put in order only there
        leave_to(ctx, where)
    said = [end.text] if end.code == 0 else []
    if where == host() and code.exists():
        said += _push_state(ctx, code)
        said += _unlock(ctx, code)
    elif end.code != 0:
        said.append(f"if Terraform could not write its state, it is in {code / ERRORED} on worker {where}")
    return said + ([] if end.code == 0 else keep_orphans(ctx, killed=end.code is None))


def _push_state(ctx: InfrastructureContext, code: Path) -> list[str]:
    """Push the state that Terraform could not write. Raises: ServiceUnavailableError, to be tried again, while the backend refuses it."""
    file = code / ERRORED
    if not file.exists():
        return []
    copy, where = open_copy(ctx, code), state_uri(terraform_of(ctx))

    def push() -> Ended:
        ended = copy.run("push", copy.commands.push_state(ERRORED))
        if ended.code != 0:
            raise ServiceUnavailableError(
                f"The state that Terraform could not write is in {file} on worker {host()}, and its bucket still refuses it; nothing of "
                "it is lost. Mend the bucket, then clear this task."
            )
        return ended

    ctx.writer.write(Write(PUSH, f"{ERRORED} to {where}", push, resources={"state": where}, values={"file": str(file)}))
    file.rename(file.with_suffix(".pushed"))
    return ["the state that its bucket had refused was pushed"]


def _unlock(ctx: InfrastructureContext, code: Path) -> list[str]:
    """Release the lock of this run's own Terraform, whose process has ended here without doing so. Any other lock is left alone."""
    lock = find_lock(ctx)
    if lock is None:
        return []
    if not _is_own(ctx, lock):
        return [f"the state is locked by {lock}, which is not this run's lock"]
    copy, where = open_copy(ctx, code), state_uri(terraform_of(ctx))
    ctx.writer.write(
        Write(
            UNLOCK,
            f"{lock.id} of {where}, whose Terraform is gone",
            lambda: copy.expect("unlock", copy.commands.unlock(lock.id)),
            resources={"state": where},
            values={"lock": lock.id},
        )
    )
    return [f"lock {lock.id} of this run's Terraform, which is gone, was released"]


def _is_own(ctx: InfrastructureContext, lock: Lock) -> bool:
    """Tell whether the lock was made by this run's Terraform, which has ended.

    A Terraform whose call for the lock took effect and whose answer got lost ends with a complaint about its own lock. That one was
    made on this host while it ran, and no Terraform lives here any more.
    """
    recorded = ctx.store.get(*documents.apply_lock(ctx.apply_id))
    if recorded:
        return bool(recorded["id"] == lock.id)
    begun, end = ctx.store.get(*documents.apply(ctx.apply_id)), ctx.store.get(*documents.apply_end(ctx.apply_id))
    if begun is None or end is None or lock.created is None:
        return False
    access = ctx.clients.access
    assert access  # of every connection
    meanwhile = datetime.fromisoformat(begun["at"]) <= lock.created <= datetime.fromisoformat(end["at"])
    return meanwhile and lock.who.rpartition("@")[2] == host() and not process.lives(PROGRAMS, access.endpoint)
