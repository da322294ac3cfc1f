"""The proof that an environment was recreated, which a production environment needs of the one before it."""

from __future__ import annotations

from datetime import UTC, datetime

from include.errors import PreconditionError
from include.infrastructure.context import InfrastructureContext
from include.inventory.infrastructure import Recreation
from include.run import terraform_documents as documents
from include.text import spoken


def keep_proof(ctx: InfrastructureContext, commit: str) -> None:
    """Put on record that the target was recreated as a whole just now."""
    kept: documents.RecreationDocument = {"at": datetime.now(UTC).isoformat(), "commit": commit, "run": ctx.run}
    ctx.store.add(*documents.recreation(ctx.target.name, ctx.run), kept)


def refuse_unproved(ctx: InfrastructureContext, recreation: Recreation, now: datetime) -> None:
    """Refuse unless the environment that the inventory names was recreated lately. Raises: PreconditionError."""
    if recreation.proved_on is None:
        return
    name = f"{ctx.target.system.system}/{recreation.proved_on}"
    found = ctx.store_of(name).list(documents.target_key(name), documents.RECREATIONS)
    times = [datetime.fromisoformat(each["at"]) for each in found]
    if not times or now - max(times) > recreation.within:
        when = f"the last time was {max(times):%Y-%m-%d %H:%M} UTC" if times else "it never was"
        raise PreconditionError(
            f"{name} has to be recreated within {spoken(recreation.within)} before {ctx.target.name} is, and {when}; recreate {name} "
            "first. Nothing was changed."
        )
