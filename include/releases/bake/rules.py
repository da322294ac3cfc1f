"""The rules of a bake: alarms compared with their state before, new errors of this release, and missing data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from include.aws.cloudwatch import Alarm
from include.errors import BakeFailedError, PreconditionError
from include.inventory import Target
from include.inventory.releases import Bake
from include.text import joined, one_line
from include.waiters.progress import Progress, minutes

if TYPE_CHECKING:
    from include.sentry import Trouble

# the state of an alarm that does not exist in CloudWatch; CloudWatch's own are OK, ALARM, INSUFFICIENT_DATA
MISSING = "MISSING"
BLIND = ("INSUFFICIENT_DATA", MISSING)


@dataclass(frozen=True)
class Baseline:
    """The state just before a release's first write, with which the state afterwards is compared."""

    alarms: Mapping[str, str]  # state by name
    errors_per_hour: float | None = None  # error lines in the log, or None if it could not be read
    troubles: Mapping[str, int] | None = None  # Sentry's count by id, or None if Sentry did not answer
    at: datetime | None = None  # AWS's clock; without `troubles`, an issue first seen since then is due to the release


@dataclass(frozen=True)
class Seen:
    """One reading during a bake. None means that it could not be read: that proves nothing and stops nothing by itself."""

    alarms: Sequence[Alarm]
    as_of: datetime  # AWS's clock
    troubles: Sequence[Trouble] | None = None
    errors: int | None = None  # error lines since the bake began
    first_error: str = ""


def states(alarms: Sequence[Alarm], names: Sequence[str]) -> dict[str, str]:
    """Return the state of every alarm of the inventory, or MISSING if CloudWatch does not have the alarm."""
    known = {alarm.name: alarm.state for alarm in alarms}
    return {name: known.get(name, MISSING) for name in names}


def refuse_unwatched(names: Sequence[str], alarms: Sequence[Alarm], bake: Bake) -> None:
    """Refuse a bake that could not notice anything: its alarms do not exist, or take longer than the bake.

    Raises: PreconditionError.
    """
    if missing := [name for name, state in states(alarms, names).items() if state == MISSING]:
        raise PreconditionError(
            f"CloudWatch has no alarm {', '.join(missing)}, so nobody would watch what {'it' if len(missing) == 1 else 'they'} "
            "should; correct the inventory or create it, nothing was changed."
        )
    watched = [alarm for alarm in alarms if alarm.name in names and alarm.name not in bake.slow]
    slowest = max(watched, key=lambda each: each.window_seconds, default=None)
    if slowest and slowest.window_seconds > bake.duration.total_seconds():
        raise PreconditionError(
            f"Alarm {slowest.name} takes {slowest.window_seconds / 60:g} min to notice anything, longer than the bake of "
            f"{bake.duration.total_seconds() / 60:g} min; make bake.duration longer, or list it as bake.slow to do without it."
        )


def unwatched_environment(target: Target, known: Sequence[str] | None) -> str:
    """Return what to tell if Sentry does not know the target's environment by this name, or "". `known`: None if it was not read."""
    place = target.system.sentry
    if place is None or known is None:
        return ""
    name = place.environment_of(target.environment_name)
    if name in known:
        return ""
    others = f"it knows {', '.join(known)}" if known else "it knows none"
    return (
        f"Sentry has had no event from an environment {name} of {place.organization}/{place.project} ({others}), so the bake may "
        f"see none of its errors; if it has another name there, list it as sentry.environments.{target.environment_name}."
    )


def judge_bake(bake: Bake, baseline: Baseline, seen: Seen, since: datetime) -> Progress:
    """Decide whether a release has passed its bake, is still in it, or has to be rolled back. `since` is AWS's clock.

    An alarm that fired before is not caused by the release, unless it was OK in between.

    An alarm without data is ignored if it had none before either, or is listed as quiet. Any other is waited for, beyond the bake
    for `bake.blind_grace`, and then counts as a failure: an alarm that lost its data with the release hides what the release did.

    Raises: BakeFailedError.
    """
    now = {alarm.name: alarm for alarm in seen.alarms}
    _refuse_alarms(baseline, now, since)
    _refuse_troubles(bake, baseline, seen, since)
    _refuse_errors(bake, baseline, seen, since)
    blind = [
        name
        for name, before in baseline.alarms.items()
        if before not in BLIND and name not in bake.quiet and _state(now, name) in BLIND
    ]
    lasted = seen.as_of - since
    if blind and lasted >= bake.duration + bake.blind_grace:
        raise BakeFailedError(
            f"Alarm {', '.join(blind)} has had no data since the release ({minutes(since, seen.as_of)}), though it had before: "
            "what it watches cannot be judged; look at its metric."
        )
    done = lasted >= bake.duration and not blind
    rest = [f"{len(baseline.alarms)} alarms as before"] if not blind else [f"no data yet for {', '.join(blind)}"]
    rest += _remarks(bake, baseline, seen)
    of = f"{bake.duration.total_seconds() / 60:g} min"
    return Progress(done, f"bake: {minutes(since, seen.as_of)} of {of}, {'; '.join(rest)}", f"bake: {'; '.join(rest)}")


def _refuse_alarms(baseline: Baseline, now: Mapping[str, Alarm], since: datetime) -> None:
    fired = []
    for name, before in baseline.alarms.items():
        alarm = now.get(name)
        if alarm and alarm.state == "ALARM" and (before != "ALARM" or alarm.since > since):
            was = before if before != "ALARM" else "ALARM before, well in between"
            fired.append(f"{name} ({was}; now: {one_line(alarm.reason)[:200] or 'no reason given'})")
    if fired:
        raise BakeFailedError(
            f"{len(fired)} alarm{'s' if len(fired) > 1 else ''} fired after the release: {joined(fired)}; find out whether the "
            "release is the reason."
        )


def _refuse_troubles(bake: Bake, baseline: Baseline, seen: Seen, since: datetime) -> None:
    if seen.troubles is None:
        return
    begun = baseline.at or since
    before = baseline.troubles
    counted = [trouble for trouble in seen.troubles if trouble.level in bake.sentry_levels]
    if before is None:
        added = [each for each in counted if each.first_seen >= begun]
    else:  # a resolved error that occurs again is unresolved again, and its first sight is long ago
        added = [each for each in counted if each.id not in before]
    if len(added) > bake.sentry_new_allowed:
        first = max(added, key=lambda each: (each.count, each.id))
        raise BakeFailedError(
            f"Sentry has {_new_and_reopened(added, begun)} since the release, {bake.sentry_new_allowed} allowed; the one with the "
            f"most events ({first.count}, first seen {first.first_seen:%Y-%m-%d %H:%M}): "
            f"{one_line(first.title)[:200]} {first.url}".rstrip()
            + "; look at it before the next release."
        )
    if before is None:
        return
    for each in counted:
        more = each.count - before.get(each.id, each.count)
        if each.id in before and more > bake.sentry_spike:
            raise BakeFailedError(
                f"Sentry counts {more} more events since the release (allowed: {bake.sentry_spike}) of an error known before: "
                f"{one_line(each.title)[:200]} {each.url}".rstrip()
                + "; look at it before the next release."
            )


def _new_and_reopened(added: Sequence[Trouble], begun: datetime) -> str:
    new = sum(each.first_seen >= begun for each in added)
    reopened = len(added) - new
    parts = [
        f"{count} {word} error{'s' if count > 1 else ''}" for count, word in ((new, "new"), (reopened, "reopened"))
    ]
    return " and ".join(part for part, count in zip(parts, (new, reopened), strict=True) if count)


def _refuse_errors(bake: Bake, baseline: Baseline, seen: Seen, since: datetime) -> None:
    if seen.errors is None or baseline.errors_per_hour is None:
        return
    hours = (seen.as_of - since) / timedelta(hours=1)
    expected = baseline.errors_per_hour * hours
    allowed = max(bake.errors_least, expected * bake.errors_factor)
    if seen.errors > allowed:
        raise BakeFailedError(
            f"The logs hold {seen.errors} errors in {minutes(since, seen.as_of)} since the release, where {expected:.0f} would "
            f"be usual and {allowed:.0f} are allowed; the first: {one_line(seen.first_error)[:200] or 'not shown'}; look "
            "at it before the next release."
        )


def _remarks(bake: Bake, baseline: Baseline, seen: Seen) -> list[str]:
    remarks = []
    if firing := sorted(name for name, state in baseline.alarms.items() if state == "ALARM"):
        remarks.append(f"firing since before: {', '.join(firing)}")
    if silent := sorted(n for n, state in baseline.alarms.items() if state in BLIND or n in bake.quiet):
        remarks.append(f"without data before, so not judged: {', '.join(silent)}")
    if seen.troubles is None or baseline.troubles is None:
        remarks.append("Sentry not read")
    if seen.errors is None or baseline.errors_per_hour is None:
        remarks.append("error logs not read")
    return remarks


def _state(now: Mapping[str, Alarm], name: str) -> str:
    return now[name].state if name in now else MISSING
