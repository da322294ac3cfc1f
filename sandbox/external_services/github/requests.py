"""What all calls to GitHub share: authentication, rate limits, pagination, errors."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.aws.faults.model import Fault
from sandbox.external_services.credentials import github_reading_token
from sandbox.external_services.github.model import GitHubError, Repository
from sandbox.external_services.github.responses import Json, Shapes
from sandbox.external_services.github.state import GitHub

ROOT = "/github/api/v3"
CODELOAD = "/github/_codeload"  # where archives are, as on GitHub Enterprise: no part of the API
HOUR, MINUTE = 3600.0, 60.0  # simulated seconds
CALLS_AN_HOUR = 5000
WRITES_A_MINUTE = 80  # of what creates content: GitHub's secondary limit
PER_PAGE, MOST_PER_PAGE = 30, 100
DOCUMENTATION = "https://docs.github.com/rest"
READING = ("GET", "HEAD")


@dataclass(frozen=True)
class Caller:
    token: str
    owner: str

    @property
    def may_write(self) -> bool:
        return self.token != github_reading_token(self.owner)


def prepare(app: Flask, github: GitHub) -> None:
    """Add authentication, rate limits, faults and GitHub's error responses to an application."""

    @app.before_request
    def admit() -> Any:
        scope = _scope()
        write = request.method not in READING
        if fault := github.service_faults.injected("github_error", scope, _applies):
            return _error(fault.fields["status"], "Server Error", [])
        if fault := github.service_faults.injected("github_rate_limit", scope):
            return limited(github, fault)
        if request.path.startswith(CODELOAD):  # whoever has the link may follow it
            return None
        with github.lock:
            g.caller = _caller(github)
            if g.caller and (refused := _count(github, g.caller, write)):
                return refused
        return None

    @app.after_request
    def finish(response: Response) -> Response:
        caller = g.get("caller")
        if caller and "x-ratelimit-limit" not in response.headers:
            with github.lock:
                response.headers.update(_budget(github, caller))
        response.headers["x-github-media-type"] = "github.v3; format=json"
        response.headers["x-github-request-id"] = f"{id(response):X}"
        scope = _scope()
        done = request.method not in READING and response.status_code < 300
        if done and github.service_faults.injected("github_lost_answer", scope):
            return _error(502, "Server Error", [])
        return response

    @app.errorhandler(GitHubError)
    def refuse(error: GitHubError) -> Response:
        return _error(error.status, error.message, error.errors)

    @app.errorhandler(HTTPException)
    def no_such_path(error: HTTPException) -> Response:
        return _error(404 if error.code == 405 else error.code or 500, "Not Found", [])


def _scope() -> str:
    """Return the repository that a request is about, as faults name it."""
    path = request.path.removeprefix(f"{ROOT}/repos").removeprefix(CODELOAD)
    return "/".join(path.split("/")[1:3]).lower()


def _applies(fault: Fault) -> bool:
    method = fault.fields["method"]
    return method is None or method == request.method


def _error(status: int, message: str, errors: list[dict[str, str]]) -> Response:
    body: Json = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    if errors:
        body["errors"] = errors
    answer = jsonify(body)
    answer.status_code = status
    return answer


def _caller(github: GitHub) -> Caller | None:
    """Return who calls, None for somebody without a token. Raises: GitHubError."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if not token:
        return None
    owner = github.owner_of(token.strip())
    if kind.lower() not in ("bearer", "token") or owner is None:
        raise GitHubError(401, "Bad credentials")
    return Caller(token.strip(), owner)


def _count(github: GitHub, caller: Caller, write: bool) -> Response | None:
    """Count a call against its token's limits. Return the refusal, None if there is room."""
    now = github.now()
    calls = github.calls[caller.token] = [at for at in github.calls.get(caller.token, []) if now - HOUR < at <= now]
    writes = github.writes[caller.token] = [
        at for at in github.writes.get(caller.token, []) if now - MINUTE < at <= now
    ]
    if len(calls) >= CALLS_AN_HOUR:
        return _limited(
            github, 403, f"API rate limit exceeded for user ID {caller.owner}.", None, _budget(github, caller)
        )
    if write and len(writes) >= WRITES_A_MINUTE:
        return _secondary(github, max(1, round((writes[0] + MINUTE - now) / github.clock.speed)))
    calls.append(now)
    if write:
        writes.append(now)
    return None


def _budget(github: GitHub, caller: Caller) -> dict[str, str]:
    calls, now = github.calls.get(caller.token, []), github.now()
    left = (calls[0] + HOUR - now) / github.clock.speed if calls else 0.0  # clients compare with their own clock
    return {
        "x-ratelimit-limit": str(CALLS_AN_HOUR),
        "x-ratelimit-remaining": str(CALLS_AN_HOUR - len(calls)),
        "x-ratelimit-used": str(len(calls)),
        "x-ratelimit-reset": str(int(github.real() + left) + 1),
        "x-ratelimit-resource": "core",
    }


def limited(github: GitHub, fault: Fault) -> Response:
    """Return what a fault makes GitHub answer: one of its two kinds of limit."""
    seconds = fault.fields["retry_after"]
    if fault.fields["limit"] == "secondary":
        return _secondary(github, seconds)
    exhausted = {
        "x-ratelimit-limit": str(CALLS_AN_HOUR),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": str(CALLS_AN_HOUR),
        "x-ratelimit-reset": str(int(github.real()) + seconds),
        "x-ratelimit-resource": "core",
    }
    return _limited(github, 403, "API rate limit exceeded for user ID 1.", None, exhausted)


def _secondary(github: GitHub, seconds: int) -> Response:
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    return _limited(github, 403, message, seconds, {})


def _limited(github: GitHub, status: int, message: str, seconds: int | None, headers: dict[str, str]) -> Response:
    answer = _error(status, message, [])
    answer.headers.update(headers)
    if seconds is not None:
        answer.headers["retry-after"] = str(seconds)
    return answer


def rate_limit(github: GitHub) -> Json:
    """Return what GET /rate_limit says."""
    budget = _budget(github, authenticated())
    core = {name: int(budget[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "used", "reset")}
    return {"resources": {"core": core}, "rate": core}


def shapes() -> Shapes:
    web = f"{request.host_url}github"
    return Shapes(f"{web}/api/v3", web)


def authenticated() -> Caller:
    """Return who calls. Raises: GitHubError."""
    caller: Caller | None = g.caller
    if caller is None:
        raise GitHubError(401, "Requires authentication")
    return caller


def open_repository(github: GitHub, owner: str, name: str) -> Repository:
    """Return a repository the caller may see; a write asks for more. Raises: GitHubError."""
    repository, caller = github.find(owner, name), g.caller
    if repository is None or caller is None or caller.owner != repository.owner:
        raise GitHubError(404, "Not Found")
    if request.method not in READING and not caller.may_write:
        raise GitHubError(403, "Resource not accessible by personal access token")
    return repository


def body() -> Json:
    """Return the request's JSON object. Raises: GitHubError."""
    if not request.get_data():
        return {}
    given = request.get_json(silent=True, force=True)
    if not isinstance(given, dict):
        raise GitHubError(400, "Problems parsing JSON")
    return given


def text(given: Json, name: str, resource: str, default: str | None = None) -> str:
    """Return a field that must be text. Raises: GitHubError."""
    value = given.get(name)
    if value is None:
        value = default
    if value is None or (value == "" and default is None):
        raise GitHubError(422, "Validation Failed", {"resource": resource, "field": name, "code": "missing_field"})
    if not isinstance(value, str):
        raise GitHubError(422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a string.")
    return value


def page(items: list[Any], name: str = "", size: int = PER_PAGE, **beside: Any) -> Response:
    """Answer one page of a list; under a name with the total, as some of GitHub's lists come."""
    part, links = cut(items, size)
    answer = jsonify({"total_count": len(items), **beside, name: part} if name else part)
    answer.headers.update(links)
    return answer


def cut(items: list[Any], size: int = PER_PAGE) -> tuple[list[Any], dict[str, str]]:
    """Return the asked page of a list and the header that leads to the others."""
    size = min(max(request.args.get("per_page", size, type=int), 1), max(MOST_PER_PAGE, size))
    number = max(request.args.get("page", 1, type=int), 1)
    last = max(1, -(-len(items) // size))
    wanted: dict[str, int] = {}
    if number > 1:
        wanted |= {"prev": min(number - 1, last), "first": 1}
    if number < last:
        wanted |= {"next": number + 1, "last": last}
    links = []
    for relation, target in wanted.items():
        query = urlencode({**request.args.to_dict(), "page": target})
        links.append(f'<{request.base_url}?{query}>; rel="{relation}"')
    return items[(number - 1) * size : number * size], {"Link": ", ".join(links)} if links else {}
