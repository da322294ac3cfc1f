"""What else is being deployed: a release to production waits until staging and the repository's pipelines are at rest."""

from __future__ import annotations

from datetime import datetime

from include import github
from include.releases.context import ReleaseContext
from include.run.lease.model import LIVE, RunState
from include.run.lease.store import read_lease
from include.run.store import RunStore
from include.waiters.progress import Progress

# the runbooks that change what staging runs; a restart or a migration does not
DEPLOYING = ("staging_deployment", "release_rollback")
PULL_REQUEST = ("pull_request", "pull_request_target", "pull_request_review")  # events that deploy no release


def poll_other_deployments(ctx: ReleaseContext, staging: RunStore, run_state: RunState) -> Progress:
    """Look whether anything else is deployed, and say what. `run_state` tells which runs on staging are still alive."""
    proved_on = ctx.target.proved_on
    found = [*(list_deployments(staging, proved_on.name, run_state) if proved_on else ()), *list_pipelines(ctx)]
    if not found:
        return Progress(True, "nothing else is being deployed")
    text = f"waits for {'; '.join(found)}"
    return Progress(False, text, text)


def list_deployments(staging: RunStore, name: str, run_state: RunState) -> tuple[str, ...]:
    """Return the deployments to staging that are running or queued, in words, without leftovers of dead runs."""
    lease, found = read_lease(staging, name), []
    if lease.owner and _deploys(lease.owner):
        if run_state(lease.owner) in LIVE:
            found.append(f"{lease.owner}, which has had {name} since {_time(lease.since)} ({lease.reason})")
        elif lease.kept:
            found.append(f"a person to say that {name} is free again after {lease.owner} ({lease.kept})")
    found += [
        f"{owner}, which has been in line for {name} since {_time(since)}"
        for owner, since in sorted(lease.waiting.items(), key=lambda item: item[1])
        if _deploys(owner) and run_state(owner) in LIVE
    ]
    return tuple(found)


def list_pipelines(ctx: ReleaseContext) -> tuple[str, ...]:
    """Return the repository's workflow runs that may deploy and have not ended, in words.

    These are the runs of the inventory's pipelines. Where it names none, they are all that no pull request has started.
    """
    pipelines = ctx.target.system.versions.pipelines
    return tuple(
        f"{run.name} of {run.head_sha[:7]}, which is {run.status} ({run.url})"
        for run in github.list_running_workflows(ctx.github)
        if (run.file in pipelines if pipelines else run.event not in PULL_REQUEST)
    )


def _deploys(owner: str) -> bool:
    return owner.split("/", 1)[0] in DEPLOYING


def _time(moment: datetime | None) -> str:
    return f"{moment:%H:%M} UTC" if moment else "an unknown time"
