"""What Terraform and the runbooks need themselves to work on a target. A plan that takes it away could not be carried out to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from include.errors import PreconditionError
from include.inventory import Target
from include.terraform.plan import ResourceChange

BUCKET, TABLE, PARAMETER, ROLE, ROLE_POLICY = (
    "aws_s3_bucket",
    "aws_dynamodb_table",
    "aws_ssm_parameter",
    "aws_iam_role",
    "aws_iam_role_policy",
)


def find_undermined(target: Target, changes: Iterable[ResourceChange]) -> Iterator[str]:
    """Yield a phrase for each change that would destroy what is needed for it, or replace it."""
    needs = _needs(target)
    for change in changes:
        if change.action not in ("destroy", "replace") or change.forgets_old:
            continue
        found = change.id.partition(":")[0] if change.type == ROLE_POLICY else change.id
        if why := needs.get((change.type, found)):
            yield f"{change.address} is {why}"


def refuse_undermined(target: Target, changes: Iterable[ResourceChange]) -> None:
    """Refuse a plan that takes away what it needs. Raises: PreconditionError, naming all of it."""
    if found := list(find_undermined(target, changes)):
        raise PreconditionError(
            f"The plan would destroy what it needs itself: {'; '.join(found)}. Nothing was changed; keep it in code with a state of its "
            "own, and take it out of this one by a 'removed' block."
        )


def _needs(target: Target) -> dict[tuple[str, str], str]:
    """Return what each needed resource is, by its type and id."""
    environment, terraform = target.environment, target.environment.terraform
    found = {
        (
            TABLE,
            environment.operations_table,
        ): f"table {environment.operations_table}, which has the runbooks' leases and records",
        (ROLE, environment.role): f"role {environment.role}, by which the runbooks work in this account",
        (
            ROLE_POLICY,
            environment.role,
        ): f"a policy of role {environment.role}, by which the runbooks work in this account",
    }
    if terraform is None:
        return found
    for name in terraform.parameters.values():
        found[PARAMETER, name] = f"parameter {name}, which has the value of a variable"
    if terraform.lock_table:
        found[TABLE, terraform.lock_table] = f"table {terraform.lock_table}, in which Terraform locks its state"
    if terraform.settings:
        found[BUCKET, terraform.settings.bucket] = f"bucket {terraform.settings.bucket}, which has a file of variables"
    found[BUCKET, terraform.state_bucket] = f"bucket {terraform.state_bucket}, which has Terraform's state"
    return found
