"""Webhooks of a repository: how one is made by the REST API and told of events, and its deliveries, which can be asked for again."""

import hashlib
import hmac
import json
import uuid
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import requests
from flask import Blueprint, Response, jsonify

from sandbox.aws.faults.model import FaultError
from sandbox.aws.state.clock import as_text
from sandbox.external_services.credentials import webhook_secret
from sandbox.external_services.github.model import Attempt, GitHubError, Hook, Repository, invalid
from sandbox.external_services.github.requests import authenticated, body, cut, open_repository, page, shapes, text
from sandbox.external_services.github.responses import Json
from sandbox.external_services.github.state import GitHub

HOOKS = "/repos/<owner>/<name>/hooks"
DELIVERIES = f"{HOOKS}/<int:hook>/deliveries"
TIMEOUT = 10.0  # seconds until GitHub takes a delivery for failed
KEPT = 3 * 86_400.0  # simulated seconds


def make(github: GitHub) -> Blueprint:
    """Return the part of the API that is about webhooks. As with GitHub, a token without the right to them is told that there are none."""
    app = Blueprint("hooks", __name__)

    def opened(owner: str, name: str) -> Repository:
        repository = open_repository(github, owner, name)
        if not authenticated().may_write:
            raise GitHubError(404, "Not Found")
        return repository

    def find(owner: str, name: str, number: int) -> tuple[Repository, Hook]:
        repository = opened(owner, name)
        for each in repository.hooks:
            if each.id == number:
                return repository, each
        raise GitHubError(404, "Not Found")

    @app.get(HOOKS)
    def hooks(owner: str, name: str) -> Response:
        with github.lock:
            repository = opened(owner, name)
            return page([_hook(repository, each) for each in repository.hooks])

    @app.post(HOOKS)
    def create(owner: str, name: str) -> Any:
        with github.lock:
            repository, given = opened(owner, name), body()
            config = given.get("config")
            if not isinstance(config, dict):
                raise GitHubError(422, "Validation Failed", invalid("Hook", "config", "missing_field"))
            events = given.get("events", ["push"])
            if not isinstance(events, list) or not events or not all(isinstance(event, str) for event in events):
                raise GitHubError(422, "Validation Failed", invalid("Hook", "events"))
            url, form = text(config, "url", "Hook"), config.get("content_type", "form") == "form"
            if any(each.url == url for each in repository.hooks):
                raise GitHubError(422, "Validation Failed", invalid("Hook", "base", "custom"))
            hook = Hook(github.next_id(), url, text(config, "secret", "Hook", ""), tuple(events), form)
            repository.hooks.append(hook)
            zen: Json = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": _hook(repository, hook)}
            _begin(github, hook, "ping", {**zen, "repository": shapes().repository(repository, may_write=True)})
            return jsonify(_hook(repository, hook)), 201

    @app.get(DELIVERIES)
    def deliveries(owner: str, name: str, hook: int) -> Response:
        with github.lock:
            repository, found = find(owner, name, hook)
            kept = [each for each in reversed(found.attempts) if github.now() - each.at <= KEPT]
            part, links = cut([_attempt(repository, each) for each in kept])
            answer = jsonify(part)
            answer.headers.update(links)
            return answer

    @app.post(f"{DELIVERIES}/<int:number>/attempts")
    def again(owner: str, name: str, hook: int, number: int) -> Any:
        with github.lock:
            _, found = find(owner, name, hook)
            before = next((each for each in found.attempts if each.id == number), None)
            if before is None or github.now() - before.at > KEPT:
                raise GitHubError(404, "Not Found")
            attempt = Attempt(github.next_id(), before.guid, before.event, before.payload, github.now(), 0, True)
            _start(github, found, attempt)
        return jsonify({}), 202

    return app


def announce(github: GitHub, repository: Repository, event: str, payload: Json) -> None:
    """Tell each webhook that wants it of an event. The caller holds the lock; GitHub waits for no answer, and keeps no order."""
    for hook in repository.hooks:
        if {"*", event} & set(hook.events):
            _begin(github, hook, event, payload)


def _begin(github: GitHub, hook: Hook, event: str, payload: Json) -> None:
    guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{hook.url} {github.next_id()}"))
    _start(github, hook, Attempt(github.next_id(), guid, event, payload, github.now(), 0))


def _start(github: GitHub, hook: Hook, attempt: Attempt) -> None:
    Thread(target=_send, args=(github, hook, attempt), daemon=True).start()


def lose(github: GitHub, given: dict[str, Any]) -> Json:
    """Note a delivery that failed, with the status it was answered with (1: not at all). Return its guid. Raises: FaultError."""
    with github.lock:
        repository = github.find(*f"{given['repository']}/".split("/")[:2])
        if repository is None:
            raise FaultError(f"There is no repository {given['repository']!r}.")
        found = next((hook for hook in repository.hooks if hook.url == given["url"]), None)
        if found is None:
            found = Hook(github.next_id(), given["url"], webhook_secret(repository.owner))
            repository.hooks.append(found)
        guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{given['url']} {github.next_id()}"))
        status = 0 if given["status"] == 1 else given["status"]
        found.attempts.append(Attempt(github.next_id(), guid, given["event"], given["payload"], github.now(), status))
        return {"guid": guid, "hook": found.id}


def _send(github: GitHub, hook: Hook, attempt: Attempt) -> None:
    """Send a delivery. Like GitHub, list it only once its outcome is known."""
    said = json.dumps(attempt.payload)
    content = urlencode({"payload": said}).encode() if hook.form else said.encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded" if hook.form else "application/json",
        "X-GitHub-Delivery": attempt.guid,
        "X-GitHub-Event": attempt.event,
    }
    if hook.secret:
        signed = hmac.new(hook.secret.encode(), content, hashlib.sha256).hexdigest()
        headers["X-Hub-Signature-256"] = f"sha256={signed}"
    try:
        attempt.status = requests.post(hook.url, data=content, headers=headers, timeout=TIMEOUT).status_code
    except requests.RequestException:
        attempt.status = 0
    with github.lock:
        hook.attempts.append(attempt)


def _hook(repository: Repository, hook: Hook) -> Json:
    url = f"{shapes().at(repository)}/hooks/{hook.id}"
    return {
        "type": "Repository",
        "id": hook.id,
        "name": "web",
        "active": True,
        "events": list(hook.events),
        "config": {
            "content_type": "form" if hook.form else "json",
            "insecure_ssl": "0",
            "url": hook.url,
            **({"secret": "********"} if hook.secret else {}),
        },
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }


def _attempt(repository: Repository, attempt: Attempt) -> Json:
    said = (
        "OK"
        if 200 <= attempt.status < 400
        else f"Invalid HTTP Response: {attempt.status}"
        if attempt.status
        else "timed out"
    )
    return {
        "id": attempt.id,
        "guid": attempt.guid,
        "delivered_at": as_text(attempt.at),
        "redelivery": attempt.redelivery,
        "duration": 0.2,
        "status": said,
        "status_code": attempt.status,
        "event": attempt.event,
        "action": attempt.payload.get("action"),
        "installation_id": None,
        "repository_id": repository.id,
        "throttled_at": None,
    }
