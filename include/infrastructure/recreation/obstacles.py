"""What is in the way of a destruction or stays behind after it, found in Terraform's plan and in the account, all at once.

A destroy reads the state and not the code, so an argument that decides how it goes has to be applied before. Whatever has no remedy
here refuses the recreation before anything is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.aws import rds
from include.aws.bucket_contents import Contents, count_contents
from include.aws.clients import Clients
from include.aws.ec2 import list_interfaces
from include.aws.resource_tags import list_tagged
from include.aws.secrets_manager import describe_secret
from include.errors import PreconditionError
from include.infrastructure.recreation.plan import Choices
from include.terraform.kinds import kind_of
from include.terraform.overrides import split_address
from include.terraform.plan import ResourceChange
from include.terraform.state import State

DATABASE, BUCKET, SECRET = "aws_db_instance", "aws_s3_bucket", "aws_secretsmanager_secret"
DEFINITION, REPOSITORY, DISTRIBUTION = "aws_ecs_task_definition", "aws_ecr_repository", "aws_cloudfront_distribution"
OPPOSITE: Mapping[str, bool | str] = {"true": False, "ACTIVE": "INACTIVE"}  # of a protecting value
ENDING = ("amazon-elb", "amazon-rds")  # services whose interfaces go with what they belong to, in minutes
DELETED_IN_AN_HOUR = 1_500_000  # versions: some 400 a second were reported
NAMED = 5


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

    def refuse(self) -> None:
        """Refuse if anything is in the way that the run can do nothing about. Raises: PreconditionError, naming all of it."""
        if blocking := [each.what for each in self.obstacles if not each.remedy]:
            count = f"{len(blocking)} things are" if len(blocking) > 1 else "One thing is"
            raise PreconditionError(
                f"{count} in the way, and a run can do nothing about {'them' if len(blocking) > 1 else 'it'}: {'; '.join(blocking)}. "
                "Nothing was changed; correct that, then start a new run."
            )


def lifted_arguments(change: ResourceChange, choices: Choices) -> dict[str, bool | int | str]:
    """Return the arguments that have to be applied before this resource can be destroyed as it should be."""
    kind, wanted = kind_of(change.type), dict[str, bool | int | str]()
    if kind.protection and change.setting(kind.protection) == kind.protecting:
        wanted[kind.protection] = OPPOSITE[kind.protecting]
    if change.type == DATABASE and change.setting("skip_final_snapshot") != "true":
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


@dataclass(frozen=True)
class Survey:
    """A look at the plan of a destruction and at the account."""

    clients: Clients
    doomed: Sequence[ResourceChange]
    prevented: Sequence[str]
    choices: Choices
    archive: str | None  # the bucket for objects
    tags: Mapping[str, str]
    state: State

    def look(self) -> Found:
        """Return everything that is in the way or stays."""
        contents = {each.address: self._contents(each) for each in self.of(BUCKET)}
        obstacles = [
            *self._prevented(),
            *self._protected(),
            *self._databases(),
            *(each for change in self.of(BUCKET) for each in self._bucket(change, contents[change.address])),
            *self._secrets(),
            *self._repositories(),
            *self._interfaces(),
        ]
        return Found(tuple(obstacles), (*self._left_behind(), *self._unknown()))

    def of(self, resource_type: str) -> list[ResourceChange]:
        return [each for each in self.doomed if each.type == resource_type]

    def _prevented(self) -> Iterator[Obstacle]:
        for address in self.prevented:
            yield Obstacle(f"{address} has prevent_destroy in the code", "it is set aside for this run's plans only")

    def _protected(self) -> Iterator[Obstacle]:
        for change in self.doomed:
            kind = kind_of(change.type)
            if kind.protection and change.setting(kind.protection) == kind.protecting:
                yield Obstacle(
                    f"{change.address} is protected in AWS ({kind.protection} is {kind.protecting})",
                    "an apply lifts the protection; the build makes it again with it",
                )

    def _databases(self) -> Iterator[Obstacle]:
        databases, keys = [each for each in self.of(DATABASE) if not is_replica(each)], self.of("aws_kms_key")
        for change in databases:
            instance = shown_value(change, "identifier")
            try:
                rds.ensure_snapshot_possible(self.clients.rds, instance)
            except PreconditionError as error:
                yield Obstacle(f"{change.address}: {str(error).rstrip('.')}")
            if key := next((each for each in keys if each.id and each.id in shown_value(change, "kms_key_id")), None):
                yield Obstacle(
                    f"{change.address} is encrypted by {key.address}, which goes too, so no snapshot of it could be read"
                )
            name = change.setting("final_snapshot_identifier")
            if (
                name
                and change.setting("skip_final_snapshot") != "true"
                and rds.describe_snapshot(self.clients.rds, name)
            ):
                yield Obstacle(
                    f"{change.address} would make a final snapshot {name}, and there is one of that name",
                    "the run makes a snapshot with a name of its own before, and the destruction makes none",
                )
        blocks = Counter(split_address(each.address) for each in databases)
        for (_, _, block), number in blocks.items():
            if number > 1 and self.choices.databases == "restore":
                yield Obstacle(
                    f"{number} databases come from one block (aws_db_instance.{block}), which cannot name a snapshot for each; choose "
                    "'empty' for databases and restore them by hand"
                )
        quota = rds.read_snapshot_quota(self.clients.rds) if databases else None
        if quota and quota.used < quota.most < quota.used + len(databases):
            yield Obstacle(
                f"{len(databases)} snapshots of databases are needed, and the account has {quota.used} of the {quota.most} it may have; "
                "delete some or have the quota raised"
            )

    def _contents(self, change: ResourceChange) -> Contents:
        return count_contents(self.clients.s3, shown_value(change, "bucket"))

    def _bucket(self, change: ResourceChange, contents: Contents) -> Iterator[Obstacle]:
        name = shown_value(change, "bucket")
        if not contents.total:
            return
        if shown_value(change, "object_lock_enabled") == "true":
            yield Obstacle(
                f"bucket {name} has Object Lock and holds {roughly(contents)}, which nobody may delete before its time"
            )
        elif not self.archive:
            yield Obstacle(
                f"bucket {name} holds {roughly(contents)}, and the inventory names no bucket for its objects (recreation.archive)"
            )
        else:
            yield Obstacle(
                f"bucket {name} holds {roughly(contents)}{_hours(contents)}",
                f"its current objects are copied to s3://{self.archive} and compared, then all of it is deleted; old versions are lost",
            )

    def _secrets(self) -> Iterator[Obstacle]:
        for change in self.of(SECRET):
            secret = describe_secret(self.clients.secretsmanager, change.id)
            if secret is None:
                continue
            if secret.replicas:
                yield Obstacle(
                    f"secret {secret.name} has replicas in {', '.join(secret.replicas)}, with which AWS does not delete it",
                    "the replicas are removed first; the code makes them again",
                )
            if secret.deleted_at:
                yield Obstacle(
                    f"secret {secret.name} is marked for deletion already, so its name is taken",
                    "it is restored and taken into the state again"
                    if self.choices.secrets == "keep"
                    else "it is deleted for good before the build",
                )

    def _repositories(self) -> Iterator[Obstacle]:
        for change in self.of(REPOSITORY):
            if change.setting("force_delete") != "true":
                yield Obstacle(
                    f"repository {shown_value(change, 'name')} is not deleted while it has images",
                    "an apply sets force_delete; its images are lost, publish them again",
                )

    def _interfaces(self) -> Iterator[Obstacle]:
        subnets = [each.id for each in self.of("aws_subnet") if each.id]
        for each in list_interfaces(self.clients.ec2, subnets):
            if each.requester not in ENDING and not each.description.startswith(("ELB ", "RDSNetworkInterface")):
                about = f" ({each.description})" if each.description else ""
                yield Obstacle(
                    f"network interface {each.id}{about} is {each.status or 'there'} in {each.subnet}, which cannot go before it; stop "
                    "what uses it"
                )

    def _left_behind(self) -> Iterator[str]:
        for change in self.doomed:
            for name in kind_of(change.type).left_behind:
                if change.setting(name) == "true":
                    after = "; the run deregisters its active revisions" if change.type == DEFINITION else ""
                    yield f"{change.address} stays in AWS when Terraform destroys it ({name} is set){after}."
        if self.of(DEFINITION):
            yield "The numbers of task definitions go on: the first revision after the build is not 1."
        for change in self.of(DISTRIBUTION):
            yield f"{change.address} is disabled first, which takes CloudFront a quarter of an hour."

    def _unknown(self) -> Iterator[str]:
        if not self.tags:
            return
        known = {*self.state.arns, *self.state.ids.values()}
        unknown = [arn for arn in list_tagged(self.clients.tagging, self.tags) if not _is_known(arn, known)]
        if unknown:
            more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
            marks = ", ".join(f"{key}={value}" for key, value in sorted(self.tags.items()))
            yield f"In the account with {marks}, and in no state, so they stay: {', '.join(unknown[:NAMED])}{more}."


def roughly(contents: Contents) -> str:
    """Return how much a bucket holds, in words that stay the same while people work with it."""
    kinds = [
        (contents.objects, "objects"), (contents.old_versions, "old versions"), (contents.delete_markers, "delete markers"),
        (contents.uploads, "unfinished uploads"),
    ]  # fmt: skip
    told = " and ".join(name for count, name in kinds if count)
    for most in (100, 10_000):
        if contents.total < most and not contents.more:
            return f"fewer than {most:,} {told}"
    return f"10,000 or more {told}"


def _hours(contents: Contents) -> str:
    return f"; more than {DELETED_IN_AN_HOUR:,} versions take hours to delete" if contents.more else ""


def is_replica(change: ResourceChange) -> bool:
    """Tell whether a database is a copy of another one, of which RDS makes no snapshot at its end."""
    return bool(shown_value(change, "replicate_source_db"))


def _is_known(arn: str, known: set[str]) -> bool:
    return arn in known or arn.rsplit(":", 1)[-1].rsplit("/", 1)[-1] in known


def arguments_of(lifted: Mapping[str, Mapping[str, Any]], unprevented: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the overrides of a run's plans: what is lifted, and prevent_destroy set aside."""
    found: dict[str, dict[str, Any]] = {address: dict(arguments) for address, arguments in lifted.items()}
    for address in unprevented:
        found.setdefault(address, {})["lifecycle"] = {"prevent_destroy": False}
    return found
