"""The plan file between its approval and its apply: kept beside the state, since it holds the same secrets."""

from __future__ import annotations

import hashlib

from include.aws import s3_objects
from include.aws.s3_objects import StoredObject
from include.errors import ApprovalError
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.state import terraform_of


def plan_file_key(ctx: InfrastructureContext) -> str:
    """Return the key of this apply's plan file in the state's bucket."""
    return (
        f"runbook-plans/{terraform_of(ctx).state_key}/{hashlib.sha256(ctx.apply_id.encode()).hexdigest()[:32]}.tfplan"
    )


def keep_plan_file(ctx: InfrastructureContext, content: bytes, *, keep: bool) -> str:
    """Store the file, if it is to be applied. Return its SHA-256."""
    if keep:
        s3_objects.put_object(ctx.clients.s3, terraform_of(ctx).state_bucket, plan_file_key(ctx), content)
    return hashlib.sha256(content).hexdigest()


def plan_file_digest(ctx: InfrastructureContext) -> str:
    """Return the SHA-256 of the file that is kept. Raises: ApprovalError if there is none."""
    return read_plan_file(ctx).sha256


def read_plan_file(ctx: InfrastructureContext) -> StoredObject:
    """Return the file that is kept. Raises: ApprovalError if there is none."""
    key = plan_file_key(ctx)
    found = s3_objects.read_object(ctx.clients.s3, terraform_of(ctx).state_bucket, key)
    if found is None:
        raise ApprovalError(
            f"The approved plan file s3://{terraform_of(ctx).state_bucket}/{key} is gone; nothing was changed. Start a new run to have a "
            "new plan approved."
        )
    return found


def remove_plan_file(ctx: InfrastructureContext) -> int:
    """Delete the file with all its versions. Return how many there were."""
    return s3_objects.delete_for_good(ctx.clients.s3, terraform_of(ctx).state_bucket, plan_file_key(ctx))
