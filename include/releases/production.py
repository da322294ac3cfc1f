"""What a release to production asks of GitHub, AWS and staging's records before it plans, and what it writes on GitHub and in Jira."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include import github
from include.aws import cloudwatch, ecr
from include.aws.sts import ask_who
from include.errors import NeighbourAwayError, PreconditionError
from include.inventory import Target
from include.operations.leases import read_lease
from include.operations.permit import Permit
from include.operations.proofs import last_proof, read_proof
from include.operations.table import OperationsTable
from include.releases import findings
from include.releases.images import Scan, ensure_commit, find_tagged
from include.releases.migration import find_migrations
from include.releases.places import Place
from include.releases.plans.production_release import ProductionReleasePlan, Repository, World, plan_production_release
from include.releases.staging import read_live, read_templates
from include.releases.templates import differences
from include.releases.tickets import Tickets, compose_notes, find_tickets, slack_notes
from include.releases.versions import Bump, choose_version, previous_version, read_tags

if TYPE_CHECKING:
    from atlassian import Jira

LABEL, DONE = "Released", "Done"  # S0: how a ticket looks that is out
WENT_BACK = "Release-went-back"
NOTES = "release-notes"  # the document that keeps what was drafted


@dataclass(frozen=True)
class Wish:
    """What a person asks of a release besides its target; a commit left out is the last one that staging has proved."""

    commit: str = ""
    version: str = ""
    bump: Bump = "patch"


def make_plan(
    place: Place, staging: OperationsTable, wish: Wish, stamp: datetime
) -> tuple[ProductionReleasePlan, datetime]:
    """Return the plan and AWS's time just before the reads it rests on. Raises: PreconditionError."""
    target, clients = place.target, place.clients
    assert target.proved_on  # only such targets are offered
    account, since = ask_who(clients.sts)
    commit = wish.commit or _last_proved(staging, target.proved_on)
    ensure_commit(commit)
    live, images = read_live(clients, target), ecr.list_images(clients.ecr, target.registry)
    image = find_tagged(commit[: target.registry.commit_length], images)
    proof = read_proof(staging, target.proved_on.name, image.digest, commit) if image else None
    templates = read_templates(clients, target, live)
    world = World(
        live=live,
        images=images,
        scan=ecr.describe_scan(clients.ecr, target.registry, image.digest) if image else Scan(""),
        proof=proof,
        alarms=cloudwatch.describe_alarms(clients.cloudwatch, target.environment.alarms),
        account=account,
        staging=_at_work(staging, target.proved_on.name),
        templates=templates,
        differences=_differences(target, proof.templates if proof else {}, templates),
        keep=target.registry.keep,
        length=target.registry.commit_length,
    )
    plan = plan_production_release(
        target,
        commit,
        _read_repository(place, commit, wish),
        world,
        since,
        stamp=stamp,
        version=wish.version,
        bump=wish.bump,
    )
    return plan, since


def _last_proved(staging: OperationsTable, target: Target) -> str:
    proof = last_proof(staging, target.name)
    if proof is None:
        raise PreconditionError(
            f"{target.name} has never proved an image, so there is nothing to release; deploy a commit there first."
        )
    return proof.commit


def _at_work(staging: OperationsTable, name: str) -> tuple[str, ...]:
    """Return the deployments to staging that are at work or wait for their turn (I9)."""
    lease = read_lease(staging, name)
    return tuple(each for each in (lease.owner, *lease.waiting) if each)


def _differences(target: Target, proved: Mapping[str, str], here: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for name in target.release.services:
        container = target.environment.service(name).container
        if container in proved:
            different = differences(json.loads(proved[container]), json.loads(here[name]))
            found += [f"container {container} of {name} {each}" for each in different]
    return tuple(found)


def _read_repository(place: Place, commit: str, wish: Wish) -> Repository:
    versions, repository = place.target.system.versions, place.github
    tags = read_tags(github.list_tags(repository))
    new = choose_version(wish.version, tags, wish.bump, versions.prefix)
    previous = previous_version(tags, new)
    tag = str(previous) if previous else None
    return Repository(
        tags=tags,
        commits=github.list_commits_between(repository, tag, commit),
        files=find_migrations(github.changed_files(repository, tag, commit)) if tag else (),
        comparison=github.compare_status(repository, versions.branch, commit),
        checks=github.list_checks(repository, commit),
        running=tuple(f"{each.name} of {each.head_sha[:7]}" for each in github.list_running_workflows(repository)),
    )


def draft_release(place: Place, permit: Permit, plan: ProductionReleasePlan, jira_url: str | None = None) -> str:
    """Draft the release with its notes, and put them on record for Slack; returns the draft's page (REL-04, REL-05)."""
    permit.reconcile(lambda intent: _find(place, intent))
    tag = plan.previous or None
    commits = github.list_commits_between(place.github, tag, plan.commit)
    project = place.target.system.jira_project
    tickets = find_tickets(commits, project) if project else Tickets(())
    notes = compose_notes(
        github.generate_notes(place.github, plan.version, plan.commit, tag), tickets, jira_url=jira_url
    )
    draft = permit.write(
        f"github.CreateRelease {place.target.system.github} {plan.version}: a draft on {plan.commit[:12]}",
        lambda: github.create_draft(place.github, plan.version, plan.commit, plan.version, notes),
        on=[str(place.target.system.github)],
        tag_name=plan.version,
        target_commitish=plan.commit,
    )
    permit.table.add(f"run#{permit.owner}", NOTES, {"notes": notes, "url": draft.url})
    permit.note(slack_notes(notes, draft.url))
    return draft.url


def publish_release(place: Place, permit: Permit, plan: ProductionReleasePlan) -> str:
    """Publish the draft, unless it is published already; returns when, by GitHub's clock (REL-08)."""
    permit.reconcile(lambda intent: _find(place, intent))
    draft = github.find_release(place.github, plan.version)
    if draft is None:
        raise PreconditionError(
            f"{place.target.system.github} has no draft {plan.version} any more; find out who removed it, then start again."
        )
    published = permit.write(
        f"github.PublishRelease {place.target.system.github} {plan.version}",
        lambda: github.publish(place.github, draft),
        on=[str(place.target.system.github)],
        tag_name=plan.version,
        target_commitish=plan.commit,
    )
    assert published.published_at  # it is none only for a draft
    return published.published_at.isoformat()


def _find(place: Place, intent: Mapping[str, Any]) -> str:
    tag = str(intent.get("values", {}).get("tag_name", ""))
    release = github.find_release(place.github, tag) if tag else None
    known = {tag} if release else set()
    drafts, published = (known, set()) if release and release.draft else (set(), known)
    return findings.find(intent, findings.Facts(drafts=drafts, published=published))


def move_tickets(permit: Permit, client: Jira | None, keys: Sequence[str]) -> str:
    """Tag the release's tickets and move them; what Jira does not take is said, and stops nothing (REL-24)."""
    from include import jira

    def change(client: Jira, key: str) -> str:
        jira.add_label(client, key, LABEL)
        return jira.move(client, key, DONE)

    return _touch_tickets(permit, client, keys, change, f"tagged {LABEL} and moved to {DONE}")


def mark_tickets(permit: Permit, client: Jira | None, keys: Sequence[str]) -> str:
    """Tag the tickets of a release that went back; where they stand is their team's affair."""
    from include import jira

    def change(client: Jira, key: str) -> str:
        jira.add_label(client, key, WENT_BACK)
        return ""

    return _touch_tickets(permit, client, keys, change, f"tagged {WENT_BACK}")


def _touch_tickets(
    permit: Permit, client: Jira | None, keys: Sequence[str], change: Callable[[Jira, str], str], done: str
) -> str:
    """Change each ticket there is; `change` returns a remark where it could not."""
    from include import jira

    if client is None or not keys:
        return "no ticket was touched"
    touched: list[str] = []
    remarks: list[str] = []
    for key in keys:
        try:
            if jira.get_tickets(client, [key]).missing:
                remarks.append(f"{key} is not in Jira")
                continue
            permit.check()
            remark = change(client, key)
        except (NeighbourAwayError, PreconditionError) as error:
            remarks.append(f"{key} was left as it is: {str(error).rstrip('.')}")
        else:
            (remarks.append(remark) if remark else touched.append(key))
    text = f"{len(touched)} of {len(keys)} tickets {done}"
    permit.note("; ".join([text, *remarks]))
    return text
