"""The Terraform code of the repositories: which commit holds which files.

The code of a repository is in layers, one folder each below sandbox/infrastructure/<repository>/. A commit holds the
files of its layers, of which a later one replaces files of an earlier one.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sandbox.external_services.github.model import Commit, File, Issue, Pull, Repository

FOLDER = Path(__file__).parents[2] / "infrastructure"
BASE, CHANGE = "base", "change"  # both are on main
# later commits, each the head of an open pull request: its layer, its branch, and its message
PROPOSED = (
    ("replacement", "rename-the-topic", "Rename the topic, and drop the alarm on it"),
    ("removal", "move-the-files", "Keep the files in a bucket with another name"),
    ("protected", "rename-the-uploads", "Rename the bucket that nothing may destroy"),
)
MESSAGES = {
    BASE: "Describe every environment in Terraform",
    CHANGE: "Keep logs for 90 days, and publish who supports it",
}
AUTHOR = "amelia"
FIRST_PULL = 41
HOUR = 3600.0


def has_code(full_name: str) -> bool:
    """Tell whether a repository has Terraform code in the sandbox."""
    return _folder(full_name).is_dir()


def sha_of(full_name: str, layer: str) -> str:
    """Return the commit that brings a layer of a repository's code."""
    return hashlib.sha1(f"{full_name} {layer}".encode(), usedforsecurity=False).hexdigest()


def begin(repository: Repository, at: float) -> None:
    """Add the commit that everything else in a repository is built on."""
    _add(repository, BASE, (), at)


def change(repository: Repository, parent: str, at: float) -> Commit:
    """Add the small change that is on main, too."""
    return _add(repository, CHANGE, (parent,), at)


def propose(repository: Repository, now: float, checked: Callable[[Commit], None]) -> None:
    """Open the pull requests of what destroys something."""
    head = repository.branches[repository.default_branch]
    for back, (layer, branch, message) in enumerate(PROPOSED):
        if not (_folder(repository.full_name) / layer).is_dir():
            continue
        commit = _add(repository, layer, (head,), now - HOUR - back, message)
        repository.branches[branch] = commit.sha
        number = max([FIRST_PULL, *repository.issues]) + 1
        pull = Pull(branch, repository.default_branch, commit.sha)
        repository.issues[number] = Issue(number, message, "", AUTHOR, now - HOUR, pull=pull)
        checked(commit)


def files_of(repository: Repository, commit: Commit) -> dict[str, bytes]:
    """Return the files of a commit by their paths."""
    about = f"# {repository.name}\n".encode()
    found = {"README.md": about}
    for layer in _layers(repository, commit):
        found |= _read(repository.full_name, layer)
    return found


def _layers(repository: Repository, commit: Commit) -> list[str]:
    """Return the layers of a commit and of what it is built on, oldest first."""
    held = {each.sha for each in repository.history(commit.sha)}
    layers = (BASE, CHANGE, *(layer for layer, _, _ in PROPOSED))
    return [layer for layer in layers if sha_of(repository.full_name, layer) in held]


def _add(repository: Repository, layer: str, parents: tuple[str, ...], at: float, message: str = "") -> Commit:
    sha = sha_of(repository.full_name, layer)
    brought = sorted(_read(repository.full_name, layer).items())
    status = "added" if layer == BASE else "modified"
    files = tuple(File(name, status, content.count(b"\n"), 0) for name, content in brought)
    commit = repository.commits[sha] = Commit(sha, parents, AUTHOR, message or MESSAGES[layer], at, files)
    return commit


@cache
def _read(full_name: str, layer: str) -> dict[str, bytes]:
    """Return the files of a layer. They are read once: a pretend repository does not change by itself."""
    folder = _folder(full_name) / layer
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): each.read_bytes() for each in found}


def _folder(full_name: str) -> Path:
    return FOLDER / full_name.partition("/")[2]
