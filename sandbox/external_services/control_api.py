"""The external services' part of the control API: show them, inject faults, and act as other people there."""

import uuid
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request

from include.inventory import Inventory, Target
from sandbox.aws.faults.catalogue import SHEETS
from sandbox.aws.faults.model import Fault, FaultError
from sandbox.aws.sim.world import World
from sandbox.external_services.github import hooks, people
from sandbox.external_services.github.model import File
from sandbox.external_services.sentry.state import Project, SentryError
from sandbox.external_services.services import ExternalServices


def make_routes(external: ExternalServices, world: World) -> Blueprint:
    """Return GET for each external service, and POST for what people and events do to it."""
    app = Blueprint("external_services", __name__)

    @app.get("/slack")
    def slack() -> Response:
        return jsonify(external.slack.as_json(world.clock.at))

    @app.get("/github")
    def github() -> Response:
        return jsonify(external.github.as_json())

    @app.get("/jira")
    def jira() -> Response:
        return jsonify(external.jira.as_json())

    @app.get("/sentry")
    def sentry() -> Response:
        return jsonify(external.sentry.as_json())

    @app.get("/sheets")
    def sheets() -> Response:
        return jsonify(external.sheets.as_json())

    @app.post("/sheets")
    def edit() -> Any:
        try:
            given = _given(spreadsheet="", worksheet="", rows=[])
            _edit(external, given)
            return jsonify(external.sheets.as_json())
        except FaultError as error:
            return jsonify(error=str(error)), 400

    @app.post("/github/commits")
    def push() -> Any:
        try:
            given = _given(repository="", subject="", branch="main", author="amelia", files=[], merges=[])
            return jsonify(sha=_push(external, given))
        except FaultError as error:
            return jsonify(error=str(error)), 400

    @app.post("/github/pulls")
    def act() -> Any:
        try:
            given = _given(
                repository="", does="", number=1, text="Work on the logs", label="none", actor="amelia", fork="none"
            )
            return jsonify(people.act(external.github, given))
        except FaultError as error:
            return jsonify(error=str(error)), 400

    @app.post("/github/deliveries")
    def lose() -> Any:
        try:
            given = _given(repository="", url="", event="pull_request", payload={}, status=503)
            return jsonify(hooks.lose(external.github, given))
        except FaultError as error:
            return jsonify(error=str(error)), 400

    @app.post("/github/oidc")
    def token() -> Any:
        try:
            given = _given(repository="", ref="refs/heads/main", event="push", audience="runbooks", actor="amelia",
                           environment="none", lasts=600)  # fmt: skip
            return jsonify(token=_token(external, given))
        except FaultError as error:
            return jsonify(error=str(error)), 400

    @app.post("/sentry/events")
    def report() -> Any:
        try:
            given = _given(organization="", project="", release="", environment="", title="", count=1, users=1)
            return jsonify(issue=_report(external, given))
        except (FaultError, SentryError) as error:
            return jsonify(error=str(error)), 400

    return app


def _given(**known: Any) -> dict[str, Any]:
    """Return the request's fields, of the types of these; an empty text is one that must be given. Raises: FaultError."""
    body = request.get_json(silent=True)
    given = body if isinstance(body, dict) else {}
    for name in given:
        if name not in known:
            raise FaultError(f"There is no field {name!r}; it takes {', '.join(known)}.")
    for name, usual in known.items():
        value = given.get(name, usual)
        if type(value) is not type(usual) or value == "" or (type(value) is int and value < 1):
            kind = {str: "text", int: "a whole number from 1", list: "a list", dict: "an object"}[type(usual)]
            raise FaultError(f"{name} must be {kind}, not {value!r}.")
    return known | given


def _push(external: ExternalServices, given: dict[str, Any]) -> str:
    github = external.github
    with github.lock:
        repository = github.find(*f"{given['repository']}/".split("/")[:2])
        if repository is None:
            known = ", ".join(each.full_name for each in github.repositories.values())
            raise FaultError(f"There is no repository {given['repository']!r}; choose one of {known}.")
        files = tuple(File(str(file)) for file in given["files"])
        if unknown := [str(merge) for merge in given["merges"] if str(merge) not in repository.branches]:
            raise FaultError(
                f"There is no branch {unknown[0]!r} to merge; choose some of {', '.join(repository.branches)}."
            )
        merged = tuple(repository.branches[str(merge)] for merge in given["merges"])
        return github.push(repository, given["branch"], given["subject"], given["author"], files, merged).sha


def _token(external: ExternalServices, given: dict[str, Any]) -> str:
    """Return the OIDC token of a job of GitHub Actions. Repositories of other people get some, too, as on GitHub."""
    environment = None if given["environment"] == "none" else given["environment"]
    return external.github.oidc.token(
        repository=given["repository"],
        ref=given["ref"],
        event=given["event"],
        audience=given["audience"],
        actor=given["actor"],
        environment=environment,
        lasts=given["lasts"],
    )


def _edit(external: ExternalServices, given: dict[str, Any]) -> None:
    """Replace a worksheet's rows, as people would."""
    with external.sheets.lock:
        spreadsheet = external.sheets.spreadsheets.get(given["spreadsheet"])
        if spreadsheet is None:
            known = ", ".join(external.sheets.spreadsheets) or "none"
            raise FaultError(f"There is no spreadsheet {given['spreadsheet']!r}; choose one of {known}.")
        if not all(isinstance(row, list) for row in given["rows"]):
            raise FaultError("rows must be a list of lists, each of the cells of a row.")
        spreadsheet.worksheets[given["worksheet"]] = [[str(cell) for cell in row] for row in given["rows"]]


def _report(external: ExternalServices, given: dict[str, Any]) -> str:
    with external.sentry.lock:
        project = external.sentry.find(given.pop("organization"), given.pop("project"))
        return external.sentry.report(project, **given).short


# whose fault -> the inventory's key for where it strikes
SCOPES = {"slack": "slack_workspace", "github": "github", "jira": "jira_project", "sentry": "sentry"}


def inject(
    world: World, inventory: Inventory, external: ExternalServices, given: dict[str, Any], fields: dict[str, Any]
) -> Fault:
    """Add a fault of an external service, for all of it or for what a target's system uses. Raises: FaultError, InventoryError."""
    kind, name = given["kind"], str(given.get("target") or "")
    if given.get("service"):
        raise FaultError(f"Fault {kind} is the same for every service; leave 'service' out.")
    fault = Fault(uuid.uuid4().hex[:8], kind, name, "", fields)
    target = inventory.target(name) if name else None
    if target:
        fault.scope = _scope(target, kind)
    with world.lock:
        if kind == "github_workflow_running":
            external.github.hold(fault)
            fault.undo = partial(external.github.let_go, fault)
        if kind == "github_checks" and "_then_" in fields["state"]:
            external.github.run_again(fault)
        if kind == "sentry_spike":
            external.sentry.spike(fault, *_place(external, kind, target))
        if kind == "sentry_environment_renamed":
            external.sentry.rename(fault, *_place(external, kind, target))
        if kind == "sentry_reopened":
            external.sentry.reopen(fault, *_place(external, kind, target))
        world.faults.append(fault)
    return fault


def _scope(target: Target, kind: str) -> str:
    """Return which part of an external service a target's system uses. Raises: FaultError."""
    if kind in SHEETS:
        return _spreadsheet(target, kind).lower()
    key = SCOPES[kind.split("_", 1)[0]]
    found = getattr(target.system, key)
    if not found:
        raise FaultError(f"The inventory names no {key} for {target.name}, so {kind} cannot apply.")
    return (f"{found.organization}/{found.project}" if key == "sentry" else str(found)).lower()


def _spreadsheet(target: Target, kind: str) -> str:
    """Return the spreadsheet of a target's system. Raises: FaultError."""
    data = [
        target.environment.region_data,
        *(environment.region_data for environment in target.system.environments.values()),
    ]
    found = [each.sheet.spreadsheet for each in data if each and each.sheet]
    if not found:
        raise FaultError(f"The inventory names no sheet for {target.name}, so {kind} cannot apply.")
    return found[0]


def _place(external: ExternalServices, kind: str, target: Target | None) -> tuple[Project, str]:
    """Return a target's project in Sentry and what its environment is called there. Raises: FaultError."""
    if target is None or target.system.sentry is None:
        raise FaultError(f"Fault {kind} needs a target, whose environment it strikes.")
    place = target.system.sentry
    project = external.sentry.find(place.organization, place.project)
    return project, place.environment_of(target.environment_name)
