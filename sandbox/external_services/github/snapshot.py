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
        "counts": {"commits": len(commits), "runs": len(runs)},  # of all, not only of those shown
        "commits": [
            {"sha": commit.sha, "subject": commit.subject, "author": commit.author, "at": as_text(commit.at)}
            for commit in commits[:20]
        ],
        "tags": [{"name": tag, "sha": repository.tagged(tag).sha} for tag in tags],
        "releases": [
            {
                "id": release.id,
                "tag": release.tag,
                "name": release.name,
                "body": release.body,
                "draft": release.draft,
                "prerelease": release.prerelease,
                "latest": latest is release,
                "author": release.author,
                "published_at": as_text(release.published),
            }
            for release in sorted(
                repository.releases,
                key=lambda each: (each.draft, each.published or each.created, each.id),
                reverse=True,
            )
        ],
        "runs": [
            {
                "id": run.id,
                "workflow": run.workflow.name,
                "event": run.event,
                "branch": run.branch,
                "sha": run.sha,
                "title": run.title,
                "status": run.status,
                "conclusion": run.conclusion,
                "inputs": run.inputs,
                "created_at": as_text(run.created),
            }
            for run in runs[:30]
        ],
        "issues": [
            {
                "number": issue.number,
                "title": issue.title,
                "state": issue.state,
                "labels": issue.labels,
                "pull": issue.pull is not None,
                "comments": [
                    {"author": said.author, "body": said.body, "earlier": said.earlier, "reactions": said.reactions}
                    for said in issue.comments
                ],
                "commit": issue.pull.head if issue.pull else None,
            }
            for issue in repository.issues.values()
            if issue.state == "open" or issue.comments
        ],
        "deployments": [
            {
                "environment": deployment.environment,
                "sha": deployment.sha,
                "states": [status.state for status in deployment.statuses],
                "url": deployment.statuses[-1].url if deployment.statuses else "",
            }
            for deployment in repository.deployments
        ],
    }
