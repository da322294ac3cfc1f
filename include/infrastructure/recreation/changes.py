"""What a recreation destroys and brings back, in an operator's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from include.infrastructure.recreation.obstacles import Obstacle, is_taken_back
from include.infrastructure.recreation.plan import Bucket, Choices, Database, DoomedSecret
from include.infrastructure.recreation.seed import seed_change
from include.releases.model import Migration
from include.run.plan.model import Change
from include.terraform.plan import ResourceChange
from include.terraform.summary import flags_of, rank, why_of

AGAIN = "built again as the code has it"


@dataclass(frozen=True)
class Data:
    """The data that the run keeps, as the operator chose."""

    choices: Choices
    databases: Sequence[Database]
    buckets: Sequence[Bucket]
    secrets: Sequence[DoomedSecret]
    seed: Migration | None


def remedy_of(obstacle: Obstacle) -> Change:
    """Return what the run does about something in the way."""
    return Change(
        what=obstacle.what, before="in the way", after=obstacle.remedy, undo="the build makes it as the code has it"
    )


def list_changes(doomed: Sequence[ResourceChange], data: Data) -> list[Change]:
    """Return what holds data and what names lead to one by one, the others together, and then what comes back from an earlier run."""
    kept, found, plain = _kept(data), list[Change](), list[str]()
    for each in sorted(doomed, key=rank):
        flags = flags_of(each)
        if each.address in kept:
            found.append(kept.pop(each.address))
        elif is_taken_back(each):
            found.append(
                _change(each, "still there: Terraform leaves it, and the build takes it in", "nothing to undo")
            )
        elif flags.data:
            found.append(_change(each, f"{AGAIN}, without {flags.data} it has now", "not at all"))
        elif flags.unknown:
            found.append(_change(each, f"{AGAIN}; what is lost with it is not known", "not at all"))
        elif flags.dns:
            found.append(
                _change(each, f"{AGAIN}, with another address or id", "its address is lost: change what uses it")
            )
        else:
            plain.append(each.address)
    if plain:
        found.append(
            Change(
                what=f"Destroy {len(plain)} {'more, ' if found else ''}without data: {', '.join(plain)}",
                before="there",
                after=f"{AGAIN}, with other ids",
                undo="nothing to undo",
            )
        )
    return [*found, *kept.values(), *([seed_change(data.seed)] if data.seed else [])]


def _change(doomed: ResourceChange, after: str, undo: str) -> Change:
    return Change(what=f"Destroy {doomed.address}{_why(doomed)}", before=doomed.id or "there", after=after, undo=undo)


def _why(doomed: ResourceChange) -> str:
    left = f" (what an earlier replacement left, {doomed.deposed})" if doomed.deposed else ""
    why = why_of(flags_of(doomed))
    return f"{left} ({why})" if why else left


def _kept(data: Data) -> dict[str, Change]:
    """Return what becomes of each resource whose data is kept, by its address. An earlier run may have destroyed it."""
    databases = {each.address: _database(each, data) for each in data.databases}
    buckets = {each.address: _bucket(each, data.choices) for each in data.buckets}
    secrets = {each.address: _secret(each, data.choices) for each in data.secrets}
    return {**databases, **buckets, **secrets}


def _database(database: Database, data: Data) -> Change:
    begin = "Build" if database.earlier else "Destroy"
    after = "built again from it, with the data of that moment; what is written later is lost"
    if data.choices.databases != "restore":
        filled = "filled by its seed" if data.seed else "without data: database_migration can seed it"
        after = f"built again empty, and {filled}"
    made = "was made by an earlier run" if database.earlier else "is made first"
    return Change(
        what=f"{begin} {database.address} (holds data: the {'cluster' if database.cluster else 'database'})",
        before=f"{database.instance}; its snapshot {database.snapshot} {made}, and stays",
        after=after,
        undo=f"restore snapshot {database.snapshot}",
    )


def _bucket(bucket: Bucket, choices: Choices) -> Change:
    begin, are = ("Build", "are in") if bucket.earlier else ("Destroy", "are first copied to")
    return Change(
        what=f"{begin} {bucket.address} (holds data: its objects)",
        before=f"{bucket.bucket}; its objects {are} {bucket.archive}, without old versions, and stay there",
        after=f"built again {'with its objects' if choices.objects == 'return' else 'empty'}",
        undo=f"copy the objects of {bucket.archive} by hand",
    )


def _secret(secret: DoomedSecret, choices: Choices) -> Change:
    keeps = choices.secrets == "keep"
    return Change(
        what=f"{'Build' if secret.earlier else 'Destroy'} {secret.address} (holds data: the secret)",
        before=f"{secret.name}; AWS still holds it for deletion" if secret.earlier else secret.name,
        after="restored with its value" if keeps else "deleted for good and made again; people enter its value in AWS",
        undo="nothing to undo" if keeps else "the value is lost for good",
    )
