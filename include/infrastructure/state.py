"""A target's Terraform state: where it is, what it knows, and who has locked it."""

from __future__ import annotations

from include.errors import PreconditionError
from include.infrastructure.context import InfrastructureReadContext
from include.inventory.infrastructure import Terraform
from include.terraform import locks
from include.terraform.locks import Lock
from include.terraform.state import State

DEFAULT = "default"  # the workspace without a folder of its own


def terraform_of(ctx: InfrastructureReadContext) -> Terraform:
    """Return the target's Terraform section. Raises: PreconditionError if it has none."""
    found = ctx.target.environment.terraform
    if found is None:
        raise PreconditionError(f"{ctx.target.name} has no terraform section in the inventory; nothing was changed.")
    return found


def state_key(terraform: Terraform) -> str:
    """Return the key of the state's object."""
    return locks.state_key(terraform.state_key, terraform.workspace)


def state_uri(terraform: Terraform) -> str:
    """Return the address of the state's object."""
    return f"s3://{terraform.state_bucket}/{state_key(terraform)}"


def read_target_state(ctx: InfrastructureReadContext) -> State | None:
    """Return the state, or None before the first apply. Raises: PreconditionError if there is no bucket for it."""
    terraform = terraform_of(ctx)
    return locks.read_state(ctx.clients.s3, terraform.state_bucket, state_key(terraform))


def find_lock(ctx: InfrastructureReadContext) -> Lock | None:
    """Return the lock of the state, of either kind, or None. A state may have been locked by older code than the inventory's."""
    terraform, key = terraform_of(ctx), state_key(terraform_of(ctx))
    if terraform.lock_table:
        found = locks.read_dynamodb_lock(ctx.clients.dynamodb, terraform.lock_table, terraform.state_bucket, key)
        if found:
            return found
    return locks.read_s3_lock(ctx.clients.s3, terraform.state_bucket, key)


def refuse_locked(ctx: InfrastructureReadContext) -> None:
    """Refuse a state on which somebody else's Terraform works. Raises: PreconditionError."""
    if lock := find_lock(ctx):
        raise PreconditionError(
            f"The state {state_uri(terraform_of(ctx))} is locked by {lock}. If that Terraform still works, wait until it is done; if it "
            "is gone for sure, run 'terraform force-unlock "
            f"{lock.id}' in {terraform_of(ctx).folder}. Nothing was changed."
        )
