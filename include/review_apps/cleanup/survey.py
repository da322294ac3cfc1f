"""Reading the five lists, and what people did lately. A list that cannot be read to its end is unknown, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from include import github
from include.aws import ecr, rds
from include.aws.ecs_clusters import list_clusters
from include.aws.refusals import refusal_of
from include.errors import RunbookError, ServiceUnavailableError
from include.github.activity import Remark
from include.review_apps.cleanup.context import CleanupContext
from include.review_apps.cleanup.decide import is_asked_for
from include.review_apps.cleanup.model import Cluster, Found, Gone, Listing, Note, OpenPull, Settings
from include.terraform.workspaces import list_workspaces

T = TypeVar("T")
MOST_ASKED = 200  # pull requests in one clean-up, one call each: of 5,000 an hour
RESTING = ("stopped", "stopping", "starting")  # states of a database server that nobody has to mend


def read_lists(ctx: CleanupContext) -> Found:
    """Read the five lists."""
    terraform, place = ctx.target.environment.terraform, ctx.target
    assert terraform  # of every review app
    return Found(
        _listing("The open pull requests", lambda: map(open_pull, github.list_open_pulls(ctx.github))),
        _listing(
            "The Terraform workspaces",
            lambda: list_workspaces(ctx.clients.s3, terraform.state_bucket, terraform.state_key),
        ),
        _listing(
            "The ECS clusters",
            lambda: (
                Cluster(cluster.name, cluster.account, cluster.tags, cluster.tasks)
                for cluster in list_clusters(ctx.clients.ecs)
            ),
        ),
        _databases(ctx),
        _listing(
            "The images",
            lambda: (tag for image in ecr.list_images(ctx.clients.ecr, place.registry) for tag in image.tags),
        ),
    )


def ask_github(ctx: CleanupContext, numbers: tuple[int, ...], asked_up_to: int) -> tuple[dict[int, Gone], int, str]:
    """Ask about pull requests that are not open, as many as one clean-up may. Return the answers, how far it came, and what ended it.

    It goes on after the number at which the last clean-up ended, so that every number has its turn.
    """
    turn = (*(each for each in numbers if each > asked_up_to), *(each for each in numbers if each <= asked_up_to))
    answers: dict[int, Gone] = {}
    last = asked_up_to
    for number in turn[:MOST_ASKED]:
        try:
            found = github.find_pull(ctx.github, number)
        except ServiceUnavailableError as error:
            return answers, last, str(error)
        answers[number] = gone_of(found, str(ctx.target.system.github))
        last = number
    return answers, last, ""


def gone_of(pull: github.Pull | None, repository: str) -> Gone:
    """Return what GitHub's answer about a pull request means for its app. One that is open again has not been closed for long."""
    if pull is None:
        return Gone("none")
    if pull.repository and pull.repository.lower() != repository.lower():
        return Gone("moved")
    if pull.state != "closed":
        return Gone("open")
    return Gone("closed", datetime.fromisoformat(pull.closed) if pull.closed else None)


def absorb(
    note: Note, pull: OpenPull, remarks: Iterable[Remark], is_ours: Callable[[str], bool] = lambda body: False
) -> Note:
    """Return what is on record of an app after a look at its pull request and the newest comments on it.

    A push ends what was decided before it. What we and other robots write is nobody's use of the app.
    """
    if note.active is None:
        note = replace(note, active=pull.updated)
    elif note.sha and note.sha != pull.sha:
        note = replace(note, active=max(note.active, pull.updated), down=None)
    spoken = [
        remark.at
        for remark in remarks
        if remark.number == pull.number and not remark.robot and not is_ours(remark.body)
    ]
    assert note.active
    return replace(note, sha=pull.sha, active=max([note.active, *spoken]))


def looks_at(
    pulls: Iterable[OpenPull], remarks: tuple[Remark, ...], settings: Settings, is_ours: Callable[[str], bool]
) -> dict[int, Callable[[Note], Note]]:
    """Return how this look changes what is on record, for each pull request that asks for an app."""
    by_number: dict[int, list[Remark]] = {}
    for remark in remarks:
        by_number.setdefault(remark.number, []).append(remark)
    return {
        pull.number: partial(absorb, pull=pull, remarks=by_number.get(pull.number, ()), is_ours=is_ours)
        for pull in pulls
        if is_asked_for(pull, settings)
    }


def open_pull(pull: github.Pull) -> OpenPull:
    """Return what a clean-up has to know of an open pull request."""
    updated = datetime.fromisoformat(pull.updated or pull.created)
    return OpenPull(pull.number, pull.sha, frozenset(pull.labels), pull.own, updated)


def _databases(ctx: CleanupContext) -> Listing[str]:
    """List the databases. A server that is stopped for the night has some, and nobody knows which."""
    server = ctx.target.review_app.database.server
    state = _listing("The database server", lambda: [rds.describe_status(ctx.clients.rds, server)])
    if state.unknown:
        return Listing(unknown=state.unknown)
    if state.items[0] in RESTING:
        return Listing(
            unknown=f"the databases are not known, since their server {server} is {state.items[0]}", rests=True
        )
    return _listing("The databases", ctx.list_databases)


def _listing(what: str, read: Callable[[], Iterable[T]]) -> Listing[T]:
    try:
        return Listing(tuple(read()))
    except (RunbookError, ServiceUnavailableError, BotoCoreError, ClientError) as error:
        return Listing(unknown=f"{what[0].lower()}{what[1:]} could not be read: {refusal_of(error) or error}")
