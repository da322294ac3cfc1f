"""Sentry's REST API below /sentry/api/0: issues, releases and deploys of an organization."""

from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.aws.http.routes import QuickFlask
from sandbox.aws.http.server import hang_up
from sandbox.aws.state.clock import as_text
from sandbox.external_services.credentials import sentry_token
from sandbox.external_services.sentry.search import moment, parse, period
from sandbox.external_services.sentry.state import Issue, Project, Release, Seen, Sentry, SentryError

Json = dict[str, Any]
ROOT = "/sentry/api/0"
ORGANIZATION = f"{ROOT}/organizations/<organization>"
PAGE = 100
USUAL_PERIOD = "90d"
UNRESOLVED = "is:unresolved"
SORTS = ("date", "new", "freq", "user", "trends", "recommended")
AWAY = "<!doctype html><html><head><title>Sentry is unavailable</title></head><body>Back soon</body></html>"


def make_sentry(sentry: Sentry) -> Flask:
    """Return the API as a WSGI application."""
    app = QuickFlask(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True  # for hanging up
    app.url_map.strict_slashes = False
    _prepare(app, sentry)
    _issues(app, sentry)
    _releases(app, sentry)
    return app


def _prepare(app: Flask, sentry: Sentry) -> None:
    def scopes() -> list[str]:
        """Return the projects a call is about: the named ones, or all it may see."""
        with sentry.lock:
            named = {*request.path.split("/"), *request.args.getlist("project")}
            mine = [
                project
                for project in sentry.projects
                if project.organization in named or _token() == sentry_token(project.organization)
            ]
            chosen = [each for each in mine if {each.slug, str(each.id)} & named]
        return [f"{each.organization}/{each.slug}" for each in chosen or mine]

    def injected(kind: str) -> Any:
        return next(filter(None, (sentry.service_faults.injected(kind, scope) for scope in scopes() or [""])), None)

    @app.before_request
    def admit() -> Any:
        if fault := injected("sentry_down"):
            if fault.fields["status"] is None:
                hang_up(request.environ)
            return Response(AWAY, fault.fields["status"], mimetype="text/html")
        if fault := injected("sentry_rate_limit"):
            answer = _detail(
                429, "You are attempting to use this endpoint too frequently. Limit is 40 requests in 1 seconds"
            )
            answer.headers["Retry-After"] = str(fault.fields["retry_after"])
            return answer
        if not _token():
            return _detail(401, "Authentication credentials were not provided.")
        with sentry.lock:
            g.organization = next(
                (organization for organization in sentry.organizations() if _token() == sentry_token(organization)),
                None,
            )
        return None if g.organization else _detail(401, "Invalid token")

    @app.errorhandler(SentryError)
    def refuse(error: SentryError) -> Response:
        return _detail(error.status, error.detail)

    @app.errorhandler(HTTPException)
    def no_such_path(error: HTTPException) -> Response:
        return _detail(error.code or 500, "The requested resource does not exist")


def _token() -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _detail(status: int, detail: str) -> Response:
    answer = jsonify(detail=detail)
    answer.status_code = status
    return answer


def _enter(sentry: Sentry, organization: str) -> list[Project]:
    """Return an organization's projects. Raises: SentryError."""
    if organization not in sentry.organizations():
        raise SentryError(404, "The requested resource does not exist")
    if organization != g.organization:
        raise SentryError(403, "You do not have permission to perform this action.")
    return sentry.of(organization)


def _chosen(projects: list[Project]) -> list[Project]:
    """Return the projects of the query's numbers or slugs. Raises: SentryError."""
    numbers, slugs = request.args.getlist("project"), request.args.getlist("projectSlug")
    if not all(number.lstrip("-").isdecimal() for number in numbers):
        raise SentryError(400, "Invalid project parameter. Values must be numbers.")
    if "-1" in numbers or (not numbers and not slugs):
        return projects
    found = [project for project in projects if str(project.id) in numbers or project.slug in slugs]
    if len(found) < len({*numbers, *slugs}):
        raise SentryError(403, "You do not have permission to perform this action.")
    return found


def _environments(projects: list[Project]) -> list[str]:
    """Return the query's environments. Raises: SentryError for one that none of the organization's projects has.

    One of another project alone is known, and has no issues here.
    """
    wanted = request.args.getlist("environment")
    if set(wanted) - {name for project in projects for name in project.environments}:
        raise SentryError(404, "The requested resource does not exist")
    return wanted


def _page(items: list[Any]) -> Response:
    """Answer one page; the header leads on by a cursor, and says whether there is anything."""
    try:
        start = int(request.args.get("cursor", "0:0:0").split(":")[1])
        size = int(request.args.get("limit") or request.args.get("per_page") or PAGE)
    except (IndexError, ValueError) as error:
        raise SentryError(400, "Invalid cursor parameter.") from error
    if not 0 < size <= PAGE:
        raise SentryError(400, f"Invalid per_page value. Must be between 1 and {PAGE}.")
    answer = jsonify(items[start : start + size])
    links = []
    for relation, place, more in (
        ("previous", max(0, start - size), start > 0),
        ("next", start + size, start + size < len(items)),
    ):
        cursor = f"0:{place}:{int(relation == 'previous')}"
        query = urlencode(
            [*((name, value) for name, value in request.args.items(True) if name != "cursor"), ("cursor", cursor)]
        )
        links.append(
            f'<{request.base_url}?{query}>; rel="{relation}"; results="{str(more).lower()}"; cursor="{cursor}"'
        )
    answer.headers["Link"] = ", ".join(links)
    answer.headers["X-Hits"] = str(len(items))
    return answer


def _issues(app: Flask, sentry: Sentry) -> None:
    @app.get(f"{ORGANIZATION}/issues/")
    def issues(organization: str) -> Response:
        with sentry.lock:
            every = _enter(sentry, organization)
            return _page(_search(sentry, _chosen(every), _environments(every)))

    @app.get(f"{ROOT}/projects/<organization>/<slug>/issues/")
    def of_project(organization: str, slug: str) -> Response:
        with sentry.lock:
            every = _enter(sentry, organization)
            return _page(_search(sentry, [sentry.find(organization, slug)], _environments(every)))

    @app.get(f"{ROOT}/projects/<organization>/<slug>/environments/")
    def environments(organization: str, slug: str) -> Response:
        visibility = request.args.get("visibility", "visible")
        if visibility not in ("all", "hidden", "visible"):
            raise SentryError(400, "Invalid value for 'visibility', valid values are: ['all', 'hidden', 'visible']")
        with sentry.lock:
            _enter(sentry, organization)
            project = sentry.find(organization, slug)
            named = project.environments if visibility != "hidden" else []  # none is hidden here
            sentry.service_faults.injected("sentry_environment_renamed", f"{organization}/{slug}")
            return _page(
                [{"id": f"{project.id}{at}", "name": name, "isHidden": False} for at, name in enumerate(named)]
            )

    @app.get(f"{ORGANIZATION}/issues/<int:number>/")
    @app.get(f"{ROOT}/issues/<int:number>/")
    def issue(number: int, organization: str = "") -> Response:
        with sentry.lock:
            for project in _enter(sentry, organization or g.organization):
                for issue in project.issues:
                    if issue.id == number:
                        return jsonify(_issue(project, issue, []))
            raise SentryError(404, "The requested resource does not exist")

    @app.put(f"{ORGANIZATION}/issues/<int:number>/")
    def change(organization: str, number: int) -> Response:
        with sentry.lock:
            status = _body().get("status")
            if status not in ("resolved", "unresolved", "ignored"):
                raise SentryError(400, f"Invalid status {status!r}.")
            for project in _enter(sentry, organization):
                for issue in project.issues:
                    if issue.id == number:
                        issue.status = status
                        return jsonify(_issue(project, issue, []))
            raise SentryError(404, "The requested resource does not exist")


def _search(sentry: Sentry, projects: list[Project], environments: list[str]) -> list[Json]:
    now, given = sentry.now(), request.args
    test = parse(given.get("query", UNRESOLVED), now)
    end = moment(given["end"]) if "end" in given else now
    start = moment(given["start"]) if "start" in given else now - period(given.get("statsPeriod") or USUAL_PERIOD)
    order = given.get("sort", "date")
    if order not in SORTS:
        raise SentryError(400, f"Sort key '{order}' not supported.")
    found = []
    for project in projects:
        for issue in project.issues:
            seen = issue.of(environments)
            lately = any(each.last >= start and each.first <= end for each in seen)
            if lately and test(project, issue, seen):
                found.append((project, issue, seen))
                if issue.fault:
                    issue.fault.count()
    keys = {
        "new": lambda each: min(seen.first for seen in each[2]),
        "freq": lambda each: sum(seen.count for seen in each[2]),
    }
    newest = keys.get(order, lambda each: max(seen.last for seen in each[2]))
    return [_issue(project, issue, seen) for project, issue, seen in sorted(found, key=newest, reverse=True)]


def _totals(seen: list[Seen]) -> Json:
    return {
        "count": str(sum(each.count for each in seen)),  # text, as Sentry has it
        "userCount": sum(each.users for each in seen),
        "firstSeen": as_text(min(each.first for each in seen)),
        "lastSeen": as_text(max(each.last for each in seen)),
    }


def _issue(project: Project, issue: Issue, seen: list[Seen]) -> Json:
    kind, _, value = issue.title.partition(": ")
    return {
        **_totals(seen or issue.seen),
        "lifetime": {**_totals(issue.seen), "stats": None},
        "id": str(issue.id),
        "shortId": issue.short,
        "title": issue.title,
        "culprit": issue.culprit,
        "level": issue.level,
        "status": issue.status,
        "substatus": "ongoing" if issue.status == "unresolved" else None,
        "statusDetails": {},
        "permalink": f"{request.host_url}sentry/organizations/{project.organization}/issues/{issue.id}/",
        "project": {"id": str(project.id), "name": project.slug, "slug": project.slug, "platform": "ruby"},
        "platform": "ruby",
        "logger": None,
        "type": "error",
        "issueType": "error",
        "issueCategory": "error",
        "metadata": {"type": kind, "value": value, "title": issue.title},
        "numComments": 0,
        "assignedTo": None,
        "isBookmarked": False,
        "isPublic": False,
        "isSubscribed": False,
        "isUnhandled": issue.level != "warning",
        "hasSeen": False,
        "shareId": None,
        "annotations": [],
    }


def _body() -> Json:
    given = request.get_json(silent=True, force=True)
    if not isinstance(given, dict):
        raise SentryError(400, "JSON parse error")
    return given


def _releases(app: Flask, sentry: Sentry) -> None:
    def find(organization: str, version: str) -> tuple[Project, Release]:
        for project in _enter(sentry, organization):
            if version in project.releases:
                return project, project.releases[version]
        raise SentryError(404, "The requested resource does not exist")

    @app.get(f"{ORGANIZATION}/releases/")
    def releases(organization: str) -> Response:
        with sentry.lock:
            every = _enter(sentry, organization)
            projects, wanted = _chosen(every), set(_environments(every))
            start = request.args.get("query", "")
            found = [
                (project, each)
                for project in projects
                for each in project.releases.values()
                if each.version.startswith(start) and (not wanted or wanted & _heard_in(project, each))
            ]
            found.sort(key=lambda each: each[1].created, reverse=True)
            return _page([_release(*each) for each in found])

    @app.get(f"{ORGANIZATION}/releases/<version>/")
    def one(organization: str, version: str) -> Response:
        with sentry.lock:
            return jsonify(_release(*find(organization, version)))

    @app.post(f"{ORGANIZATION}/releases/")
    def create(organization: str) -> Any:
        with sentry.lock:
            projects, given = _enter(sentry, organization), _body()
            version, slugs = given.get("version"), given.get("projects")
            if not isinstance(version, str) or not version or "/" in version or version != version.strip():
                return jsonify(
                    version=["Release with name None is invalid" if not version else f"Invalid version {version!r}"]
                ), 400
            asked = slugs if isinstance(slugs, list) else []
            named = [each for each in projects if each.slug in asked]
            if not named or len(named) < len(asked):
                return jsonify(projects=["Invalid project slugs"]), 400
            known = version in named[0].releases
            for project in named:
                made = sentry.release(project, version)
                made.released = moment(given["dateReleased"]) if given.get("dateReleased") else made.released
            return jsonify(_release(named[0], made)), 208 if known else 201

    @app.get(f"{ORGANIZATION}/releases/<version>/deploys/")
    def deploys(organization: str, version: str) -> Response:
        with sentry.lock:
            _, release = find(organization, version)
            return _page([_deploy(*deploy) for deploy in reversed(release.deploys)])

    @app.post(f"{ORGANIZATION}/releases/<version>/deploys/")
    def deploy(organization: str, version: str) -> Any:
        with sentry.lock:
            project, release = find(organization, version)
            environment = _body().get("environment")
            if not isinstance(environment, str) or not environment:
                return jsonify(environment=["This field is required."]), 400
            release.deploys.append((sentry.next_id(), environment, sentry.now()))
            if environment not in project.environments:
                project.environments.append(environment)
            return jsonify(_deploy(*release.deploys[-1])), 201


def _heard_in(project: Project, release: Release) -> set[str]:
    """Return the environments a release has been in, by its deploys and its events."""
    events = {seen.environment for issue in project.issues for seen in issue.seen if seen.release == release.version}
    return events | {environment for _, environment, _ in release.deploys}


def _deploy(number: int, environment: str, at: float) -> Json:
    return {
        "id": str(number),
        "environment": environment,
        "dateStarted": None,
        "dateFinished": as_text(at),
        "name": None,
        "url": None,
    }


def _release(project: Project, release: Release) -> Json:
    seen = [each for issue in project.issues for each in issue.seen if each.release == release.version]
    new = [issue for issue in project.issues if issue.first_release == release.version]
    last = release.deploys[-1:]
    return {
        "id": release.id,
        "version": release.version,
        "shortVersion": release.version[:12] if len(release.version) == 40 else release.version,
        "status": "open",
        "ref": None,
        "url": None,
        "data": {},
        "dateCreated": as_text(release.created),
        "dateReleased": as_text(release.released),
        "firstEvent": as_text(min((each.first for each in seen), default=None)),
        "lastEvent": as_text(max((each.last for each in seen), default=None)),
        "newGroups": len(new),
        "commitCount": 0,
        "deployCount": len(release.deploys),
        "lastDeploy": _deploy(*last[0]) if last else None,
        "lastCommit": None,
        "authors": [],
        "owner": None,
        "projects": [
            {"id": project.id, "slug": project.slug, "name": project.slug, "newGroups": len(new), "platform": "ruby"}
        ],
    }
