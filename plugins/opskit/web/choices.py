"""The page Choices of a runbook: what may be filled into its form where only the world knows it, such as releases and commits.

Airflow's forms are the same for every target and never change, so they cannot offer this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse

from include import github
from include.errors import RunbookError, ServiceUnavailableError
from include.inventory import Inventory, Target, load
from include.region_data.offers import list_offered
from include.region_data.region_config import list_regions
from include.releases.rollback.preflight import list_releases
from include.run.image_attestations import list_attestations
from opskit.connections.aws import clients_for, run_store
from opskit.connections.external_services import github_repository, infrastructure_repository
from opskit.connections.postgres import connect
from opskit.looking import ReadOnlyContext

router = APIRouter()
MOST = 15  # entries of a list
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Choices</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1.5em auto; padding: 0 1.5em; max-width: 75em; color-scheme: light dark }}
table {{ border-collapse: collapse }} td {{ border: 1px solid #8884; padding: .3em .6em; overflow-wrap: anywhere }}
code {{ user-select: all }}
</style></head>
<body><p>{intro}</p>
{content}
</body></html>
"""
NOTHING = "The form of this runbook offers all that may be chosen."


@dataclass(frozen=True)
class Choice:
    """Something to fill into the form, and what it is."""

    value: str
    what: str


def _releases(target: Target) -> list[Choice]:
    there = list_releases(ReadOnlyContext(target, clients_for(target.name), run_store(target.name)))
    return [Choice(tag, what) for tag, what in there.items()]


def _proved(target: Target) -> list[Choice]:
    if target.proved_on is None:
        return []
    found = list_attestations(run_store(target.proved_on.name), target.proved_on.name)
    newest = "; taken if the field is left empty"
    return [
        Choice(
            each.commit, f"proved on {each.target} at {each.at:%Y-%m-%d %H:%M} UTC by {each.run}{'' if n else newest}"
        )
        for n, each in enumerate(found)
    ]


def _commits(target: Target) -> list[Choice]:
    commits = github.list_newest_commits(github_repository(target), target.system.versions.branch, MOST)
    return [Choice(commit.sha, f"{commit.subject} ({commit.author})") for commit in commits]


def _code(target: Target) -> list[Choice]:
    terraform = target.environment.terraform
    assert terraform  # of every target that this is offered for
    commits = github.list_newest_commits(infrastructure_repository(target), terraform.branch, MOST)
    return [Choice(commit.sha, f"{commit.subject} ({commit.author})") for commit in commits]


def _folders(target: Target) -> list[Choice]:
    with connect(target) as connection:
        regions = list_regions(connection)
    offered = list_offered(clients_for(target.name).s3, regions, target.region_data.buckets)
    return [Choice(each.entry, f"beside {each.runs_on}, on which {each.region} runs") for each in offered]


@dataclass(frozen=True)
class Offer:
    """What a runbook's form cannot offer: the field, the targets, and how to list it for one of them."""

    field: str
    targets: Callable[[Inventory], Sequence[str]]
    list_choices: Callable[[Target], list[Choice]]
    order: str = "the newest first"
    most: int = MOST


OFFERS = {
    "account_promotion": Offer("Commit", Inventory.promotable, _code),
    "release_rollback": Offer("Release to go back to", Inventory.returnable, _releases),
    "production_release": Offer("Commit", Inventory.releasable, _proved),
    "staging_deployment": Offer("Commit", Inventory.staging, _commits),
    "image_publication": Offer("Commit", Inventory.publishing, _commits),
    "infrastructure_change": Offer("Commit", Inventory.terraformed, _code),
    "infrastructure_recreation": Offer("Commit", Inventory.recreatable, _code),
    "region_data_update": Offer("Regions", Inventory.updatable, _folders, "by region, the newest folder first", 300),
}


@router.get(
    "/{dag_id}/choices",
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
    response_class=HTMLResponse,
)
def show_choices(dag_id: str, target: str = "") -> str:
    """Show what may be filled into a runbook's form for a target, or the targets to choose from."""
    offer = OFFERS.get(dag_id)
    if offer is None:
        return PAGE.format(intro=NOTHING, content="")
    targets = list(offer.targets(load()))
    places = " · ".join(f'<a href="?target={quote(name, safe="")}">{escape(name)}</a>' for name in targets)
    if not target:
        return PAGE.format(intro=f"<b>{escape(offer.field)}</b>: choose a target.", content=f"<p>{places}</p>")
    if target not in targets:
        raise HTTPException(
            404, f"{dag_id} is not offered for {target}; it is for {', '.join(targets) or 'no target'}."
        )
    try:
        found = offer.list_choices(load().target(target))[: offer.most]
    except (RunbookError, ServiceUnavailableError, BotoCoreError, ClientError) as error:
        raise HTTPException(503, f"What may be chosen cannot be read: {error}") from error
    rows = "".join(f"<tr><td><code>{escape(each.value)}</code></td><td>{escape(each.what)}</td></tr>" for each in found)
    table = f"<table>{rows}</table>" if found else "<p>There is nothing to choose.</p>"
    return PAGE.format(
        intro=f"<b>{escape(offer.field)}</b> for <b>{escape(target)}</b>, {offer.order}. Copy one into the form.",
        content=f"{table}<p>{places}</p>",
    )
