"""A repository as JSON, for the world page and for tests."""

from typing import Any

from sandbox.aws.state.clock import as_text
from sandbox.external_services.github.model import Repository


def shown(repository: Repository) -> dict[str, Any]:
    """Return what changes in a repository."""
    runs = sorted(repository.runs, key=lambda each: (each.created, each.id), reverse=True)
    commits = repository.history(repository.branches[repository.default_branch])
    tags = sorted(repository.tags, key=lambda name: repository.tagged(name).at, reverse=True)
    latest = repository.latest_release()
    return {
        "name": repository.full_name,
        "default_branch": repository.default_branch,
        "commits": [
            {"sha": each.sha, "subject": each.subject, "author": each.author, "at": as_text(each.at)}
            for each in commits[:20]
        ],
        "tags": [{"name": each, "sha": repository.tagged(each).sha} for each in tags],
        "releases": [
            {
                "id": each.id,
                "tag": each.tag,
                "name": each.name,
                "body": each.body,
                "draft": each.draft,
                "prerelease": each.prerelease,
                "latest": latest is each,
                "author": each.author,
                "published_at": as_text(each.published),
            }
            for each in sorted(
                repository.releases,
                key=lambda each: (each.draft, each.published or each.created, each.id),
                reverse=True,
            )
        ],
        "runs": [
            {
                "id": each.id,
                "workflow": each.workflow.name,
                "event": each.event,
                "branch": each.branch,
                "sha": each.sha,
                "title": each.title,
                "status": each.status,
                "conclusion": each.conclusion,
                "inputs": each.inputs,
                "created_at": as_text(each.created),
            }
            for each in runs[:30]
        ],
        "issues": [
            {
                "number": each.number,
                "title": each.title,
                "state": each.state,
                "labels": each.labels,
                "pull": each.pull is not None,
                "comments": [{"author": said.author, "body": said.body} for said in each.comments],
            }
            for each in repository.issues.values()
            if each.state == "open" or each.comments
        ],
    }
