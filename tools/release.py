"""Check that everything for a release is ready, then tag it: `make release`."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from include.runbooks import pages
from tools import architecture

ROOT = Path(__file__).resolve().parents[1]
ENTRY = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
DATED = re.compile(r"(?P<version>\d+\.\d+\.\d+) - (?P<day>.+)")
MADE = re.compile(r"(?:`|\$ )make ([a-z][a-z-]*)")  # the code, not the verb
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
NAMED_IN_README = ("demo", "help", "test")  # what a newcomer needs first


@dataclass(frozen=True)
class Candidate:
    """The release candidate in the working tree."""

    version: str  # from pyproject.toml
    changelog: str
    readme: str
    makefile: str
    uncommitted: tuple[str, ...]
    tags: frozenset[str]
    stale: tuple[str, ...]  # generated files that are out of date
    today: date


@dataclass(frozen=True)
class Entry:
    """One version's section of the changelog."""

    title: str
    body: str


def entries(changelog: str) -> list[Entry]:
    """Return the changelog's sections, the newest first, without an empty `Unreleased`."""
    parts = ENTRY.split(changelog)[1:]
    found = [Entry(title.strip(), body.strip()) for title, body in zip(parts[::2], parts[1::2], strict=True)]
    return [entry for entry in found if entry != Entry("Unreleased", "")]


def problems(candidate: Candidate) -> list[str]:
    """Return the problems that block the candidate's release, one sentence each."""
    found = []
    if candidate.uncommitted:
        found.append(f"Not committed: {', '.join(candidate.uncommitted)}; commit or remove it first.")
    if f"v{candidate.version}" in candidate.tags:
        found.append(
            f"The tag v{candidate.version} exists already; raise the version in pyproject.toml and in CHANGELOG.md."
        )
    found += _changelog_problems(candidate)
    found += [f"{name} is out of date; run make docs and commit it." for name in candidate.stale]
    return found + _readme_problems(candidate)


def _changelog_problems(candidate: Candidate) -> list[str]:
    written = entries(candidate.changelog)
    if not written:
        return [f"CHANGELOG.md has no entry; describe {candidate.version} under '## {candidate.version} - <date>'."]
    newest = written[0]
    dated = DATED.fullmatch(newest.title)
    if not dated:
        return [
            f"The newest entry of CHANGELOG.md is '{newest.title}' but pyproject.toml says {candidate.version}; "
            f"name it '{candidate.version} - {candidate.today}'."
        ]
    found = []
    if dated["version"] != candidate.version:
        found.append(
            f"The newest entry of CHANGELOG.md is {dated['version']} but pyproject.toml says {candidate.version}; "
            "make them the same."
        )
    if dated["day"] != candidate.today.isoformat():
        found.append(
            f"CHANGELOG.md dates {dated['version']} '{dated['day']}' but today is {candidate.today}; correct it."
        )
    if not newest.body:
        found.append(f"The entry {dated['version']} of CHANGELOG.md is empty; say what an operator can see of it.")
    return found


def _readme_problems(candidate: Candidate) -> list[str]:
    named, targets = set(MADE.findall(candidate.readme)), set(TARGET.findall(candidate.makefile))
    missing = [f"README.md does not name make {name}; it must." for name in NAMED_IN_README if name not in named]
    return missing + [
        f"README.md names make {name}, which the Makefile does not have; correct it."
        for name in sorted(named - targets)
    ]


def _git(root: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603, S607 - fixed words
    return done.stdout.splitlines()


def candidate_in(root: Path, stale: tuple[str, ...], today: date) -> Candidate:
    """Read the candidate from a working tree."""
    return Candidate(
        version=tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
        changelog=(root / "CHANGELOG.md").read_text(encoding="utf-8"),
        readme=(root / "README.md").read_text(encoding="utf-8"),
        makefile=(root / "Makefile").read_text(encoding="utf-8"),
        uncommitted=tuple(line[3:] for line in _git(root, "status", "--porcelain")),
        tags=frozenset(_git(root, "tag", "--list")),
        stale=stale,
        today=today,
    )


def stale_files() -> tuple[str, ...]:
    """Return the generated files that are out of date."""
    generated = {pages.DOCUMENT: pages.document(), architecture.PICTURE: architecture.picture()}
    return tuple(
        str(file.relative_to(ROOT))
        for file, content in generated.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != content
    )


def main() -> int:
    """Check the working tree, then tag it, unless `DRY` is 1."""
    candidate = candidate_in(ROOT, stale_files(), datetime.now(UTC).date())
    found = problems(candidate)
    if not found and subprocess.run(["make", "--no-print-directory", "check"], cwd=ROOT, check=False).returncode:  # noqa: S607 - the make that runs this
        found = ["make check failed; see above."]
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        return 1
    tag = f"v{candidate.version}"
    if os.environ.get("DRY") == "1":
        print(f"{tag} can be released. Nothing was tagged, as DRY=1 asked.")
        return 0
    notes = f"{tag}\n\n{entries(candidate.changelog)[0].body}\n"
    _git(ROOT, "tag", "--annotate", "--cleanup=verbatim", "--message", notes, tag)
    print(f"Tagged {tag}. Publish it with: git push origin {tag}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
