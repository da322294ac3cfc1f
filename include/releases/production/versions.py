"""Versions among a repository's tags: read them, compare them as numbers, and compute or check the next one."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from include.errors import PreconditionError
from include.run.params import shown

OLD = re.compile(r"(v\.?)?([0-9]{1,9}(?:\.[0-9]{1,9}){2,3})")  # real tags include v0.6.14, v0.6.7.1 and v.0.3.25
NEW = re.compile(r"(v?)((?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){2,3})")
PARTS = 4
Bump = Literal["major", "minor", "patch"]
Prefix = Literal["v", ""]
OTHER_PREFIX = {"v": "it has no prefix v", "": "versions here have no prefix"}
# GitHub's words for a comparison of main with a commit: these two say that main contains it
ON_BRANCH = ("identical", "behind")


@dataclass(frozen=True, order=True)
class Version:
    """A version, ordered as numbers. A missing fourth part counts as 0."""

    numbers: tuple[int, int, int, int]
    tag: str = field(compare=False)

    def __str__(self) -> str:
        return self.tag


@dataclass(frozen=True)
class Ignored:
    """A tag that is not a version, and why."""

    tag: str
    why: str


@dataclass(frozen=True)
class Tags:
    """A repository's tags: its versions, lowest first, and the ignored ones."""

    versions: tuple[Version, ...]
    ignored: tuple[Ignored, ...]  # first those that are versions with another prefix

    @property
    def latest(self) -> Version | None:
        return self.versions[-1] if self.versions else None


def read_version(tag: str) -> Version | None:
    """Return the version that an existing tag names, with whatever prefix, or None."""
    match = OLD.fullmatch(tag)
    return Version(_numbers(match[2]), tag) if match else None


def read_tags(tags: Iterable[str], prefix: Prefix = "v") -> Tags:
    """Sort a repository's tags into versions with the inventory's prefix, as numbers, and ignored ones with the reason.

    Numbers with another prefix count something else, such as the days on which data was published.
    """
    versions, others, ignored = [], [], []
    for tag in tags:
        version = read_version(tag)
        if version is None:
            ignored.append(Ignored(tag, _why(tag)))
        elif tag.startswith("v") == (prefix == "v"):
            versions.append(version)
        else:
            others.append(version)
    foreign = [Ignored(str(other), OTHER_PREFIX[prefix]) for other in sorted(others, key=_order, reverse=True)]
    return Tags(tuple(sorted(versions, key=_order)), (*foreign, *ignored))


def previous_version(tags: Tags, before: Version | None = None) -> Version | None:
    """Return the highest version, or the highest below `before`, or None if there is none."""
    lower = [version for version in tags.versions if before is None or version < before]
    return lower[-1] if lower else None


def running_version(
    tags: Tags, before: Version, commits: Mapping[str, str], running: Collection[str]
) -> Version | None:
    """Return the lowest of the versions that run, or None if it is not known which ones do.

    A version that went back is published all the same, so the highest one may not run. `commits` are those of the tags, `running`
    are the commits of the images that run, each whole or cut to its first characters.
    """
    found = [
        max(
            (version for version in tags.versions if version < before and commits[str(version)].startswith(commit)),
            default=None,
        )
        for commit in running
    ]
    known = [each for each in found if each]
    return min(known) if known and len(known) == len(found) else None


def next_version(tags: Tags, bump: Bump = "patch", prefix: Prefix = "v") -> Version:
    """Return the version after the highest one, with three parts. The first version is 0.1.0."""
    if tags.latest is None:
        return _version((0, 1, 0), prefix)
    major, minor, patch, _ = tags.latest.numbers
    following = {"major": (major + 1, 0, 0), "minor": (major, minor + 1, 0), "patch": (major, minor, patch + 1)}
    return _version(following[bump], prefix)


def check_version(wanted: str, tags: Tags, prefix: Prefix = "v") -> Version:
    """Return a requested version. Raises: PreconditionError if it is malformed, exists, or is not higher."""
    example = next_version(tags, prefix=prefix)
    version = ensure_form(wanted, prefix, str(example))
    same = next((each for each in tags.versions if each.numbers == version.numbers), None)
    if same:
        raise PreconditionError(
            f"Version {wanted} exists already, as tag {same}; give a new one such as {example}, nothing was changed."
        )
    if tags.latest and version < tags.latest:
        raise PreconditionError(
            f"Version {wanted} is lower than the last one, {tags.latest}; give a higher one such as {example}, nothing was "
            "changed."
        )
    return version


def ensure_form(wanted: str, prefix: Prefix = "v", example: str = "") -> Version:
    """Return a requested version. Raises: PreconditionError if it is not of the repository's form."""
    match = NEW.fullmatch(wanted)
    if not match or match[1] != prefix:
        raise PreconditionError(
            f"{shown(wanted)} is no version of this repository's form; give one such as {example or f'{prefix}1.2.3'}, nothing was "
            "changed."
        )
    return Version(_numbers(match[2]), wanted)


def choose_version(wanted: str, tags: Tags, bump: Bump = "patch", prefix: Prefix = "v") -> Version:
    """Return the requested version, checked, or the computed one if none was requested. Raises: PreconditionError."""
    foreign = [each.tag for each in tags.ignored if each.why == OTHER_PREFIX[prefix]]
    if not wanted and not tags.versions and foreign:
        raise PreconditionError(
            f"No tag is a version of the form {next_version(tags, bump, prefix)}, but tag {foreign[0]} has another prefix; correct "
            "versions.prefix in the inventory, or give the first version yourself, nothing was changed."
        )
    return check_version(wanted, tags, prefix) if wanted else next_version(tags, bump, prefix)


def ensure_on_branch(commit: str, branch: str, comparison: str) -> None:
    """Refuse a commit that is not on its branch. `comparison` is GitHub's status of branch...commit. Raises: PreconditionError."""
    if comparison not in ON_BRANCH:
        raise PreconditionError(
            f"Commit {commit[:12]} is not on {branch} (compared with it, it is {comparison}); merge it first, or release a "
            "commit that is, nothing was changed."
        )


def _order(version: Version) -> tuple[Version, str]:
    return version, version.tag


def _numbers(text: str) -> tuple[int, int, int, int]:
    parts = [int(each) for each in text.split(".")]
    one, two, three, four = [*parts, *[0] * (PARTS - len(parts))]
    return one, two, three, four


def _version(parts: tuple[int, int, int], prefix: Prefix) -> Version:
    return Version((*parts, 0), prefix + ".".join(map(str, parts)))


def _why(tag: str) -> str:
    if re.fullmatch(r"v?\.?[0-9]+(\.[0-9]+)?", tag):
        return "it has fewer than three numbers"
    if re.fullmatch(r"v?\.?[0-9]+(\.[0-9]+){4,}", tag):
        return "it has more than four numbers"
    if re.match(r"v?\.?[0-9]+\.[0-9]+\.[0-9]+[-+.a-z]", tag):
        return "it is a pre-release or has a suffix"
    return "it is no version"
