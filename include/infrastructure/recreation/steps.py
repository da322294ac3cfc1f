"""The steps of infrastructure_recreation that are more than one of its parts."""

from __future__ import annotations

from include.errors import DriftError
from include.infrastructure.change import steps as change
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.kept import list_kept
from include.infrastructure.orphans import keep_orphan
from include.infrastructure.recreation import applies, kept_data
from include.infrastructure.recreation.plan import InfrastructureRecreationPlan
from include.infrastructure.recreation.preflight import recreation_of
from include.infrastructure.recreation.proof import keep_proof
from include.infrastructure.recreation.secret_values import wrong_values
from include.infrastructure.recreation.seed import what_is_unseeded
from include.infrastructure.state import read_target_state
from include.run import terraform_documents as documents
from include.terraform.state import State
from include.text import joined

NEXT = (
    "mend the cause, then start a new run of infrastructure_recreation with the same commit, which brings back all data"
)


def destroy(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Put on record where the data is, and what stays in AWS without a state, then destroy what was approved."""
    kept_data.keep(ctx, plan)
    for each in plan.stays:
        keep_orphan(ctx, each.address, each.id)
    return applies.destroy(ctx, plan)


def build_first(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Build the modules that the inventory builds first, if the environment is built as a whole."""
    return applies.build_first(ctx, plan, recreation_of(ctx).first if not plan.modules else ())


def verify(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Prove that what was destroyed is there again, that a new plan finds nothing to change, and that every secret has its value."""
    settled = change.verify(ctx, plan.commit)
    state = read_target_state(ctx)
    known = state.ids if state else {}
    if missing := sorted(each.address for each in plan.doomed if each.address not in known):
        raise DriftError(
            f"{', '.join(missing[:5])} is not in the state after the build; look at it, then start a new run."
        )
    restored = _restored(plan, state)
    if wrong := wrong_values(ctx, recreation_of(ctx).entered):
        told = ", ".join(f"{name} {why}" for name, why in sorted(wrong.items()))
        raise DriftError(f"After the build secret {told}; enter it in AWS, then clear this step.")
    if not plan.modules:
        keep_proof(ctx, plan.commit)
    return joined([f"all that was destroyed is there again ({len(plan.doomed)} in all)", *restored, settled])


def _restored(plan: InfrastructureRecreationPlan, state: State | None) -> list[str]:
    """Return of which snapshot each database was made. Raises: DriftError if that is not the one of the plan."""
    if plan.choices.databases != "restore":
        return []
    found = state.restored if state else {}
    for each in plan.databases:
        if found.get(each.address) != each.snapshot:
            raise DriftError(
                f"{each.address} was not made of snapshot {each.snapshot} ({found.get(each.address) or 'of none'} in the state), so its "
                "data is not back; the snapshot is kept, restore it by hand."
            )
    return [f"{each.address} was restored from snapshot {each.snapshot}" for each in plan.databases]


def what_is_left(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan, settled: str) -> str:
    """Return in what state an unfinished run leaves things, and how to go on."""
    state = read_target_state(ctx)
    known = state.ids if state else {}
    gone = [each.address for each in plan.doomed if each.address not in known]
    kept = list_kept(ctx, state)
    parts = [settled] if settled else []
    if gone:
        parts.append(f"{len(gone)} of {len(plan.doomed)} resources are gone")
    if kept:
        parts.append(
            f"data that is not back yet: {', '.join(f'{address} in {each.place}' for address, each in sorted(kept.items()))}"
        )
    destruction = ctx.store.get(*documents.apply_end(f"{ctx.run}#{applies.DESTROY}"))
    if (destruction or {}).get("changed") and (unseeded := what_is_unseeded(ctx, plan)):
        parts.append(unseeded)
    if gone:
        parts.append("a new run of infrastructure_recreation with the same commit goes on from here")
    elif destruction and destruction["changed"]:
        parts.append(f"everything that was destroyed is in the state again; {NEXT}")
    else:
        parts.append("nothing was destroyed")
    return "; ".join(parts)
