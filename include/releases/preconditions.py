"""The checks that deployments to staging and to production share: where, when, which commit, and whether its services are ready."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from include.inventory import Target
from include.releases.deployment.plan import (
    Live,
    plan_services,
    refuse_alarmed,
    refuse_idle,
    refuse_pushed,
    refuse_unstartable,
)
from include.releases.model import ServiceRelease
from include.releases.production.checks import ensure_green
from include.releases.production.versions import ensure_on_branch
from include.run.plan.preconditions import refuse_other_account, refuse_outside_hours


def ensure_allowed(
    target: Target, commit: str, account: str, comparison: str, checks: Sequence[tuple[str, str]], now: datetime
) -> bool:
    """Tell whether a commit, which may be deployed to the target now, is green yet.

    `comparison` and `checks` are what GitHub reports on it. Raises: PreconditionError if it may not be deployed.
    """
    refuse_other_account(target, account)
    refuse_outside_hours(target.name, target.environment.maintenance_hours, now)
    versions = target.system.versions
    ensure_on_branch(commit, versions.branch, comparison)
    return ensure_green(commit, checks, versions.checks)


def plan_ready_services(
    target: Target, live: Mapping[str, Live], templates: Mapping[str, str] | None, pushed: str | None
) -> tuple[ServiceRelease, ...]:
    """Return the services of a target's release in order, each ready for it.

    `pushed`: the digest of the release's image if the target's registry has it, "" if it still has to be pushed there, None
    where no push starts a deployment. Raises: PreconditionError.
    """
    parts = plan_services(target, live, templates)
    refuse_idle(target.name, parts)
    refuse_unstartable(target, live)
    if pushed is not None:
        refuse_pushed(parts, pushed)
        refuse_alarmed(parts, live, pushed)
    return parts
