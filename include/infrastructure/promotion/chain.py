"""The accounts before a target: which run brings them the commit, what they have proved, and whether their alarms allow to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from include.aws import cloudwatch
from include.aws.cloudwatch import Alarm
from include.errors import PreconditionError
from include.infrastructure.promotion.context import PromotionContext
from include.inventory import Target
from include.run import promotion_documents as documents
from include.run.journal import read_record
from include.run.store import RunStore
from include.waiters.progress import Progress

SEPARATOR = "--"  # between the id of a run and the environment that another run serves for it
GOING_ON = ("queued", "running", "restarting", "scheduled")
SHOWN = 12  # characters of a digest
States = Callable[[str], str | None]  # Airflow's state of a run by its name, or None if there is no such run


@dataclass(frozen=True)
class Promoted:
    """The record of a promotion that held."""

    commit: str
    artefact: str
    run: str


def run_for(run: str, earlier: Target) -> str:
    """Return the run that brings the commit of a run to an earlier target. The same for every attempt, so it is started once."""
    return f"{run}{SEPARATOR}{earlier.environment_name}"


def wanted_by(run: str, target: Target) -> str:
    """Return the run for which this run may have been started, by its name, or ""."""
    suffix = f"{SEPARATOR}{target.environment_name}"
    return run.removesuffix(suffix) if run.endswith(suffix) else ""


def read_promotions(store: RunStore, target: str, commit: str) -> tuple[Promoted, ...]:
    """Return how a commit was promoted to a target: once for each artefact."""
    found = store.list(documents.target_key(target), documents.promotions_of(commit))
    return tuple(Promoted(each["commit"], each["artefact"], each["run"]) for each in found)


def keep_promotion(ctx: PromotionContext, commit: str, artefact: str) -> bool:
    """Put on record that a commit was promoted to the target, and held. The first record stands."""
    kept: documents.PromotedDocument = {
        "at": datetime.now(UTC).isoformat(),
        "commit": commit,
        "artefact": artefact,
        "run": ctx.run,
    }
    return ctx.store.add(*documents.promoted(ctx.target.name, commit, artefact), kept)


def missing_run(ctx: PromotionContext, states: States, commit: str, *, plan_only: bool) -> str:
    """Return the run that has to be started on the account before, or "" if none has to."""
    earlier = _before(ctx.target)
    if earlier is None or plan_only or read_promotions(ctx.store_of(earlier.name), earlier.name, commit):
        return ""
    refuse_unwanted(ctx, states)
    name = run_for(ctx.run, earlier)
    return "" if states(name) else name


def look_before(ctx: PromotionContext, states: States, commit: str, *, plan_only: bool) -> Progress:
    """Look whether the account before has proved the commit. Raises: PreconditionError if its run has failed, or an alarm fires."""
    refuse_unwanted(ctx, states)
    earlier = _before(ctx.target)
    if earlier is None:
        return Progress(True, f"{ctx.target.name} is the first account")
    if read_promotions(ctx.store_of(earlier.name), earlier.name, commit):
        return Progress(True, f"{earlier.name} has proved commit {commit[:SHOWN]}; {refuse_alarms(ctx)}")
    if plan_only:
        raise PreconditionError(
            f"{earlier.name} has not proved commit {commit[:SHOWN]}, and a run that only plans promotes it nowhere; start it without "
            "plan_only, or plan on that target. Nothing was changed."
        )
    name = run_for(ctx.run, earlier)
    state = states(name)
    if state in GOING_ON:
        return Progress(False, f"{name} promotes commit {commit[:SHOWN]} to {earlier.name}", f"{name} is under way")
    record = read_record(ctx.store_of(earlier.name), name)
    why = str(record["text"]) if record else f"it is {state or 'gone'}"
    raise PreconditionError(
        f"Commit {commit[:SHOWN]} was not promoted to {earlier.name} by {name}: {why.rstrip('.')}; put that right, then start a new "
        f"run. On {ctx.target.name} nothing was changed."
    )


def ensure_proved(ctx: PromotionContext, commit: str, artefact: str) -> str:
    """Return the account that has proved exactly this commit and artefact, "" for the first one. Raises: PreconditionError."""
    earlier = _before(ctx.target)
    if earlier is None:
        return ""
    found = read_promotions(ctx.store_of(earlier.name), earlier.name, commit)
    if not found:
        raise PreconditionError(
            f"{earlier.name} has not proved commit {commit[:SHOWN]}; start a run on {ctx.target.name}, which promotes it there first. "
            "Nothing was changed."
        )
    if artefact not in [each.artefact for each in found]:
        there = ", ".join(each.artefact[:SHOWN] or "no package" for each in found)
        raise PreconditionError(
            f"Commit {commit[:SHOWN]} was proved on {earlier.name} with package {there}, and here it is {artefact[:SHOWN] or 'none'}: "
            "the tool or its configuration is another one. Use the same on all workers, or promote it there again. Nothing was changed."
        )
    return earlier.name


def refuse_unwanted(ctx: PromotionContext, states: States) -> None:
    """Refuse to go on for a run that was stopped. Raises: PreconditionError."""
    wanting = wanted_by(ctx.run, ctx.target)
    state = states(wanting) if wanting else None
    if state is not None and state not in GOING_ON:
        raise PreconditionError(
            f"{wanting}, for which this run promotes, has ended ({state}), so nothing more is promoted. Nothing was changed."
        )


def refuse_alarms(ctx: PromotionContext) -> str:
    """Return what the alarms of the accounts before say. Raises: PreconditionError if one fires, or is missing."""
    said = []
    for earlier in ctx.target.promoted_before:
        names = earlier.environment.alarms
        found = cloudwatch.describe_alarms(ctx.clients_of(earlier.name).cloudwatch, names)
        refuse_firing(earlier.name, names, found)
        quiet = [each.name for each in found if each.state != "OK"]
        without = f" ({', '.join(quiet)} without data)" if quiet else ""
        said.append(f"none of {len(names)} alarms of {earlier.name} fires{without}")
    return "; ".join(said)


def refuse_firing(target: str, names: Sequence[str], found: Sequence[Alarm]) -> None:
    """Refuse a target of which an alarm fires, or is missing. Raises: PreconditionError."""
    firing = [f"{each.name} ({each.reason})" if each.reason else each.name for each in found if each.state == "ALARM"]
    if firing:
        raise PreconditionError(
            f"On {target} these alarms fire: {', '.join(firing)}; a commit goes on only from accounts that are well. Find out what they "
            "say of it, then start a new run. Nothing was changed."
        )
    if missing := sorted(set(names) - {each.name for each in found}):
        raise PreconditionError(
            f"CloudWatch has no alarm {', '.join(missing)} for {target}, so nobody would notice what a commit breaks there; create it, "
            "or correct alarms in the inventory. Nothing was changed."
        )


def _before(target: Target) -> Target | None:
    return next(iter(target.promoted_before), None)
