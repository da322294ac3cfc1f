"""GitHub's REST API, as GitHub Enterprise serves it at /api/v3: commits, branches, tags and statuses."""

import hashlib
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request

from sandbox.aws.http.routes import QuickFlask
from sandbox.aws.state.clock import as_datetime
from sandbox.external_services.github import actions, archives, deployments, hooks, issues, oidc, releases
from sandbox.external_services.github.model import BOT, AnnotatedTag, Commit, GitHubError, Repository, Status, invalid
from sandbox.external_services.github.requests import (
    CODELOAD,
    ROOT,
    authenticated,
    body,
    cut,
    open_repository,
    page,
    prepare,
    rate_limit,
    shapes,
    text,
)
from sandbox.external_services.github.state import GitHub

COMPARED = 250  # commits of a comparison in one page
REPO = "/repos/<owner>/<name>"
STATES = ("error", "failure", "pending", "success")


def make_github(github: GitHub) -> Flask:
    """Return the API as a WSGI application."""
    app = QuickFlask(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    prepare(app, github)
    for make in (_people, _commits, _refs, releases.make, _statuses):
        app.register_blueprint(make(github), url_prefix=ROOT)
    app.register_blueprint(actions.make(github), url_prefix=ROOT)
    for part in (*issues.make(github), *deployments.make(github), hooks.make(github)):
        app.register_blueprint(part, url_prefix=ROOT)
    links, server = archives.make(github)
    app.register_blueprint(links, url_prefix=ROOT)
    app.register_blueprint(server, url_prefix=CODELOAD)
    app.register_blueprint(oidc.make(github.oidc))
    return app


def _people(github: GitHub) -> Blueprint:
    app = Blueprint("people", __name__)

    @app.get("/user")
    def user() -> Response:
        authenticated()
        return jsonify({**shapes().user(BOT), "name": "Runbooks", "email": None})

    @app.get("/rate_limit")
    def limits() -> Response:
        with github.lock:
            return jsonify(rate_limit(github))

    @app.get(REPO)
    def repository(owner: str, name: str) -> Response:
        found = open_repository(github, owner, name)
        return jsonify(shapes().repository(found, may_write=authenticated().may_write))

    return app


def commit_of(repository: Repository, ref: str) -> Commit:
    """Return the commit of a ref. Raises: GitHubError."""
    found = repository.resolve(ref)
    if found is None:
        raise GitHubError(422, f"No commit found for SHA: {ref}")
    return found


def _commits(github: GitHub) -> Blueprint:
    app = Blueprint("commits", __name__)

    @app.get(f"{REPO}/commits")
    def commits(owner: str, name: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            given = request.args
            head = repository.resolve(given.get("sha") or repository.default_branch)
            if head is None:
                raise GitHubError(404, "Not Found")
            found = repository.history(head.sha)
            if since := given.get("since"):
                found = [each for each in found if _iso(each.at) >= since]
            if until := given.get("until"):
                found = [each for each in found if _iso(each.at) <= until]
            if path := given.get("path"):
                found = [each for each in found if any(file.name.startswith(path) for file in each.files)]
            return page([shapes().commit(repository, each) for each in found])

    @app.get(f"{REPO}/commits/<path:ref>")
    def commit(owner: str, name: str, ref: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            return jsonify(shapes().whole_commit(repository, commit_of(repository, ref)))

    @app.get(f"{REPO}/compare/<path:basehead>")
    def compare(owner: str, name: str, basehead: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            base, _, head = (basehead if "..." in basehead else basehead.replace("..", "...")).partition("...")
            old, new = repository.resolve(base), repository.resolve(head)
            if old is None or new is None:
                raise GitHubError(404, "Not Found")
            before = {each.sha for each in repository.history(old.sha)}
            only = [each for each in reversed(repository.history(new.sha)) if each.sha not in before]
            part, links = cut([shapes().commit(repository, each) for each in only], COMPARED)
            whole = shapes().comparison(repository, old, new, only)
            if request.args.get("page", 1, type=int) > 1:
                whole["files"] = []
            answer = jsonify({**whole, "commits": part})
            answer.headers.update(links)
            return answer

    @app.get(f"{REPO}/branches")
    def branches(owner: str, name: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            return page([shapes().branch(repository, each) for each in sorted(repository.branches)])

    @app.get(f"{REPO}/branches/<path:branch>")
    def one_branch(owner: str, name: str, branch: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            if branch not in repository.branches:
                raise GitHubError(404, "Branch not found")
            return jsonify(shapes().branch(repository, branch))

    @app.get(f"{REPO}/tags")
    def tags(owner: str, name: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            return page([shapes().tag(repository, tag) for tag in sorted(repository.tags, reverse=True)])

    return app


def _iso(at: float) -> str:
    return as_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refs(github: GitHub) -> Blueprint:
    app = Blueprint("refs", __name__)

    def every(repository: Repository) -> dict[str, str]:
        heads = {f"refs/heads/{each}": sha for each, sha in sorted(repository.branches.items())}
        return heads | {f"refs/tags/{each}": sha for each, sha in sorted(repository.tags.items())}

    @app.get(f"{REPO}/git/ref/<path:ref>")
    def ref(owner: str, name: str, ref: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            wanted = f"refs/{ref.removeprefix('refs/')}"
            if wanted not in every(repository):
                raise GitHubError(404, "Not Found")
            return jsonify(shapes().ref(repository, wanted, every(repository)[wanted]))

    @app.get(f"{REPO}/git/refs")
    @app.get(f"{REPO}/git/matching-refs/", defaults={"ref": ""})
    @app.get(f"{REPO}/git/matching-refs/<path:ref>")
    def matching(owner: str, name: str, ref: str = "") -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            found = {each: sha for each, sha in every(repository).items() if each.startswith(f"refs/{ref}")}
            return page([shapes().ref(repository, each, sha) for each, sha in found.items()])

    @app.post(f"{REPO}/git/refs")
    def create(owner: str, name: str) -> Any:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            ref, sha = text(given, "ref", "Reference"), text(given, "sha", "Reference")
            kind, short = _parse_ref(ref)
            if ref in every(repository):
                raise GitHubError(422, "Reference already exists")
            if sha not in repository.commits and (kind == "heads" or sha not in repository.annotated):
                raise GitHubError(422, "Object does not exist")
            (repository.branches if kind == "heads" else repository.tags)[short] = sha
            return jsonify(shapes().ref(repository, ref, sha)), 201

    @app.patch(f"{REPO}/git/refs/<path:ref>")
    def move(owner: str, name: str, ref: str) -> Response:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            sha, (kind, short) = text(given, "sha", "Reference"), _parse_ref(f"refs/{ref}")
            refs = repository.branches if kind == "heads" else repository.tags
            if short not in refs:
                raise GitHubError(422, "Reference does not exist")
            if sha not in repository.commits:
                raise GitHubError(422, "Object does not exist")
            old = repository.commits.get(refs[short])
            if given.get("force") is not True and (old is None or old not in repository.history(sha)):
                raise GitHubError(422, "Update is not a fast forward")
            refs[short] = sha
            return jsonify(shapes().ref(repository, f"refs/{ref}", sha))

    @app.delete(f"{REPO}/git/refs/<path:ref>")
    def delete(owner: str, name: str, ref: str) -> Any:
        with github.lock:
            repository, (kind, short) = open_repository(github, owner, name), _parse_ref(f"refs/{ref}")
            refs = repository.branches if kind == "heads" else repository.tags
            if short not in refs:
                raise GitHubError(422, "Reference does not exist")
            del refs[short]
            return "", 204

    @app.post(f"{REPO}/git/tags")
    def annotate(owner: str, name: str) -> Any:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            commit, tag = text(given, "object", "Tag"), text(given, "tag", "Tag")
            if commit not in repository.commits:
                raise GitHubError(422, "Object does not exist")
            message = text(given, "message", "Tag")
            sha = hashlib.sha1(
                f"tag {tag} {commit} {message} {github.next_id()}".encode(), usedforsecurity=False
            ).hexdigest()
            made = repository.annotated[sha] = AnnotatedTag(sha, tag, message, commit, BOT, github.now())
            return jsonify(shapes().annotated(repository, made)), 201

    @app.get(f"{REPO}/git/tags/<sha>")
    def annotated(owner: str, name: str, sha: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            if sha not in repository.annotated:
                raise GitHubError(404, "Not Found")
            return jsonify(shapes().annotated(repository, repository.annotated[sha]))

    return app


def _parse_ref(ref: str) -> tuple[str, str]:
    parts = ref.split("/", 2)
    if len(parts) != 3 or parts[0] != "refs" or parts[1] not in ("heads", "tags") or not parts[2]:
        raise GitHubError(422, f"{ref} is not a valid ref name.")
    if any(each in parts[2] for each in (" ", "..", "~", "^", ":", "\\")):
        raise GitHubError(422, f"{ref} is not a valid ref name.")
    return parts[1], parts[2]


def _statuses(github: GitHub) -> Blueprint:
    app = Blueprint("statuses", __name__)

    @app.post(f"{REPO}/statuses/<sha>")
    def create(owner: str, name: str, sha: str) -> Any:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            if sha not in repository.commits:
                raise GitHubError(422, f"No commit found for SHA: {sha}")
            state, context = text(given, "state", "Status"), text(given, "context", "Status", "default")
            if state not in STATES:
                raise GitHubError(422, "Validation Failed", invalid("Status", "state", "custom"))
            about, link = given.get("description"), given.get("target_url")
            made = Status(github.next_id(), sha, state, context, about, link, BOT, github.now())
            repository.statuses.append(made)
            return jsonify(shapes().status(repository, made)), 201

    @app.get(f"{REPO}/statuses/<ref>")  # the older address, which clients still use
    @app.get(f"{REPO}/commits/<path:ref>/statuses")
    def statuses(owner: str, name: str, ref: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            sha = commit_of(repository, ref).sha
            found = [status for status in reversed(repository.statuses) if status.sha == sha]
            return page([shapes().status(repository, each) for each in found])

    @app.get(f"{REPO}/commits/<path:ref>/status")
    def combined(owner: str, name: str, ref: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            sha = commit_of(repository, ref).sha
            newest = {status.context: status for status in repository.statuses if status.sha == sha}
            states = {each.state for each in newest.values()}
            bad = states & {"failure", "error"}
            # without any it is pending, too: check runs are not counted here
            state = "failure" if bad else "success" if states == {"success"} else "pending"
            at = f"{shapes().at(repository)}/commits/{sha}"
            return page(
                [shapes().status(repository, each) for each in newest.values()],
                "statuses",
                state=state,
                sha=sha,
                repository=shapes().repository(repository, may_write=authenticated().may_write),
                commit_url=at,
                url=f"{at}/status",
            )

    return app
