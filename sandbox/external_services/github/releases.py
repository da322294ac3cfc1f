"""Releases and their drafts in GitHub's REST API."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify

from sandbox.external_services.github.model import BOT, GitHubError, Release, Repository, invalid
from sandbox.external_services.github.requests import authenticated, body, open_repository, page, shapes, text
from sandbox.external_services.github.state import GitHub

REPO = "/repos/<owner>/<name>"


def make(github: GitHub) -> Blueprint:
    """Return the part of the API that is about releases."""
    app = Blueprint("releases", __name__)

    def find(owner: str, name: str, number: int) -> tuple[Repository, Release]:
        repository = open_repository(github, owner, name)
        for release in repository.releases:
            if release.id == number and (authenticated().may_write or not release.draft):
                return repository, release
        raise GitHubError(404, "Not Found")

    @app.get(f"{REPO}/releases")
    def releases(owner: str, name: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            writer = authenticated().may_write  # nobody else gets to see drafts
            found = [each for each in repository.releases if writer or not each.draft]
            found.sort(key=lambda each: (each.draft, each.published or each.created, each.id), reverse=True)
            return page([shapes().release(repository, each) for each in found])

    @app.post(f"{REPO}/releases")
    def create(owner: str, name: str) -> Any:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            tag = text(given, "tag_name", "Release")
            target = text(given, "target_commitish", "Release", repository.default_branch)
            commit = repository.tagged(tag) if tag in repository.tags else github.target_of(repository, target)
            draft, early = given.get("draft") is True, given.get("prerelease") is True
            title, said = text(given, "name", "Release", ""), text(given, "body", "Release", "")
            if given.get("generate_release_notes") is True:
                notes = github.notes(repository, shapes().web, tag, target, None)
                title, said = title or tag, "\n\n".join(filter(None, [said, notes]))
            release = Release(github.next_id(), tag, title, said, target, True, early, BOT, commit.at)
            if not draft:
                github.publish(repository, release)
            repository.releases.append(release)
            _choose_latest(repository, release, given)
            return jsonify(shapes().release(repository, release)), 201

    @app.post(f"{REPO}/releases/generate-notes")
    def notes(owner: str, name: str) -> Response:
        with github.lock:
            repository, given = open_repository(github, owner, name), body()
            tag = text(given, "tag_name", "Release")
            target = text(given, "target_commitish", "Release", repository.default_branch)
            said = github.notes(repository, shapes().web, tag, target, given.get("previous_tag_name"))
            return jsonify(name=tag, body=said)

    @app.get(f"{REPO}/releases/latest")
    def latest(owner: str, name: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            release = repository.latest_release()
            if release is None:
                raise GitHubError(404, "Not Found")
            return jsonify(shapes().release(repository, release))

    @app.get(f"{REPO}/releases/tags/<path:tag>")
    def by_tag(owner: str, name: str, tag: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            release = repository.release_of(tag)
            if release is None:
                raise GitHubError(404, "Not Found")
            return jsonify(shapes().release(repository, release))

    @app.get(f"{REPO}/releases/<int:number>")
    def one(owner: str, name: str, number: int) -> Response:
        with github.lock:
            return jsonify(shapes().release(*find(owner, name, number)))

    @app.patch(f"{REPO}/releases/<int:number>")
    def update(owner: str, name: str, number: int) -> Response:
        with github.lock:
            (repository, release), given = find(owner, name, number), body()
            before = dict(vars(release))
            publishes = given.get("draft") is False and release.draft
            if publishes and github.service_faults.injected("github_publish_ignored", repository.full_name):
                published = replace(release, draft=False, published=github.now())
                return jsonify(shapes().release(repository, published))
            try:
                release.tag = text(given, "tag_name", "Release", release.tag)
                release.target = text(given, "target_commitish", "Release", release.target)
                release.name = text(given, "name", "Release", release.name)
                release.body = text(given, "body", "Release", release.body)
                release.prerelease = bool(given.get("prerelease", release.prerelease))
                if release.tag not in repository.tags:
                    github.target_of(repository, release.target)
                if given.get("draft") is False and before["draft"]:
                    github.publish(repository, release)
                elif given.get("draft") is True:
                    release.draft, release.published = True, None
            except GitHubError:
                vars(release).update(before)
                raise
            _choose_latest(repository, release, given)
            return jsonify(shapes().release(repository, release))

    @app.delete(f"{REPO}/releases/<int:number>")
    def delete(owner: str, name: str, number: int) -> Any:
        with github.lock:
            repository, release = find(owner, name, number)
            repository.releases.remove(release)  # its tag stays
            return "", 204

    return app


def _choose_latest(repository: Repository, release: Release, given: dict[str, Any]) -> None:
    """Make a release the latest one, as GitHub does unless told otherwise. Raises: GitHubError."""
    wanted = given.get("make_latest", "true")
    if wanted not in ("true", "false", "legacy"):
        raise GitHubError(422, "Validation Failed", invalid("Release", "make_latest"))
    if wanted == "true" and not release.draft and not release.prerelease:
        repository.latest = release.id
    if wanted != "true" and repository.latest == release.id:
        repository.latest = None
