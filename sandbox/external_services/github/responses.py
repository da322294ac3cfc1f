"""GitHub's JSON responses, with the URLs that clients follow."""

import hashlib
from typing import Any

from sandbox.aws.state.clock import as_text
from sandbox.external_services.github.model import (
    BOT,
    AnnotatedTag,
    Comment,
    Commit,
    File,
    Issue,
    Release,
    Repository,
    Run,
    Status,
)

Json = dict[str, Any]


def number_of(text: str) -> int:
    """Return the same number for the same text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:7], 16)


class Shapes:
    """`api` is the API's root, `web` where people look."""

    def __init__(self, api: str, web: str):
        self.api, self.web = api, web

    def at(self, repository: Repository) -> str:
        return f"{self.api}/repos/{repository.full_name}"

    def page(self, repository: Repository) -> str:
        return f"{self.web}/{repository.full_name}"

    def user(self, login: str) -> Json:
        return {
            "login": login,
            "id": number_of(login),
            "node_id": f"U_{login}",
            "url": f"{self.api}/users/{login}",
            "html_url": f"{self.web}/{login}",
            "type": "Bot" if login == BOT else "User",
            "site_admin": False,
        }

    def owner(self, login: str) -> Json:
        return {**self.user(login), "type": "Organization"}

    def repository(self, repository: Repository, *, may_write: bool) -> Json:
        url = self.at(repository)
        return {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": repository.full_name,
            "private": True,
            "visibility": "private",
            "owner": self.owner(repository.owner),
            "html_url": self.page(repository),
            "url": url,
            "default_branch": repository.default_branch,
            "archived": False,
            "disabled": False,
            "permissions": {"admin": False, "maintain": False, "push": may_write, "triage": may_write, "pull": True},
            "branches_url": f"{url}/branches{{/branch}}",
            "commits_url": f"{url}/commits{{/sha}}",
            "compare_url": f"{url}/compare/{{base}}...{{head}}",
            "releases_url": f"{url}/releases{{/id}}",
            "tags_url": f"{url}/tags",
        }

    def commit(self, repository: Repository, commit: Commit) -> Json:
        url, at = f"{self.at(repository)}/commits/{commit.sha}", as_text(commit.at)
        person = {"name": commit.author.title(), "email": f"{commit.author}@example.com", "date": at}
        return {
            "sha": commit.sha,
            "node_id": f"C_{commit.sha}",
            "url": url,
            "html_url": f"{self.page(repository)}/commit/{commit.sha}",
            "comments_url": f"{url}/comments",
            "commit": {
                "message": commit.message,
                "author": person,
                "committer": {**person, "name": "GitHub", "email": "noreply@github.com"},
                "tree": {"sha": commit.sha[::-1], "url": f"{self.at(repository)}/git/trees/{commit.sha[::-1]}"},
                "url": f"{self.at(repository)}/git/commits/{commit.sha}",
                "comment_count": 0,
                "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
            },
            "author": self.user(commit.author),
            "committer": self.user("web-flow"),
            "parents": [
                {
                    "sha": parent,
                    "url": f"{self.at(repository)}/commits/{parent}",
                    "html_url": f"{self.page(repository)}/commit/{parent}",
                }
                for parent in commit.parents
            ],
        }

    def whole_commit(self, repository: Repository, commit: Commit) -> Json:
        added, removed = sum(file.additions for file in commit.files), sum(file.deletions for file in commit.files)
        return {
            **self.commit(repository, commit),
            "stats": {"additions": added, "deletions": removed, "total": added + removed},
            "files": [self.file(repository, commit.sha, file) for file in commit.files],
        }

    def file(self, repository: Repository, sha: str, file: File) -> Json:
        return {
            "sha": hashlib.sha1(f"{sha} {file.name}".encode(), usedforsecurity=False).hexdigest(),
            "filename": file.name,
            "status": file.status,
            "additions": file.additions,
            "deletions": file.deletions,
            "changes": file.additions + file.deletions,
            "blob_url": f"{self.page(repository)}/blob/{sha}/{file.name}",
            "raw_url": f"{self.page(repository)}/raw/{sha}/{file.name}",
            "contents_url": f"{self.at(repository)}/contents/{file.name}?ref={sha}",
        }

    def comparison(self, repository: Repository, base: Commit, head: Commit, commits: list[Commit]) -> Json:
        """Return a comparison without its page of commits; `commits` are all those only the head has, oldest first."""
        behind = {each.sha for each in repository.history(base.sha)}
        ahead = {each.sha for each in repository.history(head.sha)}
        common = max((repository.commits[each] for each in behind & ahead), key=lambda each: each.at)
        files: dict[str, File] = {}
        for commit in commits:
            for each in commit.files:
                old = files.get(each.name, File(each.name, each.status, 0, 0))
                files[each.name] = File(
                    each.name, old.status, old.additions + each.additions, old.deletions + each.deletions
                )
        only_base = len(behind - ahead)
        status = {(True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
        address = f"{base.sha}...{head.sha}"
        return {
            "url": f"{self.at(repository)}/compare/{address}",
            "html_url": f"{self.page(repository)}/compare/{address}",
            "permalink_url": f"{self.page(repository)}/compare/{address}",
            "diff_url": f"{self.page(repository)}/compare/{address}.diff",
            "patch_url": f"{self.page(repository)}/compare/{address}.patch",
            "base_commit": self.commit(repository, base),
            "merge_base_commit": self.commit(repository, common),
            "status": status.get((bool(commits), bool(only_base)), "identical"),
            "ahead_by": len(commits),
            "behind_by": only_base,
            "total_commits": len(commits),
            "files": [self.file(repository, head.sha, file) for file in list(files.values())[:300]],
        }

    def branch(self, repository: Repository, name: str) -> Json:
        sha = repository.branches[name]
        return {
            "name": name,
            "commit": self.commit(repository, repository.commits[sha]),
            "protected": name == repository.default_branch,
            "_links": {
                "self": f"{self.at(repository)}/branches/{name}",
                "html": f"{self.page(repository)}/tree/{name}",
            },
        }

    def tag(self, repository: Repository, name: str) -> Json:
        sha = repository.tagged(name).sha
        return {
            "name": name,
            "commit": {"sha": sha, "url": f"{self.at(repository)}/commits/{sha}"},
            "zipball_url": f"{self.at(repository)}/zipball/refs/tags/{name}",
            "tarball_url": f"{self.at(repository)}/tarball/refs/tags/{name}",
            "node_id": f"REF_{name}",
        }

    def ref(self, repository: Repository, ref: str, sha: str) -> Json:
        kind = "tag" if sha in repository.annotated else "commit"
        return {
            "ref": ref,
            "node_id": f"REF_{ref}",
            "url": f"{self.at(repository)}/git/{ref}",
            "object": {"type": kind, "sha": sha, "url": f"{self.at(repository)}/git/{kind}s/{sha}"},
        }

    def annotated(self, repository: Repository, tag: AnnotatedTag) -> Json:
        return {
            "node_id": f"TA_{tag.sha}",
            "tag": tag.name,
            "sha": tag.sha,
            "url": f"{self.at(repository)}/git/tags/{tag.sha}",
            "message": tag.message,
            "tagger": {"name": tag.tagger, "email": f"{tag.tagger}@example.com", "date": as_text(tag.at)},
            "object": {
                "type": "commit",
                "sha": tag.commit,
                "url": f"{self.at(repository)}/git/commits/{tag.commit}",
            },
            "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
        }

    def release(self, repository: Repository, release: Release) -> Json:
        url = f"{self.at(repository)}/releases/{release.id}"
        shown = f"untagged-{release.id:x}" if release.draft else release.tag
        return {
            "url": url,
            "html_url": f"{self.page(repository)}/releases/tag/{shown}",
            "assets_url": f"{url}/assets",
            "upload_url": f"{url}/assets{{?name,label}}",
            "tarball_url": None if release.draft else f"{self.at(repository)}/tarball/{release.tag}",
            "zipball_url": None if release.draft else f"{self.at(repository)}/zipball/{release.tag}",
            "id": release.id,
            "node_id": f"RE_{release.id}",
            "tag_name": release.tag,
            "target_commitish": release.target,
            "name": release.name,
            "body": release.body,
            "draft": release.draft,
            "prerelease": release.prerelease,
            "created_at": as_text(release.created),
            "published_at": as_text(release.published),
            "author": self.user(release.author),
            "assets": [],
        }

    def status(self, repository: Repository, status: Status) -> Json:
        return {
            "url": f"{self.at(repository)}/statuses/{status.sha}",
            "id": status.id,
            "node_id": f"SC_{status.id}",
            "state": status.state,
            "context": status.context,
            "description": status.description,
            "target_url": status.target_url,
            "creator": self.user(status.creator),
            "created_at": as_text(status.at),
            "updated_at": as_text(status.at),
        }

    def label(self, repository: Repository, name: str) -> Json:
        return {
            "id": number_of(f"{repository.full_name} {name}"),
            "node_id": f"LA_{name}",
            "url": f"{self.at(repository)}/labels/{name}",
            "name": name,
            "color": repository.labels.get(name, "ededed"),
            "description": None,
            "default": False,
        }

    def comment(self, repository: Repository, number: int, comment: Comment) -> Json:
        return {
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "url": f"{self.at(repository)}/issues/comments/{comment.id}",
            "html_url": f"{self.page(repository)}/issues/{number}#issuecomment-{comment.id}",
            "issue_url": f"{self.at(repository)}/issues/{number}",
            "body": comment.body,
            "user": self.user(comment.author),
            "author_association": "MEMBER",
            "created_at": as_text(comment.at),
            "updated_at": as_text(comment.edited),
        }

    def issue(self, repository: Repository, issue: Issue) -> Json:
        url = f"{self.at(repository)}/issues/{issue.number}"
        kind = "pull" if issue.pull else "issues"
        shown: Json = {
            "url": url,
            "repository_url": self.at(repository),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": f"{self.page(repository)}/{kind}/{issue.number}",
            "id": number_of(url),
            "node_id": f"I_{issue.number}",
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "user": self.user(issue.author),
            "labels": [self.label(repository, label) for label in issue.labels],
            "state": issue.state,
            "locked": False,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "comments": len(issue.comments),
            "created_at": as_text(issue.at),
            "updated_at": as_text(issue.updated),
            "closed_at": as_text(issue.closed),
            "author_association": "MEMBER",
        }
        if issue.pull:
            shown["pull_request"] = {
                "url": f"{self.at(repository)}/pulls/{issue.number}",
                "html_url": shown["html_url"],
                "merged_at": as_text(issue.pull.merged),
            }
        return shown

    def pull(self, repository: Repository, issue: Issue) -> Json:
        pull = issue.pull
        assert pull is not None
        about = self.issue(repository, issue)
        url = f"{self.at(repository)}/pulls/{issue.number}"
        base = repository.branches[pull.base]
        repo = self.repository(repository, may_write=True)
        head_repo = None if pull.fork_gone else self._fork(repo, repository, pull.fork) if pull.fork else repo
        kept = ("node_id", "number", "title", "body", "user", "labels", "state", "locked", "assignees", "milestone")
        return {
            **{name: about[name] for name in (*kept, "html_url", "created_at", "updated_at", "closed_at")},
            "url": url,
            "id": number_of(url),
            "issue_url": about["url"],
            "comments_url": about["comments_url"],
            "commits_url": f"{url}/commits",
            "statuses_url": f"{self.at(repository)}/statuses/{pull.head}",
            "draft": False,
            "merged_at": as_text(pull.merged),
            "merge_commit_sha": pull.merge_commit,
            "head": {
                "label": f"{pull.fork or repository.owner}:{pull.branch}",
                "ref": pull.branch,
                "sha": pull.head,
                "user": self.user(pull.fork) if pull.fork else self.owner(repository.owner),
                "repo": head_repo,
            },
            "base": {
                "label": f"{repository.owner}:{pull.base}",
                "ref": pull.base,
                "sha": base,
                "user": self.owner(repository.owner),
                "repo": repo,
            },
        }

    def _fork(self, repo: Json, repository: Repository, owner: str) -> Json:
        name = f"{owner}/{repository.name}"
        return {
            **repo,
            "id": number_of(name),
            "full_name": name,
            "owner": self.user(owner),
            "fork": True,
            "url": f"{self.api}/repos/{name}",
        }

    def workflow_run(self, repository: Repository, run: Run, status: str, conclusion: str | None) -> Json:
        url = f"{self.at(repository)}/actions/runs/{run.id}"
        return {
            "id": run.id,
            "node_id": f"WFR_{run.id}",
            "name": run.workflow.name,
            "display_title": run.title,
            "head_branch": run.branch,
            "head_sha": run.sha,
            "path": run.workflow.path,
            "run_number": run.number,
            "run_attempt": run.attempt,
            "event": run.event,
            "status": status,
            "conclusion": conclusion,
            "workflow_id": run.workflow.id,
            "check_suite_id": run.id,
            "url": url,
            "html_url": f"{self.page(repository)}/actions/runs/{run.id}",
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "artifacts_url": f"{url}/artifacts",
            "workflow_url": f"{self.at(repository)}/actions/workflows/{run.workflow.id}",
            "pull_requests": [],
            "actor": self.user(run.actor),
            "triggering_actor": self.user(run.actor),
            "created_at": as_text(run.created),
            "updated_at": as_text(run.updated),
            "run_started_at": as_text(run.created),
            "head_commit": {"id": run.sha, "message": repository.commits[run.sha].message},
            "repository": self.repository(repository, may_write=True),
            "head_repository": self.repository(repository, may_write=True),
        }
