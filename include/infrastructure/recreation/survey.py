"""A look at the account for everything that is in the way of a destruction, and everything that stays behind after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from include.aws import rds, rds_clusters
from include.aws.bucket_contents import Contents, count_contents
from include.aws.clients import Clients
from include.aws.ec2 import list_interfaces
from include.aws.resource_tags import list_tagged
from include.aws.secrets_manager import Secret, describe_secret
from include.errors import PreconditionError
from include.infrastructure.recreation.obstacles import (
    BUCKET,
    CLUSTER,
    DATABASE,
    DATABASES,
    DEFINITION,
    DISTRIBUTION,
    REPOSITORY,
    SECRET,
    Found,
    Obstacle,
    is_replica,
    is_taken_back,
    new_value,
    shown_value,
)
from include.infrastructure.recreation.plan import Choices
from include.terraform.kinds import kind_of
from include.terraform.overrides import split_address
from include.terraform.plan import ResourceChange
from include.terraform.state import State

ENDING = ("amazon-elb", "amazon-rds")  # services whose interfaces go with what they belong to, in minutes
DELETED_IN_AN_HOUR = 1_500_000  # versions: some 400 a second were reported
NAMED = 5
# types of which a run keeps the data, or whose data is in others. Of a key nothing is lost that is kept: databases are looked at
COPIED = (
    *DATABASES,
    BUCKET,
    SECRET,
    "aws_kms_key",
    "aws_kms_replica_key",
    "aws_route53_zone",
    "aws_rds_global_cluster",
)


def look(clients: Clients, survey: Survey) -> Found:
    """Return everything that is in the way or stays."""
    buckets = [(each, count_contents(clients.s3, shown_value(each, "bucket"))) for each in survey.of(BUCKET)]
    obstacles = [
        *survey.prevented_ones(),
        *survey.protected(),
        *survey.databases(clients),
        *survey.lost(),
        *(each for change, contents in buckets for each in survey.bucket(change, contents)),
        *survey.secrets(clients),
        *survey.repositories(),
        *survey.interfaces(clients),
    ]
    return Found(tuple(obstacles), (*survey.left_behind(), *survey.unknown(clients)))


@dataclass(frozen=True)
class Survey:
    """A look at the plan of a destruction and at the account."""

    doomed: Sequence[ResourceChange]
    prevented: Sequence[str]
    choices: Choices
    archive: str | None  # the bucket for objects
    tags: Mapping[str, str]
    state: State
    missing: Sequence[ResourceChange] = ()  # what the build makes beside what is destroyed

    def of(self, resource_type: str) -> list[ResourceChange]:
        return [each for each in self.doomed if each.type == resource_type]

    def prevented_ones(self) -> Iterator[Obstacle]:
        for address in self.prevented:
            yield Obstacle(f"{address} has prevent_destroy in the code", "it is set aside for this run's plans only")

    def protected(self) -> Iterator[Obstacle]:
        for change in self.doomed:
            kind = kind_of(change.type)
            if kind.protection and change.setting(kind.protection) == kind.protecting:
                yield Obstacle(
                    f"{change.address} is protected in AWS ({kind.protection} is {kind.protecting})",
                    "an apply lifts the protection; the build makes it again with it",
                )

    def databases(self, clients: Clients) -> Iterator[Obstacle]:
        found = [each for kind in DATABASES for each in self.of(kind) if not is_replica(each)]
        for change in found:
            yield from self._database(clients, change)
        for (_, kind, block), number in Counter(split_address(each.address) for each in found).items():
            if number > 1 and self.choices.databases == "restore":
                yield Obstacle(
                    f"{number} databases come from one block ({kind}.{block}), which cannot name a snapshot for each; choose 'empty' for "
                    "databases and restore them by hand"
                )
        for kind, name in ((DATABASE, rds.SNAPSHOTS), (CLUSTER, rds.CLUSTER_SNAPSHOTS)):
            needed = sum(each.type == kind for each in found)
            quota = rds.read_snapshot_quota(clients.rds, name) if needed else None
            told = kind == DATABASE and quota and quota.used >= quota.most  # of each instance
            if quota and not told and quota.used + needed > quota.most:
                yield Obstacle(
                    f"{needed} snapshots of databases are needed, and the account has {quota.used} of the {quota.most} it may have; delete "
                    "some or have the quota raised"
                )

    def _database(self, clients: Clients, change: ResourceChange) -> Iterator[Obstacle]:
        cluster = change.type == CLUSTER
        ensure = rds_clusters.ensure_snapshot_possible if cluster else rds.ensure_snapshot_possible
        describe = rds_clusters.describe_snapshot if cluster else rds.describe_snapshot
        try:
            ensure(clients.rds, shown_value(change, DATABASES[change.type]))
        except PreconditionError as error:
            yield Obstacle(f"{change.address}: {str(error).rstrip('.')}")
        keys = self.of("aws_kms_key")
        if key := next((each for each in keys if each.id and each.id in shown_value(change, "kms_key_id")), None):
            yield Obstacle(
                f"{change.address} is encrypted by {key.address}, which goes too, so no snapshot of it could be read"
            )
        name = change.setting("final_snapshot_identifier")
        if name and change.setting("skip_final_snapshot") != "true" and describe(clients.rds, name):
            yield Obstacle(
                f"{change.address} would make a final snapshot {name}, and there is one of that name",
                "the run makes a snapshot with a name of its own before, and the destruction makes none",
            )

    def lost(self) -> Iterator[Obstacle]:
        """Yield what holds data of which a run makes no copy. Only the choice of empty databases lets it go."""
        for change in self.doomed:
            kind = kind_of(change.type)
            if kind.data and kind.protected and change.type not in COPIED:
                yield Obstacle(
                    f"{change.address} holds data ({kind.data}), of which a run makes no copy; make one by hand, then choose 'empty' for "
                    "databases, or name modules without it",
                    ""
                    if self.choices.databases == "restore"
                    else f"it is lost, as was chosen ({self.choices.databases!r} for databases)",
                )

    def bucket(self, change: ResourceChange, contents: Contents) -> Iterator[Obstacle]:
        name = shown_value(change, "bucket")
        if name == self.archive:
            yield Obstacle(f"bucket {name} goes as well, and the objects of the others are to be archived there")
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

    def secrets(self, clients: Clients) -> Iterator[Obstacle]:
        for change in self.of(SECRET):
            secret = describe_secret(clients.secretsmanager, change.id)
            if secret is None:
                continue
            if secret.replicas:
                yield Obstacle(
                    f"secret {secret.name} has replicas in {', '.join(secret.replicas)}, with which AWS does not delete it",
                    "the replicas are removed first; the code makes them again",
                )
            if secret.deleted_at:
                yield self._marked(secret)
        for change in self.missing:
            name = new_value(change, "name") if change.type == SECRET else ""
            secret = describe_secret(clients.secretsmanager, name) if name else None
            if secret and secret.deleted_at:
                yield self._marked(secret)
            elif secret and self.choices.secrets != "keep":
                yield Obstacle(
                    f"secret {name} is there and in no state, so the build could not make it; choose 'keep' for secrets, which takes it "
                    "into the state, or delete it"
                )

    def _marked(self, secret: Secret) -> Obstacle:
        return Obstacle(
            f"secret {secret.name} is marked for deletion already, so its name is taken",
            "it is restored and taken into the state again"
            if self.choices.secrets == "keep"
            else "it is deleted for good before the build",
        )

    def repositories(self) -> Iterator[Obstacle]:
        for change in self.of(REPOSITORY):
            if change.setting("force_delete") != "true":
                yield Obstacle(
                    f"repository {shown_value(change, 'name')} is not deleted while it has images",
                    "an apply sets force_delete; its images are lost, publish them again",
                )

    def interfaces(self, clients: Clients) -> Iterator[Obstacle]:
        subnets = [each.id for each in self.of("aws_subnet") if each.id]
        for each in list_interfaces(clients.ec2, subnets):
            if each.requester not in ENDING and not each.description.startswith(("ELB ", "RDSNetworkInterface")):
                about = f" ({each.description})" if each.description else ""
                yield Obstacle(
                    f"network interface {each.id}{about} is {each.status or 'there'} in {each.subnet}, which cannot go before it; stop "
                    "what uses it"
                )

    def left_behind(self) -> Iterator[str]:
        for change in self.doomed:
            for name in kind_of(change.type).left_behind:
                if change.setting(name) == "true":
                    after = "; the run deregisters its active revisions" if change.type == DEFINITION else ""
                    after = "; the build takes it into the state again" if is_taken_back(change) else after
                    yield f"{change.address} stays in AWS when Terraform destroys it ({name} is set){after}."
        if self.of(DEFINITION):
            yield "The numbers of task definitions go on: the first revision after the build is not 1."
        for change in self.of(DISTRIBUTION):
            yield f"{change.address} is disabled first, which takes CloudFront a quarter of an hour."

    def unknown(self, clients: Clients) -> Iterator[str]:
        if not self.tags:
            return
        known = {*self.state.arns, *self.state.ids.values()}
        unknown = [arn for arn in list_tagged(clients.tagging, self.tags) if not _is_known(arn, known)]
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


def _is_known(arn: str, known: set[str]) -> bool:
    return arn in known or arn.rsplit(":", 1)[-1].rsplit("/", 1)[-1] in known
