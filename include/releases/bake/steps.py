"""The bake of a release: a baseline before it, then one look after the other until the bake is over or has failed."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from include.aws import cloudwatch
from include.aws.logs import count_lines, find_lines
from include.aws.refusals import translated
from include.aws.sts import ask_who
from include.errors import PreconditionError, ServiceUnavailableError
from include.inventory import Target
from include.inventory.releases import Bake
from include.releases.bake.rules import Baseline, Seen, judge_bake, states
from include.run import documents
from include.run.context import Context
from include.waiters.progress import Progress

if TYPE_CHECKING:
    from include.sentry import Sentry, Trouble

log = logging.getLogger(__name__)

USUAL = timedelta(hours=1)  # the period of the log before the release that gives the usual number of errors


def keep_baseline(ctx: Context, sentry: Sentry | None) -> str:
    """Put the world before the release on record, once a run: alarms, known troubles, usual errors."""
    kept_at, store = documents.baseline(ctx.run), ctx.writer.store  # of a confirmed run alone
    if store.get(*kept_at) is None:
        bake, (_, now) = _bake(ctx.target), ask_who(ctx.clients.sts)
        troubles = _troubles(sentry, ctx.target)
        names = ctx.target.environment.alarms
        store.add(
            *kept_at,
            {
                "at": now.isoformat(),
                "alarms": states(cloudwatch.describe_alarms(ctx.clients.cloudwatch, names), names),
                "errors_per_hour": sum(_errors(ctx, bake, now - USUAL).values()) / (USUAL / timedelta(hours=1)),
                "troubles": None if troubles is None else {trouble.id: trouble.count for trouble in troubles},
            },
        )
    found = store.get(*kept_at) or {}
    firing = [name for name, state in found["alarms"].items() if state == "ALARM"]
    return f"{len(found['alarms'])} alarms on record as they were, {len(firing)} of them firing"


def poll_bake(ctx: Context, sentry: Sentry | None) -> Progress:
    """Look once; the bake begins with the first look. Raises: BakeFailedError."""
    store, target = ctx.store, ctx.target
    bake, begun_at = _bake(target), documents.bake(ctx.run)
    kept = store.get(*documents.baseline(ctx.run))
    if kept is None:
        raise PreconditionError(
            "No baseline is on record, so nothing after the release can be compared with it; start again."
        )
    _, now = ask_who(ctx.clients.sts)
    store.add(*begun_at, documents.BakeDocument(since=now.isoformat()))
    since = datetime.fromisoformat((store.get(*begun_at) or {})["since"])
    errors = _errors(ctx, bake, since)
    seen = Seen(
        alarms=cloudwatch.describe_alarms(ctx.clients.cloudwatch, target.environment.alarms),
        as_of=now,
        troubles=_troubles(sentry, target),
        errors=sum(errors.values()),
        first_error=_first(ctx, errors, bake, since),
    )
    baseline = Baseline(kept["alarms"], kept["errors_per_hour"], kept["troubles"], datetime.fromisoformat(kept["at"]))
    return judge_bake(bake, baseline, seen, since)


def _bake(target: Target) -> Bake:
    bake = target.release.bake
    assert bake is not None  # the inventory requires a bake if an image proved elsewhere is released
    return bake


def _errors(ctx: Context, bake: Bake, since: datetime) -> dict[str, int]:
    """Return how many error lines each log group of the release's services holds."""
    groups = {ctx.target.environment.service(name).log_group for name in ctx.target.release.services}
    return {group: count_lines(ctx.clients.logs, group, bake.errors_pattern, since) for group in sorted(groups)}


def _first(ctx: Context, errors: dict[str, int], bake: Bake, since: datetime) -> str:
    """Return the first error line, which only decorates the verdict: "" if it cannot be read (any more)."""
    group = next((name for name, count in errors.items() if count), None)
    try:
        with translated():
            lines = find_lines(ctx.clients.logs, group, bake.errors_pattern, since) if group else ()
    except (PreconditionError, BotoCoreError, ClientError) as error:
        log.warning("The first error line was not read: %s", error)
        return ""
    return lines[0].message if lines else ""


def _troubles(sentry: Sentry | None, target: Target) -> tuple[Trouble, ...] | None:
    """Return Sentry's list, or None if it cannot be read. That proves nothing and stops nothing."""
    known = target.system.sentry
    if sentry is None or known is None:
        return None
    from include.sentry import list_issues

    try:
        return list_issues(sentry, known.organization, known.project, known.environment_of(target.environment_name))
    except (ServiceUnavailableError, PreconditionError) as error:
        log.warning("Sentry was not read: %s", error)
        return None


def read_environments(sentry: Sentry | None, target: Target) -> tuple[str, ...] | None:
    """Return the environments that Sentry knows of the target's project, or None if they cannot be read."""
    known = target.system.sentry
    if sentry is None or known is None:
        return None
    from include.sentry import list_environments

    try:
        return list_environments(sentry, known.organization, known.project)
    except (ServiceUnavailableError, PreconditionError) as error:
        log.warning("Sentry's environments were not read: %s", error)
        return None
