"""The payloads of GitHub's events about pull requests, the comments on them, and workflow runs."""

from sandbox.external_services.github.model import Comment, Issue, Repository, Run
from sandbox.external_services.github.responses import Json, Shapes

LABELLING = ("labeled", "unlabeled")
SHAPES = Shapes("https://api.github.com", "https://github.com")  # the addresses in an event, whoever asks for it


def pull_request(repository: Repository, issue: Issue, action: str, actor: str, label: str) -> Json:
    """Return the payload of a `pull_request` event. `label` is that of an event about a label."""
    beside = {"label": SHAPES.label(repository, label)} if action in LABELLING else {}
    return {
        "action": action,
        "number": issue.number,
        "pull_request": SHAPES.pull(repository, issue),
        "repository": SHAPES.repository(repository, may_write=True),
        "sender": SHAPES.user(actor),
        **beside,
    }


def said_in(repository: Repository, issue: Issue, said: Comment, action: str, actor: str) -> Json:
    """Return the payload of an `issue_comment` event."""
    return {
        "action": action,
        "issue": SHAPES.issue(repository, issue),
        "comment": SHAPES.comment(repository, issue.number, said),
        "repository": SHAPES.repository(repository, may_write=True),
        "sender": SHAPES.user(actor),
    }


def workflow_run(repository: Repository, run: Run) -> Json:
    """Return the payload of a `workflow_run` event about a run that is completed."""
    return {
        "action": "completed",
        "workflow_run": SHAPES.workflow_run(repository, run, run.status, run.conclusion),
        "repository": SHAPES.repository(repository, may_write=True),
        "sender": SHAPES.user(run.actor),
    }
