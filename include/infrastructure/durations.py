"""The durations of a target's last applies, kept with the target."""

from __future__ import annotations

from collections.abc import Iterable

from include.infrastructure.context import InfrastructureContext
from include.run import terraform_documents as documents
from include.terraform.durations import longest
from include.terraform.events import Operation

LAST = 5  # applies that count


def keep_durations(ctx: InfrastructureContext, done: Iterable[Operation]) -> None:
    """Put on record how long the operations of an apply took. The same apply, followed again, is the same record."""
    begun = ctx.store.get(*documents.apply(ctx.apply_id))
    if begun and (took := longest(done)):
        kept: documents.TookDocument = {"at": begun["at"], "seconds": took}
        ctx.store.add(*documents.took(ctx.target.name, begun["at"], ctx.apply_id), kept)


def read_durations(ctx: InfrastructureContext) -> dict[str, int]:
    """Return how long each kind of operation took at most in the last applies of the target, in seconds."""
    found: dict[str, int] = {}
    for each in list(ctx.store.list(documents.target_key(ctx.target.name), documents.TOOK))[-LAST:]:
        for name, seconds in each["seconds"].items():
            found[name] = max(found.get(name, 0), int(seconds))
    return found
