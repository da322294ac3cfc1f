"""The daily look whether a target's infrastructure is as its code says, told in the target's Slack channel."""

from __future__ import annotations

import logging

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from include.aws.refusals import refusal_of
from include.errors import RunbookError
from include.infrastructure.drift import describe_drift
from include.inventory import load
from include.notifications.render import escape
from opskit.connections.aws import reading_clients, run_store
from opskit.looking import ReadOnlyContext
from opskit.notifications.run_state import show_part
from opskit.notifications.sender import slack_connection
from opskit.notifications.slack import SlackThread

log = logging.getLogger(__name__)
SAME = "the infrastructure is as its code says"


def check_drift(name: str) -> str:
    """Return what differs on a target, and tell its channel. Raises: AirflowFailException if it cannot be known."""
    target, context = load().target(name), get_current_context()
    run = context["dag_run"]
    owner = f"{run.dag_id}/{run.run_id}/{name}"
    try:
        found = describe_drift(ReadOnlyContext(target, reading_clients(target), run_store(name), owner))
    except (RunbookError, ClientError) as error:
        said = f"Whether {name} differs from its code is not known: {refusal_of(error) or error}"
        show_part(context, said)
        raise AirflowFailException(said) from error
    log.info("%s: %s", name, found or SAME)
    show_part(context, found if found.startswith(name) else f"{name}: {found or SAME}")
    connection = slack_connection(target) if found else None
    if connection and target.environment.slack_channel:
        SlackThread(connection, target.environment.slack_channel, owner).post(escape(found), "drift", None)
    return found or SAME
