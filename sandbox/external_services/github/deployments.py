"""Deployments, the rights of collaborators, the events of an issue, and reactions, in GitHub's REST API."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.aws.state.clock import as_text
from sandbox.external_services.github.model import (
    BOT,
    Deployment,
    DeploymentStatus,
    GitHubError,
    Labelled,
    Repository,
    invalid,
)
from sandbox.external_services.github.requests import body, open_repository, page, shapes, text
from sandbox.external_services.github.responses import Json
from sandbox.external_services.github.state import GitHub

REPO = "/repos/<owner>/<name>"
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def make(github: GitHub) -> list[Blueprint]:
    """Return the parts of the API that are about what happens around a pull request."""
    return [_deployments(github), _around(github)]


def _deployments(github: GitHub) -> Blueprint:
    app = Blueprint("deployments", __name__)

    def find(owner: str, name: str, number: int) -> tuple[Repository, Deployment]:
        repository = open_repository(github, owner, name)
        for each in repository.deployments:
            if each.id == number:
                return repository, each
        raise GitHubError(404, "Not Found")

    @app.get(f"{REPO}/deployments")
    def deployments(owner: str, name: str) -> Response:
        with github.lock:
            repository, wanted = open_repository(github, owner, name), request.args
            found = [
                each
                for each in reversed(repository.deployments)
                if wanted.get("environment") in (None, each.environment) and wanted.get("sha") in (None, each.sha)
            ]
            return page([_deployment(repository, each) for each in found])

    @app.post(f"{REPO}/deployments")
    def create(owner: str, name: str) -> Any:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            commit = repository.resolve(text(given, "ref", "Deployment"))
            if commit is None:
                raise GitHubError(422, f"No ref found for: {given['ref']}")
            if given.get("required_contexts") != []:  # some are given, or all of the commit's
                raise GitHubError(409, "Conflict: Commit status checks failed for " + str(given["ref"]))
            made = Deployment(
                github.next_id(),
                commit.sha,
                text(given, "environment", "Deployment", "production"),
                text(given, "description", "Deployment", ""),
                given.get("transient_environment") is True,
                github.now(),
            )
            repository.deployments.append(made)
            return jsonify(_deployment(repository, made)), 201

    @app.get(f"{REPO}/deployments/<int:number>")
    def one(owner: str, name: str, number: int) -> Response:
        with github.lock:
            return jsonify(_deployment(*find(owner, name, number)))

    @app.post(f"{REPO}/deployments/<int:number>/statuses")
    def report(owner: str, name: str, number: int) -> Any:
        with github.lock:
            (repository, deployment), given = find(owner, name, number), body()
            state = text(given, "state", "DeploymentStatus")
            if state not in STATES or len(str(given.get("description") or "")) > 140:
                raise GitHubError(422, "Validation Failed", invalid("DeploymentStatus", "state", "custom"))
            made = DeploymentStatus(
                github.next_id(),
                state,
                given.get("description") or "",
                given.get("environment_url") or "",
                github.now(),
            )
            deployment.statuses.append(made)
            return jsonify(_status(repository, deployment, made)), 201

    @app.get(f"{REPO}/deployments/<int:number>/statuses")
    def statuses(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository, deployment = find(owner, name, number)
            return page([_status(repository, deployment, status) for status in reversed(deployment.statuses)])

    return app


def _around(github: GitHub) -> Blueprint:
    app = Blueprint("around", __name__)

    @app.get(f"{REPO}/collaborators/<login>/permission")
    def permission(owner: str, name: str, login: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            if login in repository.gone:
                raise GitHubError(404, f"{login} is not a user")
            held = repository.collaborators.get(login, "none")
            return jsonify({"permission": held, "role_name": held, "user": shapes().user(login)})

    @app.get(f"{REPO}/issues/<int:number>/events")
    def events(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            if number not in repository.issues:
                raise GitHubError(404, "Not Found")
            issue = repository.issues[number]
            return page([_labelled(repository, each) for each in issue.labelled])

    @app.post(f"{REPO}/issues/comments/<int:number>/reactions")
    def react(owner: str, name: str, number: int) -> Any:
        with github.lock:
            repository, content = open_repository(github, owner, name), text(body(), "content", "Reaction")
            if content not in REACTIONS:
                raise GitHubError(422, "Validation Failed", invalid("Reaction", "content"))
            for issue in repository.issues.values():
                for comment in issue.comments:
                    if comment.id == number:
                        new = content not in comment.reactions
                        if new:
                            comment.reactions.append(content)
                        made = {"id": comment.id, "node_id": "REA", "user": shapes().user(BOT), "content": content}
                        return jsonify(made), 201 if new else 200
            raise GitHubError(404, "Not Found")

    return app


def _labelled(repository: Repository, event: Labelled) -> Json:
    return {
        "id": event.id,
        "node_id": f"LE_{event.id}",
        "url": f"{shapes().at(repository)}/issues/events/{event.id}",
        "actor": None if event.actor in repository.gone else shapes().user(event.actor),
        "event": event.event,
        "commit_id": None,
        "created_at": as_text(event.at),
        "label": {"name": event.label, "color": repository.labels.get(event.label, "ededed")},
    }


def _deployment(repository: Repository, deployment: Deployment) -> Json:
    url = f"{shapes().at(repository)}/deployments/{deployment.id}"
    return {
        "url": url,
        "id": deployment.id,
        "node_id": f"DE_{deployment.id}",
        "sha": deployment.sha,
        "ref": deployment.sha,
        "task": "deploy",
        "payload": {},
        "original_environment": deployment.environment,
        "environment": deployment.environment,
        "description": deployment.description,
        "creator": shapes().user(BOT),
        "created_at": as_text(deployment.at),
        "updated_at": as_text(deployment.statuses[-1].at if deployment.statuses else deployment.at),
        "statuses_url": f"{url}/statuses",
        "repository_url": shapes().at(repository),
        "transient_environment": deployment.transient,
        "production_environment": False,
    }


def _status(repository: Repository, deployment: Deployment, status: DeploymentStatus) -> Json:
    url = f"{shapes().at(repository)}/deployments/{deployment.id}"
    return {
        "url": f"{url}/statuses/{status.id}",
        "id": status.id,
        "node_id": f"DS_{status.id}",
        "state": status.state,
        "creator": shapes().user(BOT),
        "description": status.description,
        "environment": deployment.environment,
        "environment_url": status.url,
        "target_url": "",
        "created_at": as_text(status.at),
        "updated_at": as_text(status.at),
        "deployment_url": url,
        "repository_url": shapes().at(repository),
    }
