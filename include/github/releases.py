"""Releases on GitHub: each is drafted once and published once, however often a step repeats the call."""

from dataclasses import dataclass
from datetime import datetime

from github.GitRelease import GitRelease
from github.Repository import Repository

from include.errors import DriftError, PreconditionError, ServiceUnavailableError
from include.github.commits import find_commit
from include.github.errors import listed, name_of, read, translated
from include.write import Action, RecordedWrite, Write

CREATE = Action("github", "CreateRelease")
PUBLISH = Action("github", "PublishRelease")


@dataclass(frozen=True)
class Release:
    """A release on GitHub. `published_at` is by GitHub's clock, None for a draft."""

    id: int
    tag: str
    name: str
    body: str
    draft: bool
    target: str  # for a draft: the commit or branch on which its tag will be created
    url: str
    published_at: datetime | None = None


def find_release(repository: Repository, tag: str) -> Release | None:
    """Return the release of a tag: the published one, else the oldest draft. GitHub shows drafts only to users with write access."""

    def look() -> list[Release]:
        return [_release(release) for release in listed(repository.get_releases(), "id") if release.tag_name == tag]

    found = read(f"repository {name_of(repository)}", look)
    return min(found, key=lambda release: (release.draft, release.id), default=None)


def create_draft(repository: Repository, tag: str, sha: str, name: str, body: str) -> Write[Release]:
    """Return the write that drafts the release of a tag on a commit and returns the release.

    An existing draft keeps its text, which people may have edited. Raises: PreconditionError if it exists for another commit;
    ServiceUnavailableError.
    """
    return Write(
        CREATE,
        f"{name_of(repository)} {tag}: a draft on {sha[:12]}",
        lambda: _create(repository, tag, sha, name, body),
        resources={"repository": name_of(repository)},
        values={"tag_name": tag, "target_commitish": sha},
    )


def publish(repository: Repository, release: Release, sha: str) -> Write[Release]:
    """Return the write that publishes a draft on a commit with its text as it stands, and returns the release.

    A release that is published already stays as it is. Raises: PreconditionError if it, or its tag, was moved to another commit
    meanwhile; ServiceUnavailableError.
    """
    return Write(
        PUBLISH,
        f"{name_of(repository)} {release.tag}",
        lambda: _publish(repository, release, sha),
        resources={"repository": name_of(repository)},
        values={"tag_name": release.tag, "target_commitish": sha},
    )


def was_applied(repository: Repository, write: RecordedWrite) -> bool | None:
    """Tell whether a write of this module shows on GitHub now."""
    if str(write) not in (str(CREATE), str(PUBLISH)):
        return None
    found = find_release(repository, str(write.values.get("tag_name", "")))
    return found is not None and (write.action == CREATE.name or not found.draft)


def _create(repository: Repository, tag: str, sha: str, name: str, body: str) -> Release:
    if found := find_release(repository, tag):
        return _of_commit(repository, found, sha)
    _refuse_other_tag(repository, tag, sha)
    try:
        with translated(f"release {tag} of {name_of(repository)}"):
            return _release(repository.create_git_release(tag, name, body, draft=True, target_commitish=sha))
    except ServiceUnavailableError:
        found = find_release(repository, tag)  # perhaps only the answer was lost
        if found is None:
            raise
        return _of_commit(repository, found, sha)


def _publish(repository: Repository, release: Release, sha: str) -> Release:
    thing = f"release {release.tag} of {name_of(repository)}"
    draft = read(thing, lambda: repository.get_release(release.id))
    is_draft = draft.draft  # this loads the other fields: until then the id stands for the tag
    found = _of_commit(repository, _release(draft), sha)
    if not is_draft:
        return found
    _refuse_other_tag(repository, release.tag, sha)
    lost: ServiceUnavailableError | None = None
    try:
        with translated(thing):
            draft.update_release(draft.name or "", draft.body or "", draft=False, prerelease=draft.prerelease)
    except ServiceUnavailableError as error:
        lost = error  # perhaps only the answer was
    after = read(thing, lambda: repository.get_release(release.id))
    if after.draft and lost:
        raise lost
    if after.draft:
        raise PreconditionError(
            f"GitHub accepted the publication of {release.tag}, and it is a draft all the same: {after.html_url}; publish it "
            "there, or start again."
        )
    _ensure_tagged(repository, release.tag, sha)
    return _release(after)


def generate_notes(repository: Repository, tag: str, sha: str, previous: str | None = None) -> str:
    """Return the notes that GitHub generates for the work since the previous version. GitHub stores nothing."""

    def look() -> str:
        given = {"previous_tag_name": previous} if previous else {}
        return repository.generate_release_notes(tag, target_commitish=sha, **given).body

    return read(f"notes from {previous or 'the beginning'} to {sha} in {name_of(repository)}", look)


def _of_commit(repository: Repository, found: Release, sha: str) -> Release:
    target = found.target if found.draft else find_commit(repository, found.tag)
    if target != sha:
        kind = "draft" if found.draft else "release"
        raise PreconditionError(
            f"{name_of(repository)} has a {kind} {found.tag} on {target}, not on commit {sha}: {found.url}; delete it, or "
            "release another version."
        )
    return found


def _refuse_other_tag(repository: Repository, tag: str, sha: str) -> None:
    """Refuse a tag that points to another commit: GitHub would release that commit, whatever the call says."""
    there = find_commit(repository, tag)
    if there not in (None, sha):
        raise PreconditionError(
            f"Tag {tag} of {name_of(repository)} is on commit {there}, not on {sha}; release another version."
        )


def _ensure_tagged(repository: Repository, tag: str, sha: str) -> None:
    """Raise DriftError if what was published stands for another commit, by a tag that was made at the same time."""
    there = find_commit(repository, tag)
    if there not in (None, sha):
        raise DriftError(
            f"{tag} of {name_of(repository)} is published, but its tag is on commit {there}, not on {sha}: somebody made it at the "
            "same time; mark the release as one not to be used, then release another version."
        )


def _release(release: GitRelease) -> Release:
    return Release(
        release.id,
        release.tag_name,
        release.name or "",
        release.body or "",
        release.draft,
        release.target_commitish,
        release.html_url,
        release.published_at,
    )
