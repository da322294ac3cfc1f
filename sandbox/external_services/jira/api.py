"""Jira's REST API, version 2, as a Data Center serves it below /jira: tickets, search, transitions, comments."""

import base64
import binascii
import re
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.aws.http.routes import QuickFlask
from sandbox.aws.http.server import hang_up
from sandbox.external_services.credentials import JIRA_USER
from sandbox.external_services.jira.jql import Query
from sandbox.external_services.jira.state import CATEGORIES, STATUSES, Comment, Jira, JiraError, Ticket, moment

Json = dict[str, Any]
ROOT = "/jira/rest/api/<any('2', 'latest'):version>"
ISSUE = f"{ROOT}/issue/<key>"
PAGE, LARGEST_PAGE = 50, 1000
WAITING = "<!doctype html><html><head><title>Jira is unavailable</title></head><body>Back soon</body></html>"
EDITABLE = ("labels", "summary")


def make_jira(jira: Jira) -> Flask:
    """Return the API as a WSGI application."""
    app = QuickFlask(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True  # for hanging up
    _prepare(app, jira)
    _tickets(app, jira)
    _about(app, jira)
    return app


def _prepare(app: Flask, jira: Jira) -> None:
    def project() -> str:
        """Return the project a call is about, as far as it says so."""
        found = re.search(r"\b([A-Z][A-Z0-9]+)(?:-\d+)?\b", f"{request.path} {request.args.get('jql', '')}")
        with jira.lock:
            return jira.project_of(_password()) or (found[1] if found else "")

    @app.before_request
    def admit() -> Any:
        if fault := jira.service_faults.injected("jira_down", project()):
            if fault.fields["status"] is None:
                hang_up(request.environ)
            return Response(WAITING, fault.fields["status"], mimetype="text/html")
        if fault := jira.service_faults.injected("jira_rate_limit", project()):
            answer = _errors(429, ["Rate limit exceeded."], {})
            answer.headers["Retry-After"] = str(fault.fields["retry_after"])
            return answer
        with jira.lock:
            g.project = jira.project_of(_password())
        if _password() and g.project is None:
            return Response("<html><body>Unauthorized (401)</body></html>", 401, mimetype="text/html")
        return None

    @app.after_request
    def finish(response: Response) -> Response:
        done = request.method != "GET" and response.status_code < 300
        if done and jira.service_faults.injected("jira_lost_answer", project()):
            hang_up(request.environ)
        return response

    @app.errorhandler(JiraError)
    def refuse(error: JiraError) -> Response:
        return _errors(error.status, error.messages, error.errors)

    @app.errorhandler(HTTPException)
    def no_such_path(error: HTTPException) -> Response:
        return _errors(error.code or 500, [f"null for uri: {request.url}"], {})


def _errors(status: int, messages: list[str], errors: dict[str, str]) -> Response:
    answer = jsonify(errorMessages=messages, errors=errors)
    answer.status_code = status
    return answer


def _password() -> str:
    """Return what the caller identifies itself with: the password, or a personal access token."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    try:
        return base64.b64decode(given).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return given


def _signed_in() -> str:
    """Return the project the caller may see. Raises: JiraError."""
    project: str | None = g.project
    if project is None:
        raise JiraError(401, "You do not have the permission to see the specified issue.", "Login Required")
    return project


def _find(jira: Jira, key: str) -> Ticket:
    project = _signed_in()
    for ticket in jira.tickets.values():
        if ticket.project == project and key.upper() in (ticket.key, str(ticket.id)):
            return ticket
    raise JiraError(404, "Issue Does Not Exist")


def _body() -> Json:
    given = request.get_json(silent=True, force=True)
    if not isinstance(given, dict):
        raise JiraError(400, "Unexpected character in the request: a JSON object is expected.")
    return given


def _tickets(app: Flask, jira: Jira) -> None:
    @app.get(ISSUE)
    def one(version: str, key: str) -> Response:
        with jira.lock:
            ticket = _find(jira, key)
            shown = _ticket(ticket, request.args.get("fields", "*all"))
            if "changelog" in request.args.get("expand", ""):
                shown["changelog"] = _changelog(ticket)
            return jsonify(shown)

    @app.put(ISSUE)
    def edit(version: str, key: str) -> Any:
        with jira.lock:
            ticket, given = _find(jira, key), _body()
            if not _ignored(jira, ticket, "labels"):
                _edit(jira, ticket, given)
            return "", 204

    @app.get(f"{ISSUE}/transitions")
    def transitions(version: str, key: str) -> Response:
        with jira.lock:
            found = jira.transitions(_find(jira, key))
            return jsonify(
                expand="transitions",
                transitions=[
                    {"id": number, "name": name, "to": _status(to)} for number, (name, _, to) in found.items()
                ],
            )

    @app.post(f"{ISSUE}/transitions")
    def move(version: str, key: str) -> Any:
        with jira.lock:
            ticket, given = _find(jira, key), _body()
            wanted = (given.get("transition") or {}).get("id")
            if wanted is None:
                raise JiraError(400, "Transition id 'null' is not valid for this issue.")
            rest = {name: given[name] for name in ("fields", "update") if given.get(name)}
            fields = {name: value for name, value in rest.get("fields", {}).items() if name != "resolution"}
            _check_fields(fields)
            if _ignored(jira, ticket, "transition"):
                return "", 204
            jira.move(ticket, str(wanted))
            _edit(jira, ticket, {**rest, "fields": fields})
            return "", 204

    @app.get(f"{ISSUE}/comment")
    def comments(version: str, key: str) -> Response:
        with jira.lock:
            said = [_comment(comment) for comment in _find(jira, key).comments]
            return jsonify(startAt=0, maxResults=max(PAGE, len(said)), total=len(said), comments=said)

    @app.post(f"{ISSUE}/comment")
    def comment(version: str, key: str) -> Any:
        with jira.lock:
            return jsonify(_comment(jira.comment(_find(jira, key), _body().get("body")))), 201

    @app.route(f"{ROOT}/search", methods=["GET", "POST"])
    def search(version: str) -> Response:
        with jira.lock:
            return jsonify(_search(jira, _body() if request.method == "POST" else request.args.to_dict()))


def _ignored(jira: Jira, ticket: Ticket, what: str) -> bool:
    """Tell whether a fault makes Jira accept a write without any effect."""
    fault = jira.service_faults.injected(
        "jira_write_ignored", ticket.project, lambda each: each.fields["what"] in (None, what)
    )
    return fault is not None


def _about(app: Flask, jira: Jira) -> None:
    @app.get(f"{ROOT}/myself")
    def myself(version: str) -> Response:
        _signed_in()
        return jsonify(_person(JIRA_USER))

    @app.get(f"{ROOT}/serverInfo")
    def server(version: str) -> Response:
        return jsonify(
            baseUrl=f"{request.host_url}jira",
            version="10.3.2",
            versionNumbers=[10, 3, 2],
            deploymentType="Server",
            serverTitle="Sandbox",
        )

    @app.get(f"{ROOT}/project/<key>")
    def project(version: str, key: str) -> Response:
        if key.upper() != _signed_in():
            raise JiraError(404, f"No project could be found with key '{key}'.")
        return jsonify({**_project(g.project), "name": jira.titles[g.project]})


def _search(jira: Jira, given: Json) -> Json:
    project = _signed_in()
    mine = [ticket for ticket in jira.tickets.values() if ticket.project == project]
    query = Query(str(given.get("jql") or ""), {"key": [each.key for each in mine], "project": [project]})
    strictness = str(given.get("validateQuery", "strict")).lower()
    if query.unknown and strictness in ("strict", "true"):
        raise JiraError(400, *query.unknown)
    found = query.sort([each for each in mine if query.matches(each)])
    try:
        start, size = int(given.get("startAt") or 0), min(int(given.get("maxResults", PAGE)), LARGEST_PAGE)
    except (TypeError, ValueError) as error:
        raise JiraError(400, "startAt and maxResults must be whole numbers.") from error
    fields = given.get("fields") or "*all"
    shown = [_ticket(each, fields if isinstance(fields, str) else ",".join(fields)) for each in found]
    answer: Json = {
        "expand": "schema,names",
        "startAt": start,
        "maxResults": size,
        "total": len(found),
        "issues": shown[start : start + size],
    }
    if query.unknown and strictness == "warn":
        answer["warningMessages"] = query.unknown
    return answer


def _check_fields(fields: Json) -> None:
    for name in fields:
        if name not in EDITABLE:
            message = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            raise JiraError(400, **{name: message})


def _edit(jira: Jira, ticket: Ticket, given: Json) -> None:
    fields, update = given.get("fields") or {}, given.get("update") or {}
    _check_fields(fields)
    _check_fields({name: value for name, value in update.items() if name != "comment"})
    labels = list(fields.get("labels", ticket.labels))
    for change in update.get("labels", []):
        for how, value in change.items():
            if how not in ("add", "remove", "set"):
                raise JiraError(400, labels=f"The operation '{how}' is not supported for the field 'labels'.")
            kept = [] if how == "set" else [label for label in labels if label != value]
            labels = kept + (value if how == "set" else [value] if how == "add" else [])
    jira.label(ticket, labels)
    if "summary" in fields:
        ticket.summary = str(fields["summary"])
    for change in update.get("comment", []):
        jira.comment(ticket, (change.get("add") or {}).get("body"))


def _person(name: str) -> Json:
    return {
        "self": f"{request.host_url}jira/rest/api/2/user?username={name}",
        "name": name,
        "key": name,
        "emailAddress": f"{name}@example.com",
        "displayName": name.title(),
        "active": True,
        "timeZone": "Europe/London",
    }


def _project(key: str) -> Json:
    return {"self": f"{request.host_url}jira/rest/api/2/project/{key}", "id": str(len(key) + 10_000), "key": key}


def _status(name: str) -> Json:
    number, category = STATUSES[name]
    category_id, category_name = CATEGORIES[category]
    return {
        "self": f"{request.host_url}jira/rest/api/2/status/{number}",
        "id": number,
        "name": name,
        "statusCategory": {"id": category_id, "key": category, "name": category_name},
    }


def _ticket(ticket: Ticket, fields: str) -> Json:
    whole: Json = {
        "summary": ticket.summary,
        "status": _status(ticket.status),
        "labels": ticket.labels,
        "project": _project(ticket.project),
        "issuetype": {"id": "10000", "name": "Story", "subtask": False},
        "priority": {"id": "3", "name": "Medium"},
        "resolution": {"id": "10000", "name": ticket.resolution} if ticket.resolution else None,
        "resolutiondate": moment(ticket.resolved),
        "assignee": None,
        "reporter": _person("dana"),
        "created": moment(ticket.at),
        "updated": moment(ticket.updated),
        "fixVersions": [],
        "comment": {"comments": [_comment(comment) for comment in ticket.comments], "total": len(ticket.comments)},
    }
    wanted = fields.split(",")
    everything = {"*all", "*navigable"} & set(wanted)
    return {
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": str(ticket.id),
        "self": f"{request.host_url}jira/rest/api/2/issue/{ticket.id}",
        "key": ticket.key,
        "fields": {name: value for name, value in whole.items() if everything or name in wanted},
    }


def _comment(comment: Comment) -> Json:
    return {
        "self": f"{request.host_url}jira/rest/api/2/comment/{comment.id}",
        "id": str(comment.id),
        "author": _person(comment.author),
        "body": comment.body,
        "created": moment(comment.at),
        "updated": moment(comment.at),
    }


def _changelog(ticket: Ticket) -> Json:
    histories = [
        {
            "id": str(place),
            "author": _person(JIRA_USER),
            "created": moment(at),
            "items": [{"field": name, "fieldtype": "jira", "fromString": before, "toString": after}],
        }
        for place, (at, name, before, after) in enumerate(ticket.history, 1)
    ]
    return {"startAt": 0, "maxResults": len(histories), "total": len(histories), "histories": histories}
