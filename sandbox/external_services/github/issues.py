"""Issues and pull requests in GitHub's REST API, with their labels and comments."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.aws.state.clock import as_text
from sandbox.external_services.github import hooks
from sandbox.external_services.github.model import BOT, Comment, GitHubError, Issue, Repository, invalid
from sandbox.external_services.github.payloads import said_in
from sandbox.external_services.github.requests import body, open_repository, page, shapes, text
from sandbox.external_services.github.state import GitHub

REPO = "/repos/<owner>/<name>"
ISSUE = f"{REPO}/issues/<int:number>"
NEW_COLOUR = "ededed"


def make(github: GitHub) -> list[Blueprint]:
    """Return the parts of the API that are about issues and pull requests."""
    return [_issues(github), _comments(github), _labels(github), _pulls(github)]


def _find(github: GitHub, owner: str, name: str, number: int) -> tuple[Repository, Issue]:
    repository = open_repository(github, owner, name)
    if number not in repository.issues:
        raise GitHubError(404, "Not Found")
    return repository, repository.issues[number]


def _newest(issues: list[Issue]) -> list[Issue]:
    """Return the issues of the asked state, the last made first."""
    state = request.args.get("state", "open")
    return sorted((issue for issue in issues if state in ("all", issue.state)), key=lambda each: -each.number)


def _issues(github: GitHub) -> Blueprint:
    app = Blueprint("issues", __name__)

    @app.get(f"{REPO}/issues")
    def issues(owner: str, name: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            wanted = {each for each in request.args.get("labels", "").split(",") if each}
            found = [each for each in _newest(list(repository.issues.values())) if wanted <= set(each.labels)]
            return page([shapes().issue(repository, each) for each in found])

    @app.post(f"{REPO}/issues")
    def create(owner: str, name: str) -> Any:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            title, said = text(given, "title", "Issue"), text(given, "body", "Issue", "")
            labels = _names(given.get("labels") or [])
            number = repository.next_number()
            issue = repository.issues[number] = Issue(number, title, said, BOT, github.now())
            _add(repository, issue, labels)
            return jsonify(shapes().issue(repository, issue)), 201

    @app.get(ISSUE)
    def one(owner: str, name: str, number: int) -> Response:
        with github.lock:
            return jsonify(shapes().issue(*_find(github, owner, name, number)))

    @app.patch(ISSUE)
    def update(owner: str, name: str, number: int) -> Response:
        with github.lock:
            (repository, issue), given = _find(github, owner, name, number), body()
            state = text(given, "state", "Issue", issue.state)
            if state not in ("open", "closed"):
                raise GitHubError(422, "Validation Failed", invalid("Issue", "state"))
            issue.title, issue.body = (
                text(given, "title", "Issue", issue.title),
                text(given, "body", "Issue", issue.body),
            )
            if state != issue.state:
                issue.state, issue.closed = state, github.now() if state == "closed" else None
            if "labels" in given:
                issue.labels = []
                _add(repository, issue, _names(given["labels"]))
            return jsonify(shapes().issue(repository, issue))

    return app


def _comments(github: GitHub) -> Blueprint:
    app = Blueprint("comments", __name__)

    def find(owner: str, name: str, number: int) -> tuple[Repository, Issue, Comment]:
        repository = open_repository(github, owner, name)
        for issue in repository.issues.values():
            for comment in issue.comments:
                if comment.id == number:
                    return repository, issue, comment
        raise GitHubError(404, "Not Found")

    @app.get(f"{ISSUE}/comments")
    def comments(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository, issue = _find(github, owner, name, number)
            return page([shapes().comment(repository, number, each) for each in issue.comments])

    @app.post(f"{ISSUE}/comments")
    def create(owner: str, name: str, number: int) -> Any:
        with github.lock:
            (repository, issue), now = _find(github, owner, name, number), github.now()
            comment = Comment(github.next_id(), BOT, text(body(), "body", "IssueComment"), now, now)
            issue.comments.append(comment)
            hooks.announce(github, repository, "issue_comment", said_in(repository, issue, comment, "created", BOT))
            return jsonify(shapes().comment(repository, number, comment)), 201

    @app.get(f"{REPO}/issues/comments")
    def everywhere(owner: str, name: str) -> Response:
        with github.lock:
            repository, wanted = open_repository(github, owner, name), request.args
            by_edit, since = wanted.get("sort") == "updated", wanted.get("since", "")
            found = [(each, said) for each in repository.issues.values() for said in each.comments]
            found = [(each, said) for each, said in found if str(as_text(said.edited)) >= since]
            found.sort(key=lambda pair: pair[1].edited if by_edit else pair[1].at)
            if by_edit and wanted.get("direction", "desc") == "desc":
                found.reverse()
            return page([shapes().comment(repository, each.number, said) for each, said in found])

    @app.get(f"{REPO}/issues/comments/<int:number>")
    def one(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository, issue, comment = find(owner, name, number)
            return jsonify(shapes().comment(repository, issue.number, comment))

    @app.patch(f"{REPO}/issues/comments/<int:number>")
    def update(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository, issue, comment = find(owner, name, number)
            comment.earlier.append(comment.body)
            comment.body, comment.edited = text(body(), "body", "IssueComment"), github.now()
            hooks.announce(github, repository, "issue_comment", said_in(repository, issue, comment, "edited", BOT))
            return jsonify(shapes().comment(repository, issue.number, comment))

    @app.delete(f"{REPO}/issues/comments/<int:number>")
    def delete(owner: str, name: str, number: int) -> Any:
        with github.lock:
            _, issue, comment = find(owner, name, number)
            issue.comments.remove(comment)
            return "", 204

    return app


def _labels(github: GitHub) -> Blueprint:
    app = Blueprint("labels", __name__)

    def answer(repository: Repository, issue: Issue) -> Response:
        return page([shapes().label(repository, each) for each in issue.labels])

    @app.get(f"{REPO}/labels")
    def labels(owner: str, name: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            return page([shapes().label(repository, each) for each in sorted(repository.labels)])

    @app.post(f"{REPO}/labels")
    def create(owner: str, name: str) -> Any:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            label = text(given, "name", "Label")
            if label in repository.labels:
                raise GitHubError(422, "Validation Failed", invalid("Label", "name", "already_exists"))
            repository.labels[label] = text(given, "color", "Label", NEW_COLOUR)
            return jsonify(shapes().label(repository, label)), 201

    @app.get(f"{REPO}/labels/<path:label>")
    def one(owner: str, name: str, label: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            if label not in repository.labels:
                raise GitHubError(404, "Not Found")
            return jsonify(shapes().label(repository, label))

    @app.get(f"{ISSUE}/labels")
    def of_issue(owner: str, name: str, number: int) -> Response:
        with github.lock:
            return answer(*_find(github, owner, name, number))

    @app.post(f"{ISSUE}/labels")
    def add(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository, issue = _find(github, owner, name, number)
            _add(repository, issue, _given_labels())
            return answer(repository, issue)

    @app.put(f"{ISSUE}/labels")
    def replace(owner: str, name: str, number: int) -> Response:
        with github.lock:
            (repository, issue), names = _find(github, owner, name, number), _given_labels()
            issue.labels = []
            _add(repository, issue, names)
            return answer(repository, issue)

    @app.delete(f"{ISSUE}/labels/<path:label>")
    def remove(owner: str, name: str, number: int, label: str) -> Response:
        with github.lock:
            repository, issue = _find(github, owner, name, number)
            if label not in issue.labels:
                raise GitHubError(404, "Label does not exist")
            issue.labels.remove(label)
            return answer(repository, issue)

    return app


def _given_labels() -> list[str]:
    given = request.get_json(silent=True, force=True)  # a list, or an object with one
    return _names(given.get("labels") if isinstance(given, dict) else given)


def _names(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(each, str) and each for each in given):
        raise GitHubError(422, "Validation Failed", invalid("Label", "name"))
    return given


def _add(repository: Repository, issue: Issue, names: list[str]) -> None:
    for name in names:
        repository.labels.setdefault(name, NEW_COLOUR)
        if name not in issue.labels:
            issue.labels.append(name)


def _pulls(github: GitHub) -> Blueprint:
    app = Blueprint("pulls", __name__)

    @app.get(f"{REPO}/pulls")
    def pulls(owner: str, name: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            found = _newest([each for each in repository.issues.values() if each.pull])
            if request.args.get("direction") == "asc":
                found.reverse()
            if head := request.args.get("head"):
                found = [each for each in found if each.pull and head == f"{repository.owner}:{each.pull.branch}"]
            if base := request.args.get("base"):
                found = [each for each in found if each.pull and each.pull.base == base]
            return page([shapes().pull(repository, each) for each in found])

    @app.get(f"{REPO}/pulls/<int:number>")
    def one(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository, issue = _find(github, owner, name, number)
            if issue.pull is None:
                raise GitHubError(404, "Not Found")
            return jsonify({**shapes().pull(repository, issue), "merged": issue.pull.merged is not None})

    @app.get(f"{REPO}/commits/<sha>/pulls")
    def of_commit(owner: str, name: str, sha: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            commit = repository.resolve(sha)
            if commit is None:
                raise GitHubError(422, f"No commit found for SHA: {sha}")
            return page([shapes().pull(repository, pull) for pull in repository.pulls_of(commit.sha)])

    return app
