"""The clean-up of review apps as tasks of Airflow: when it is due, what it finds and does, and the runs that it starts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException
from botocore.exceptions import BotoCoreError, ClientError

from include.aws.clients import Clients
from include.aws.refusals import refusal_of
from include.aws.sts import ask_who
from include.errors import RunbookError, ServiceUnavailableError
from include.inventory import Target, load
from include.notifications.render import escape
from include.review_apps.cleanup.databases import list_databases
from include.review_apps.cleanup.passing import Outcome, clean_up, last_began
from include.review_apps.cleanup.settings import settings_of
from include.review_apps.cleanup.starting import Start, why_not
from include.run.store import RunStore
from opskit.connections.aws import clients_for, run_store
from opskit.connections.external_services import github_repository
from opskit.connections.review_databases import connect_to_server
from opskit.context import StepContext
from opskit.notifications.run_state import show_part
from opskit.notifications.sender import slack_connection
from opskit.notifications.slack import SlackThread
from opskit.run_states import state_of

if TYPE_CHECKING:
    from github.Repository import Repository

log = logging.getLogger(__name__)
ANY = 1  # the number of an app that stands for all of its template
EARLY = timedelta(minutes=2)  # a clean-up that begins this much too early is on time


@dataclass(frozen=True)
class Cleaning:
    """The context of a clean-up of one template's apps."""

    target: Target
    step: StepContext

    @property
    def clients(self) -> Clients:
        return clients_for(self.target.name)

    @property
    def store(self) -> RunStore:
        return run_store(self.target.name)

    @cached_property
    def github(self) -> Repository:
        return github_repository(self.target)

    @property
    def run(self) -> str:
        return self.step.run

    def list_databases(self) -> tuple[str, ...]:
        with connect_to_server(self.target) as connection:
            return list_databases(connection)

    def run_state(self, owner: str) -> str | None:
        return state_of(self.step, owner)


def shortest_interval() -> timedelta | None:
    """Return how often clean-ups begin, or None if no template of the inventory has `clean_up_every`."""
    inventory = load()
    found = [inventory.review_app(pattern, ANY).review_app.clean_up_every for pattern in inventory.reviewed()]
    return min(filter(None, found), default=None)


def clean_up_template(pattern: str) -> dict[str, Any]:
    """Clean up the apps of a template such as core/review-<number>. Return its report, and the runs that it wants started.

    Raises: AirflowFailException if a list cannot be read, which somebody has to mend.
    """
    context = get_current_context()
    inventory, run = load(), context["dag_run"]
    scheduled = str(getattr(run.run_type, "value", run.run_type)) == "scheduled"
    acting = scheduled or not context["params"]["plan_only"]
    ctx = Cleaning(inventory.review_app(pattern, ANY), StepContext(context))
    try:
        if scheduled and not _is_due(ctx):
            raise AirflowSkipException(f"A clean-up of the apps of {pattern} is not due by review_app.clean_up_every.")
        found = clean_up(
            ctx, settings_of(ctx.target), lambda number: inventory.review_app(pattern, number), acting=acting
        )
    except (RunbookError, ServiceUnavailableError, BotoCoreError, ClientError) as error:
        said = f"The apps of {pattern} were not cleaned up: {refusal_of(error) or error}"
        show_part(context, said)
        raise AirflowFailException(said) from error
    show_part(context, found.text)
    _tell(ctx, found)
    if found.report and found.report.unknown:
        raise AirflowFailException(found.text)
    return {"text": found.text, "starts": [start.as_json() for start in found.starts]}


def list_starts(results: Iterable[Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """Return the runs that all templates' clean-ups want started."""
    return [start for result in results if result for start in result["starts"]]


def start_run(given: Mapping[str, Any]) -> None:
    """Start one run, unless GitHub says by now that it is not wanted. Raises: AirflowSkipException, AirflowFailException."""
    start = Start(**given)
    target = load().target(start.target)
    ctx = Cleaning(target, StepContext(get_current_context()))
    try:
        reason = why_not(ctx, settings_of(target), start)
    except (RunbookError, ServiceUnavailableError) as error:
        raise AirflowFailException(
            f"{start.run_id} was not started, since GitHub could not be asked again: {error} The next clean-up does."
        ) from error
    if reason:
        raise AirflowSkipException(f"{start.run_id} was not started: {reason}.")
    raise DagRunTriggerException(
        trigger_dag_id=start.runbook,
        dag_run_id=start.run_id,
        conf={"target": start.target, "reason": start.reason[:500], **start.facts},
        reset_dag_run=False,
        skip_when_already_exists=True,
        wait_for_completion=False,
        allowed_states=[],
        failed_states=[],
        poke_interval=0,
        deferrable=False,
        note=f"Started by {ctx.run}.",
    )


def _is_due(ctx: Cleaning) -> bool:
    interval = ctx.target.review_app.clean_up_every
    if interval is None:
        return False
    began = last_began(ctx)
    _, now = ask_who(ctx.clients.sts)
    return began is None or not timedelta() <= now - began < interval - EARLY


def _tell(ctx: Cleaning, found: Outcome) -> None:
    """Log the report, and tell the channel of the apps what an event of GitHub should have done."""
    if not found.report or not (found.report.mended or found.report.unknown):
        log.info("%s", found.text)
        return
    log.warning("%s", found.text)
    connection = slack_connection(ctx.target)
    if connection and ctx.target.environment.slack_channel and found.report.mended:
        thread = SlackThread(
            connection, str(ctx.target.environment.slack_channel), f"{ctx.run}/{ctx.target.shared_name}"
        )
        thread.post(escape(found.text), "clean-up", None)
