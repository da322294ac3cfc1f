"""Commands in comments on a pull request: who may give them, what they start, and the answer in the one comment."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from include import github
from include.errors import PreconditionError
from include.front_door.callers import Caller
from include.front_door.events import Wake
from include.front_door.problem import Problem
from include.front_door.request import StartRequest
from include.inventory import Target, load
from include.review_apps.cleanup import commands
from include.review_apps.cleanup.commands import Command
from include.review_apps.cleanup.comment import put_notice
from include.review_apps.cleanup.notes import change_note
from include.review_apps.cleanup.settings import settings_of
from include.review_apps.cleanup.survey import open_pull
from include.run import cleanup_documents as documents
from opskit.connections.aws import run_store
from opskit.connections.external_services import github_repository
from opskit.requested import params_of
from opskit.web.door.airflow_runs import log_refusal, make_run, refuse_paused
from opskit.web.door.callers import Visitor
from opskit.web.door.starting import start_once

log = logging.getLogger(__name__)
CLEANUP = "review_app_cleanup"
STARTED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "deploy": ("review_app_deployment", {}),
    "reset-db": ("review_app_deployment", {"reset_database": True}),
    "teardown": ("review_app_teardown", {"even_if_wanted": True}),
}
SEEN, REFUSED, NOT_UNDERSTOOD = "eyes", "-1", "confused"


def carry_out_command(dag_bag: Any, wake: Wake) -> dict[str, str]:
    """Carry out the command of a comment, as GitHub shows it now. Return the result of the delivery. Raises: RunbookError, Problem."""
    app = load().target(wake.target)
    repository, number = github_repository(app), app.number
    assert number is not None
    comment = next((each for each in github.list_comments(repository, number) if each.id == wake.comment), None)
    command = commands.read_command(comment.body) if comment else None
    if comment is None or command is None:
        return {"result": "ignored", "why": f"Comment {wake.comment} is no command."}
    allowed = github.may_write(repository, comment.by)
    said: documents.CommandDocument = {
        "at": comment.at,
        "number": number,
        "by": comment.by,
        "command": f"/{command.name}",
        "allowed": allowed,
    }
    run_store(app.name).add(*documents.command(app.shared_name, comment.id), said)
    reaction = REFUSED if not allowed else NOT_UNDERSTOOD if command.wrong else SEEN
    github.add_reaction(repository, number, comment.id, reaction).make()
    if not allowed:
        why = f"{comment.by or 'Somebody who is gone'} may not write to {app.system.github}."
        log_refusal(CLEANUP, f"github:{comment.by}", Problem("not-allowed", f"/{command.name} on {app.name}: {why}"))
        return {"result": "refused", "why": why}
    return _carry_out(dag_bag, app, command, comment)


def _carry_out(dag_bag: Any, app: Target, command: Command, comment: github.Comment) -> dict[str, str]:
    settings, longest, number = settings_of(app), app.review_app.longest_extension, app.number
    assert number is not None
    repository = github_repository(app)
    found = github.find_pull(repository, number)
    pull = open_pull(found) if found and found.state == "open" else None
    at = datetime.fromisoformat(comment.at)
    if why := commands.refuse(command, pull, settings, longest):
        put_notice(lambda write: write.make(), repository, app, commands.refusal(command, comment.by, why))
        return {"result": "refused", "why": why}
    note = change_note(
        run_store(app.name),
        app.shared_name,
        number,
        lambda before: commands.apply(before, command, at, pull.sha if pull else "", settings, longest),
    )
    started = _start(dag_bag, app, command, comment)
    put_notice(lambda write: write.make(), repository, app, commands.answer(command, comment.by, note, pull, settings))
    return {"result": "started" if started else "done", **({"run_id": started} if started else {})}


def _start(dag_bag: Any, app: Target, command: Command, comment: github.Comment) -> str:
    """Start what a command asks for, once for each comment. Return the run's id, or "". Raises: Problem, PreconditionError."""
    requester = f"github:{comment.by} via /{command.name} on pull request {app.number} of {app.system.github}"
    if command.name in ("sleep", "wake"):
        run_id = f"command-{comment.id}"
        if params_of(dag_bag, CLEANUP) is None:
            raise PreconditionError(f"There is no runbook {CLEANUP} here.")
        refuse_paused(CLEANUP)
        make_run(dag_bag, StartRequest(CLEANUP, {"plan_only": False}, run_id), run_id, requester)
        return run_id
    if command.name not in STARTED:
        return ""
    runbook, given = STARTED[command.name]
    params = {"target": app.name, "reason": f"/{command.name} by {comment.by} on pull request {app.number}", **given}
    caller = Caller("workflow", requester[:400], f"comments of {app.name}", {app.name: frozenset({runbook})})
    run_id, _ = start_once(dag_bag, Visitor(caller), StartRequest(runbook, params, f"comment {comment.id}"))
    return run_id
