"""Tickets and notes of a release: ticket keys found in commit subjects, and notes cut to the length that fits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from include.releases.production.reverts import Work, is_same_work, read_work
from include.text import one_line

if TYPE_CHECKING:
    from include.github import Commit

Outcome = Literal["keys", "partly", "reverted", "withdrawn", "unchanged"]
OUTCOMES: tuple[Outcome, ...] = ("keys", "partly", "reverted", "withdrawn")
LONGEST_BODY = 125_000  # the longest body of a release on GitHub, in characters
LONGEST_SLACK = 2_900  # the longest message in characters; Slack shows up to 3,000 whole
LONGEST_TOLD = 600  # characters of each line that must be shown
LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)")
BOLD = re.compile(r"\*\*(.+?)\*\*")
HEADING = re.compile(r"#{1,6}\s+(.*)")
BULLET = re.compile(r"(\s*)[*-]\s+(.*)")


@dataclass(frozen=True)
class Tickets:
    """The tickets of a release, in the order of their first commits, and remarks on how they were found."""

    keys: tuple[str, ...]  # released
    reverted: tuple[str, ...] = ()  # named only by commits that the same release reverts
    partly: tuple[str, ...] = ()  # some of their work is in the release, and some is reverted
    withdrawn: tuple[str, ...] = ()  # shipped by an earlier release, and not in this one any more
    without: tuple[str, ...] = ()  # subjects without a ticket
    remarks: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """Sentences on the tickets that are named and not released."""
        kinds = (
            ("Reverted, so not released", self.reverted),
            ("Released in part, the rest reverted, so left to their teams", self.partly),
            ("Withdrawn, though an earlier release had them", self.withdrawn),
        )
        return tuple(f"{what}: {', '.join(keys)}" for what, keys in kinds if keys)


def find_tickets(commits: Sequence[Commit], project: str, lacking: Sequence[Commit] = ()) -> Tickets:
    """Find the project's tickets in a release's commits, oldest first. `lacking` are the last release's that this one lacks.

    People write `CLDC-12`, `cldc-12`, `[CLDC 12]`, `CLDC_12:`, `CLDC12`, several in one subject, branch names in merges,
    and now and then two letters of the project in the wrong order: all are read, and a guess is remarked on.
    """
    work_of: dict[str, list[Work]] = {}
    for work in read_work(commits, lacking):
        quoted = {key for key, _ in _keys(work.quotes, project)}
        for key, _ in _keys(work.subject, project):
            if key not in quoted:
                work_of.setdefault(key, []).append(work)
    without, remarks, named = [], [], []
    for commit in commits:
        found = list(_keys(commit.subject, project))
        named += [key for key, _ in found]
        if not found:
            without.append(one_line(commit.subject))
        for key, written in found:
            if not written.upper().startswith(project):
                remarks.append(f"{written} in {commit.sha[:7]} is read as {key}")
    kinds = {key: _outcome(work_of[key]) for key in dict.fromkeys([*named, *work_of]) if key in work_of}
    return Tickets(
        **{kind: tuple(key for key, found in kinds.items() if found == kind) for kind in OUTCOMES},
        without=tuple(without),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _outcome(works: Sequence[Work]) -> Outcome:
    """Return what a release means for a ticket. Work that was reverted and done again is not missing."""
    added = [work for work in works if work.after and not work.before]
    lost = [work for work in works if not work.after]
    missing = [
        work
        for work in lost
        if not work.tried
        and not any(each.place > work.lost_at or is_same_work(each.subject, work.subject) for each in added)
    ]
    if added:
        return "partly" if missing else "keys"
    if any(work.before for work in lost):
        return "withdrawn"
    return "reverted" if lost else "unchanged"


def _keys(subject: str, project: str) -> Iterable[tuple[str, str]]:
    words = "|".join([re.escape(project), *sorted(map(re.escape, _swapped(project)))])
    pattern = rf"(?<![A-Za-z0-9])({words})[-_ ]?#?([1-9][0-9]{{0,8}})(?![0-9A-Za-z])"
    seen = set()
    for match in re.finditer(pattern, subject, re.IGNORECASE):
        key = f"{project}-{match[2]}"
        if key not in seen:
            seen.add(key)
            yield key, match[0]


def _swapped(project: str) -> set[str]:
    """Return the project's name with two adjacent letters swapped."""
    swaps = {project[:at] + project[at + 1] + project[at] + project[at + 2 :] for at in range(len(project) - 1)}
    return swaps - {project} if len(project) > 2 else set()  # with two letters, the other order is another word


def compose_notes(generated: str, tickets: Tickets, *, jira_url: str | None = None, longest: int = LONGEST_BODY) -> str:
    """Return a release's notes: GitHub's generated notes, then the tickets, cut at a line if they are too long."""
    lines = generated.rstrip().splitlines()
    tail = []
    if tickets.keys:
        tail += ["", "## Tickets", *[f"* {_ticket(key, jira_url)}" for key in tickets.keys]]
    for sentence in tickets.told:
        tail += ["", sentence]
    return _fit(lines, tail, longest)


def _ticket(key: str, jira_url: str | None) -> str:
    return f"[{key}]({jira_url.rstrip('/')}/browse/{key})" if jira_url else key


def _fit(lines: Sequence[str], tail: Sequence[str], longest: int) -> str:
    """Join lines, and leave out the last ones before the tail if the whole would be too long."""
    whole = "\n".join([*lines, *tail])
    if len(whole) <= longest:
        return whole
    kept: list[str] = []
    room = longest - len("\n".join(tail)) - 40  # space for the sentence on what was left out
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, f"... and {len(lines) - len(kept)} more lines", *tail])[:longest]


def slack_notes(notes: str, url: str, told: Sequence[str] = (), longest: int = LONGEST_SLACK) -> str:
    """Return release notes in Slack's markup, short enough to be shown whole, with a link to the full notes.

    `told` are lines of the notes that are shown even if the others are cut.
    """
    lines = [_slack_line(line) for line in notes.splitlines() if line not in told]
    last = [line for sentence in told for line in ("", _slack_line(sentence)[:LONGEST_TOLD])]
    return _fit(lines, [*last, "", f"<{url}|The release on GitHub>"], longest)


def _slack_line(line: str) -> str:
    links: list[str] = []

    def keep(match: re.Match[str]) -> str:
        links.append(f"<{match[2]}|{_escape(match[1])}>")
        return f"\x00{len(links) - 1}\x00"

    text = _escape(LINK.sub(keep, line.replace("\x00", "")))
    if match := HEADING.fullmatch(text):
        text = f"*{match[1]}*"
    else:
        if match := BULLET.fullmatch(text):
            text = f"{match[1]}• {match[2]}"
        text = BOLD.sub(r"*\1*", text)
    return re.sub(r"\x00([0-9]+)\x00", lambda match: links[int(match[1])], text)


def _escape(text: str) -> str:
    # this also prevents a commit's author from notifying the whole channel: <!channel>
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
