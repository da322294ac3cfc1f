"""What is in the way of a destruction or stays behind after it, found in Terraform's plan and in the account, all at once.

A destroy reads the state and not the code, so an argument that decides how it goes has to be applied before. Whatever has no remedy
here refuses the recreation before anything is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from include.errors import PreconditionError
from include.infrastructure.recreation.plan import Choices
from include.terraform.kinds import kind_of
from include.terraform.plan import ResourceChange, TerraformPlan

DATABASE, CLUSTER, BUCKET, SECRET = "aws_db_instance", "aws_rds_cluster", "aws_s3_bucket", "aws_secretsmanager_secret"
DATABASES: Mapping[str, str] = {
    DATABASE: "identifier",
    CLUSTER: "cluster_identifier",
}  # by type: the attribute with its name
LAYER = "aws_lambda_layer_version"
DEFINITION, REPOSITORY, DISTRIBUTION = "aws_ecs_task_definition", "aws_ecr_repository", "aws_cloudfront_distribution"
OPPOSITE: Mapping[str, bool | str] = {"true": False, "ACTIVE": "INACTIVE"}  # of a protecting value


@dataclass(frozen=True)
class Obstacle:
    """Something that keeps a resource from being destroyed. `remedy` is what the run does about it, "" if it can do nothing."""

    what: str
    remedy: str = ""


@dataclass(frozen=True)
class Found:
    """Everything that was found."""

    obstacles: tuple[Obstacle, ...]
    left: tuple[str, ...]  # what stays behind on purpose, or is known to no state

    def after(self, *more: Obstacle) -> Found:
        """Return this with further obstacles before it."""
        return replace(self, obstacles=(*more, *self.obstacles))

    def refuse(self) -> None:
        """Refuse if anything is in the way that the run can do nothing about. Raises: PreconditionError, naming all of it."""
        if blocking := [each.what for each in self.obstacles if not each.remedy]:
            dealt = "; ".join(each.what for each in self.obstacles if each.remedy)
            more = f"What else is in the way, a run deals with: {dealt}. " if dealt else ""
            count = f"{len(blocking)} things are" if len(blocking) > 1 else "One thing is"
            raise PreconditionError(
                f"{count} in the way, and a run can do nothing about {'them' if len(blocking) > 1 else 'it'}: {'; '.join(blocking)}. "
                f"{more}Nothing was changed; correct that, then start a new run."
            )


def find_forgotten(destruction: TerraformPlan) -> Iterator[str]:
    """Yield a sentence for what a destruction would leave in AWS and in no state, as OpenTofu does with `destroy = false`."""
    for each in destruction.of("forget"):
        yield (
            f"{each.address} would stay in AWS and in no state (lifecycle.destroy is false in the code), so the build would make a second "
            "one; take that out of the code and apply it, or name modules without it"
        )


def lifted_arguments(change: ResourceChange, choices: Choices) -> dict[str, bool | int | str]:
    """Return the arguments that have to be applied before this resource can be destroyed as it should be."""
    kind, wanted = kind_of(change.type), dict[str, bool | int | str]()
    if kind.protection and change.setting(kind.protection) == kind.protecting:
        wanted[kind.protection] = OPPOSITE[kind.protecting]
    if change.type in DATABASES and change.setting("skip_final_snapshot") != "true":
        wanted["skip_final_snapshot"] = True  # a snapshot with a name of its own is made before
    if change.type == SECRET and choices.secrets == "renew" and change.setting("recovery_window_in_days") != "0":
        wanted["recovery_window_in_days"] = 0
    if change.type == REPOSITORY and change.setting("force_delete") != "true":
        wanted["force_delete"] = True
    return wanted


def shown_value(change: ResourceChange, name: str) -> str:
    """Return an attribute of what is there now, as far as it may be shown."""
    return next((each.before or "" for each in change.attributes if each.path == name), "")


def new_value(change: ResourceChange, name: str) -> str:
    """Return an attribute that a change sets, as far as it may be shown."""
    return next((each.after or "" for each in change.attributes if each.path == name and not each.later), "")


def is_left_behind(change: ResourceChange) -> bool:
    """Tell whether Terraform leaves a resource in AWS on purpose when it destroys it."""
    return any(change.setting(name) == "true" for name in kind_of(change.type).left_behind)


def is_taken_back(change: ResourceChange) -> bool:
    """Tell whether what is left behind would be in the way of its own build. Of task definitions and layers there are new versions."""
    return is_left_behind(change) and change.type not in (DEFINITION, LAYER) and bool(change.id)


def is_replica(change: ResourceChange) -> bool:
    """Tell whether a database is a copy of another one, of which RDS makes no snapshot at its end."""
    return any(shown_value(change, each) for each in ("replicate_source_db", "replication_source_identifier"))


def arguments_of(lifted: Mapping[str, Mapping[str, Any]], unprevented: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the overrides of a run's plans: what is lifted, and prevent_destroy set aside."""
    found: dict[str, dict[str, Any]] = {address: dict(arguments) for address, arguments in lifted.items()}
    for address in unprevented:
        found.setdefault(address, {})["lifecycle"] = {"prevent_destroy": False}
    return found
