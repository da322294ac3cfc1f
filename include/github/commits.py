"""Commits of a repository: tags, the commits between two tags, and whether a commit's checks are green."""

from dataclasses import dataclass
from itertools import islice

from github.Commit import Commit as Shown
from github.Comparison import Comparison
from github.GithubException import UnknownObjectException
from github.Repository import Repository

from include.github.errors import listed, name_of, read

PAGE = 100
MOST_FILES = 300  # GitHub's comparison of two commits lists at most this many
DONE = "completed"
# the state of a commit status, in the words of a check run; the others are the same
STATUSES = {"success": "success", "pending": ""}


@dataclass(frozen=True)
class Commit:
    """One commit of a release. `subject` is the first line of its message, `body` the rest."""

    sha: str
    subject: str
    author: str = ""
    body: str = ""
    parents: tuple[str, ...] = ()


def list_tags(repository: Repository) -> dict[str, str]:
    """Return the commit of every tag by its name, in no order."""
    return read(
        f"repository {name_of(repository)}",
        lambda: {tag.name: tag.commit.sha for tag in listed(repository.get_tags(), "name")},
    )


def find_commit(repository: Repository, tag: str) -> str | None:
    """Return the sha of the commit that a tag points to, or None if there is no such tag."""

    def look() -> str | None:
        try:
            ref = repository.get_git_ref(f"tags/{tag}")
            return repository.get_git_tag(ref.object.sha).object.sha if ref.object.type == "tag" else ref.object.sha
        except UnknownObjectException:
            return None

    return read(f"tag {tag} of {name_of(repository)}", look)


def list_commits_between(repository: Repository, previous: str | None, sha: str) -> tuple[Commit, ...]:
    """Return the commits that a commit has and the previous version's tag has not, oldest first. Without a previous version, return all.

    The other way round, these are the commits that a release lacks of the one before it.
    """

    def look() -> tuple[Commit, ...]:
        commits = _compare(repository, previous, sha).commits if previous else repository.get_commits(sha=sha)
        found = listed(commits, "sha")
        return tuple(_commit(commit) for commit in (found if previous else found[::-1]))

    return read(_between(repository, previous, sha), look)


def list_newest_commits(repository: Repository, branch: str, count: int) -> tuple[Commit, ...]:
    """Return the newest commits of a branch, newest first."""
    return read(
        f"branch {branch} of {name_of(repository)}",
        lambda: tuple(_commit(commit) for commit in islice(repository.get_commits(sha=branch), count)),
    )


def _commit(commit: Shown) -> Commit:
    subject, _, body = commit.commit.message.partition("\n")
    author = commit.author.login if commit.author else commit.commit.author.name or ""
    return Commit(commit.sha, subject, author, body.strip(), tuple(parent.sha for parent in commit.parents))


def changed_files(repository: Repository, previous: str, sha: str) -> tuple[str, ...]:
    """Return the files that changed after the previous version's tag, sorted, without deleted ones."""

    def look() -> tuple[str, ...]:
        comparison = _compare(repository, previous, sha)
        if len(listed(comparison.files, "filename")) < MOST_FILES:
            return tuple(sorted(changed.filename for changed in comparison.files if changed.status != "removed"))
        standing: dict[str, bool] = {}
        for commit in listed(comparison.commits, "sha"):
            for file in listed(repository.get_commit(commit.sha).files, "filename"):
                standing[file.filename] = file.status != "removed"
        return tuple(sorted(name for name, stands in standing.items() if stands))

    return read(_between(repository, previous, sha), look)


def compare_status(repository: Repository, branch: str, sha: str) -> str:
    """Return how a commit compares with a branch, in GitHub's words: identical, behind, ahead or diverged."""
    return read(
        _between(repository, branch, sha),
        lambda: repository.compare(branch, sha, comparison_commits_per_page=1).status,
    )


def list_checks(repository: Repository, sha: str) -> tuple[tuple[str, str], ...]:
    """Return each check run and commit status of a commit by name, with its conclusion, or "" while there is none.

    Of several runs of one check, the latest counts. Checks of the same name in different workflows are different checks. The
    combined status does not suffice: it counts no check runs, and is pending where there are only check runs.
    """

    def look() -> tuple[tuple[str, str], ...]:
        commit = repository.get_commit(sha)
        runs = sorted(listed(commit.get_check_runs(), "name"), key=lambda run: run.id)
        repeated = len({run.name for run in runs}) < len(runs)
        workflows = _workflows_by_suite(repository, sha) if repeated else {}
        latest = {(run.app.id if run.app else 0, workflows.get(run.check_suite.id, 0), run.name): run for run in runs}
        found = [(run.name, run.conclusion or "" if run.status == DONE else "") for run in latest.values()]
        newest: dict[str, str] = {}
        for status in listed(commit.get_statuses(), "context"):  # newest first
            newest.setdefault(status.context, STATUSES.get(status.state, status.state))
        return tuple(sorted([*found, *newest.items()]))

    return read(f"commit {sha} in {name_of(repository)}", look)


def _workflows_by_suite(repository: Repository, sha: str) -> dict[int, int]:
    """Return the workflow of each check suite that GitHub Actions made for a commit."""
    runs = listed(repository.get_workflow_runs(head_sha=sha), "id")
    return {run.check_suite_id: run.workflow_id for run in runs}


def _compare(repository: Repository, base: str, head: str) -> Comparison:
    return repository.compare(base, head, comparison_commits_per_page=PAGE)


def _between(repository: Repository, base: str | None, head: str) -> str:
    return f"{base}...{head} in {name_of(repository)}" if base else f"commit {head} in {name_of(repository)}"
