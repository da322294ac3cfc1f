"""The plan of database_migration: one command, run once in a task of its own."""

from collections.abc import Sequence
from datetime import datetime

from include.errors import InventoryError, PreconditionError
from include.fargate_sizes import ensure_size
from include.inventory import Target
from include.inventory.models import OneOff
from include.releases.migration.rules import choose_command, migration_key
from include.releases.model import Migration, Network, revision
from include.run.migration_attempts import Attempt
from include.run.plan.model import Change, Plan, Skip
from include.run.plan.preconditions import refuse_other_account, refuse_outside_hours

USUAL = 10 * 60  # seconds; a migration may take hours, and is followed to its end
SNAPSHOT = 15 * 60


class DatabaseMigrationPlan(Plan):
    """The plan of a migration. `definition` is the newest ACTIVE revision of its family, by ARN."""

    definition: str
    image: str  # the digest of its image
    migration: Migration


def one_off_of(target: Target) -> OneOff:
    """Return the target's one_off section. Raises: InventoryError."""
    if target.environment.one_off is None:
        raise InventoryError(f"{target.name} has no one_off section in the inventory; add one to migrate there.")
    return target.environment.one_off


def plan_task(
    target: Target,
    digest: str,
    *,
    preset: str = "",
    command: Sequence[str] = (),
    cpu: int | None = None,
    memory: int | None = None,
    again: bool = False,
    snapshot: bool = False,
) -> Migration:
    """Return the one-off task of a plan. Raises: PreconditionError, InventoryError."""
    one_off, environment = one_off_of(target), target.environment
    words = choose_command(one_off, preset, command)
    size = (cpu or one_off.cpu, memory or one_off.memory)
    ensure_size(*size)
    if snapshot and environment.database is None:
        raise PreconditionError(
            f"{target.name} has no database in the inventory, so no snapshot can be made of it; add it."
        )
    network = Network(**one_off.network.model_dump()) if one_off.network else None
    return Migration(
        key=migration_key(target.name, digest, words) if digest else "",
        family=one_off.family,
        container=one_off.container,
        command=words,
        cpu=size[0],
        memory=size[1],
        log_group=one_off.log_group,
        network_of="" if network else _networked(target),
        network=network,
        again=again,
        snapshot=environment.database.instance if snapshot and environment.database else "",
    )


def _networked(target: Target) -> str:
    """Return the first service with a network configuration of its own, in the order of the release."""
    environment = target.environment
    names = (
        environment.release.services if environment.release else tuple(service.name for service in environment.services)
    )
    fargate = [name for name in names if environment.service(name).launch_type == "FARGATE"]
    fargate += [service.name for service in environment.services if service.launch_type == "FARGATE"]
    return fargate[0]  # the inventory requires a network if there is none


def keyed(migration: Migration, target: str, digest: str) -> Migration:
    """Return a migration with its key, once its image is built: the plan was made before that."""
    return migration.model_copy(update={"key": migration_key(target, digest, migration.command)})


def task_changes(migration: Migration, definition: str, pinned: str = "") -> list[Change]:
    """Return the changes a one-off task makes. `pinned` is the digest of an image that its definition names by a tag."""
    changes = []
    if migration.snapshot:
        changes.append(
            Change(
                what=f"snapshot of database {migration.snapshot} (rds.CreateDBSnapshot)",
                before="the last automatic backup",
                after="a snapshot, available before the command begins",
                undo="not needed; it is kept",
            )
        )
    if pinned:
        changes.append(
            Change(
                what=f"a revision of {migration.family} that names its image by digest (ecs.RegisterTaskDefinition)",
                before=f"{definition} names it by a tag, which may move",
                after=f"image {pinned[:19]}, whatever the tag stands for by then",
                undo="not needed: no service runs it",
            )
        )
    where = f"a revision of {migration.family} like {definition}" if pinned else definition
    changes.append(
        Change(
            what=f"run `{' '.join(migration.command)}` in a task of {where} (ecs.RunTask)",
            before="the schema as it is",
            after=f"the command exited with 0 ({migration.cpu} CPU units, {migration.memory} MiB)",
            undo="by hand, with the lead developer: going back to older code does not undo it",
        )
    )
    return changes


def plan_database_migration(
    target: Target,
    definition: str,
    digest: str,
    kept: Sequence[Attempt],
    account: str,
    now: datetime,
    *,
    preset: str = "",
    command: Sequence[str] = (),
    cpu: int | None = None,
    memory: int | None = None,
    again: bool = False,
    snapshot: bool = False,
    tagged: bool = False,
) -> DatabaseMigrationPlan:
    """Build the plan. `kept` are the recorded attempts of its key (see plan_task), `tagged` tells that the definition names its
    image by a tag.

    Raises: PreconditionError.
    """
    refuse_other_account(target, account)
    refuse_outside_hours(target.name, target.environment.maintenance_hours, now)
    migration = plan_task(
        target, digest, preset=preset, command=command, cpu=cpu, memory=memory, again=again, snapshot=snapshot
    )
    done = next((each for each in reversed(kept) if each.outcome == "succeeded"), None)
    skipped = done is not None and not again
    where = f"network of {migration.network_of}" if migration.network is None else f"network {migration.network.vpc}"
    notes = [f"Image {digest[:19]}, {where}, log group {migration.log_group}."]
    if done:
        notes.append(f"{done.run} has made this migration already{'' if skipped else '; it is asked for again'}.")
    elif kept:
        notes.append(
            f"{len(kept)} earlier attempts are on record, the last by {kept[-1].run}: {kept[-1].outcome or 'open'}."
        )
    return DatabaseMigrationPlan(
        runbook="database_migration",
        target=target.name,
        account=target.environment.account,
        region=target.environment.region,
        changes=() if skipped else tuple(task_changes(migration, revision(definition), digest if tagged else "")),
        skips=(Skip(what="the migration", why=f"{done.run} has made it; give 'again' to repeat it"),)
        if done and skipped
        else (),
        notes=tuple(notes),
        expected_seconds=0 if skipped else USUAL + (SNAPSHOT if migration.snapshot else 0),
        definition=definition,
        image=digest,
        migration=migration,
    )
