"""What people do with pull requests: open, push to, label, comment on, close and reopen them. Webhooks are told of each."""

import hashlib
from dataclasses import replace
from typing import Any

from sandbox.aws.faults.model import FaultError
from sandbox.external_services.github import hooks, payloads
from sandbox.external_services.github.model import Comment, Commit, File, Issue, Labelled, Pull, Repository
from sandbox.external_services.github.responses import Json
from sandbox.external_services.github.state import GitHub

DOES = (
    "open",
    "push",
    "label",
    "unlabel",
    "comment",
    "close",
    "reopen",
    "delete_fork",
    "transfer",
    "suspend",
    "reinstate",
)
EVENTS = {
    "open": "opened",
    "push": "synchronize",
    "label": "labeled",
    "unlabel": "unlabeled",
    "close": "closed",
    "reopen": "reopened",
}


def act(github: GitHub, given: dict[str, Any]) -> Json:
    """Do one thing as a person does it. Return the number, the commit, and the event: its name and its payload. Raises: FaultError."""
    with github.lock:
        repository = github.find(*f"{given['repository']}/".split("/")[:2])
        if repository is None:
            raise FaultError(f"There is no repository {given['repository']!r}.")
        does, actor = given["does"], given["actor"]
        if does not in DOES:
            raise FaultError(f"does is {does!r}; choose one of {', '.join(DOES)}.")
        if does == "open":
            issue = _open(github, repository, given)
        else:
            issue = _find(repository.hidden if does == "reinstate" else repository.issues, given["number"])
        said = None
        if does in ("label", "unlabel"):
            _label(github, repository, issue, given["label"], actor, gives=does == "label")
        elif does == "push":
            _push(github, repository, issue, given["text"], actor)
        elif does == "comment":
            now = github.now()
            said = Comment(github.next_id(), actor, given["text"], now, now)
            issue.comments.append(said)
        elif does in ("close", "reopen"):
            issue.state, issue.closed = ("closed", github.now()) if does == "close" else ("open", None)
        elif does == "delete_fork":
            _gone(issue)
        elif does == "transfer":
            del repository.issues[issue.number]
            repository.last = max(repository.last, issue.number)
        elif does == "suspend":  # its author, of whom GitHub shows nothing until that is taken back
            repository.hidden[issue.number] = repository.issues.pop(issue.number)
            repository.gone.add(issue.author)
        elif does == "reinstate":
            repository.issues[issue.number] = repository.hidden.pop(issue.number)
            repository.gone.discard(issue.author)
        issue.touched = github.now()
        assert issue.pull
        event, payload = "", None
        if does in EVENTS:
            event, payload = (
                "pull_request",
                payloads.pull_request(repository, issue, EVENTS[does], actor, given["label"]),
            )
        if said:
            event, payload = "issue_comment", payloads.said_in(repository, issue, said, "created", actor)
        if payload:
            hooks.announce(github, repository, event, payload)
        return {"number": issue.number, "commit": issue.pull.head, "event": event, "payload": payload}


def _find(issues: dict[int, Issue], number: int) -> Issue:
    issue = issues.get(number)
    if issue is None or issue.pull is None:
        known = ", ".join(str(each.number) for each in issues.values() if each.pull and each.state == "open")
        raise FaultError(f"There is no pull request {number} there; open ones are {known or 'none'}.")
    return issue


def _open(github: GitHub, repository: Repository, given: dict[str, Any]) -> Issue:
    number = repository.next_number()
    fork = given["fork"] if given["fork"] != "none" else ""
    head = _commit(github, repository, repository.branches[repository.default_branch], given["text"], given["actor"])
    branch = f"work-{number}"
    if not fork:  # a fork's branches are in the fork
        repository.branches[branch] = head
    pull = Pull(branch, repository.default_branch, head, fork=fork)
    issue = repository.issues[number] = Issue(number, given["text"], "", given["actor"], github.now(), pull=pull)
    return issue


def _push(github: GitHub, repository: Repository, issue: Issue, message: str, actor: str) -> None:
    assert issue.pull
    head = _commit(github, repository, issue.pull.head, message, actor)
    if not issue.pull.fork:
        repository.branches[issue.pull.branch] = head
    issue.pull = replace(issue.pull, head=head)


def _commit(github: GitHub, repository: Repository, before: str, message: str, author: str) -> str:
    content = f"{repository.full_name} {before} {message} {len(repository.commits)}"
    sha = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
    files = (File("app/models/log.rb"),)
    repository.commits[sha] = Commit(sha, (before,), author, message, github.now(), files)
    return sha


def _label(github: GitHub, repository: Repository, issue: Issue, label: str, actor: str, *, gives: bool) -> None:
    if label == "none":
        raise FaultError("label must be given, such as review-app.")
    repository.labels.setdefault(label, "ededed")
    if gives == (label in issue.labels):
        return
    issue.labels.append(label) if gives else issue.labels.remove(label)
    issue.labelled.append(Labelled(github.next_id(), "labeled" if gives else "unlabeled", label, actor, github.now()))


def _gone(issue: Issue) -> None:
    assert issue.pull
    if not issue.pull.fork:
        raise FaultError(f"Pull request {issue.number} comes from no fork.")
    issue.pull = replace(issue.pull, fork_gone=True)
