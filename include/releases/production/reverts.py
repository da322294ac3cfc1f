"""What commits change against the last release, given that some of them revert others.

A release differs from the last one by the commits that it adds and by those that it lacks, if the last one came from a branch. Work
is a commit that is no revert. It is in effect in a release or not, whatever else the commits say about it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from include.github import Commit

_KEYS = r"(?:[\[(]?[A-Za-z]{2,10}[-_ ]?#?[0-9]+[\])]?[:,]?\s*(?:and\s+)?)*"  # tickets that the revert itself is for
_QUOTED = re.compile(rf'({_KEYS})(revert|reapply|reinstate)s?:?\s+"(.+?)(?:"([^"]*))?$', re.IGNORECASE | re.DOTALL)
_CONVENTIONAL = re.compile(rf"({_KEYS})(revert)(?:\([^)]*\))?!?:\s+(.+)()$", re.IGNORECASE | re.DOTALL)
_MERGE = re.compile(r"Merge (?:pull request #([0-9]+)|branch|remote-tracking branch|tag)\b")
_MERGED_REVERT = re.compile(r"/revert-([0-9]+)-")  # the branch that GitHub makes to revert a pull request
_PULL_REQUEST = re.compile(r"(?:\s*\(#([0-9]+)\))+$")
_REVERTS_COMMIT = re.compile(r"\breverts commit ([0-9a-f]{7,40})\b", re.IGNORECASE)
_REVERTS_PULL_REQUEST = re.compile(r"^Reverts (?:[\w.-]+/[\w.-]+)?#([0-9]+)", re.MULTILINE)
_CUT = ("…", "...")


@dataclass(eq=False)
class Work:
    """A commit that is no revert, or the work of an earlier release that a commit quotes.

    `before` and `after` tell whether it is in effect in the last release and in this one. `quotes` is what a commit with work of its
    own reverts beside that. `tried` is work that is not in effect, because the very branch that brought it took it back.
    """

    subject: str
    place: float  # among the commits of the release; infinite for what is in none of them
    before: bool
    after: bool
    lost_at: float = math.inf  # the place of the commit that took it out
    quotes: str = ""
    tried: bool = False


@dataclass(frozen=True)
class Title:
    """A subject taken apart. `reverts` counts how often it reverts the work: twice, if it reverts a revert."""

    work: str
    reverts: int
    beside: str  # what is written outside the quotation marks

    @property
    def name(self) -> str:
        """The work's title for comparison, without the number of its pull request."""
        return " ".join(_PULL_REQUEST.sub("", self.work).split()).casefold()


def read_title(subject: str) -> Title:
    """Take apart a subject such as `Revert "Revert "Add x" (#12)" (#13)`."""
    work, reverts, beside = subject.strip(), 0, ""
    while match := _QUOTED.match(work) or _CONVENTIONAL.match(_PULL_REQUEST.sub("", work)):
        lead, word, quoted, tail = match.groups()
        beside += f" {lead} {tail or ''}"
        reverts += 1 if word.lower() == "revert" else 2
        work = quoted.strip()
    return Title(work, reverts, beside if reverts else work)


def read_work(added: Sequence[Commit], lacking: Sequence[Commit] = ()) -> list[Work]:
    """Return the work that a release's commits change, oldest first. `lacking` are the last release's that this one does not have."""
    earlier: dict[str, _Earlier] = {}
    now, then = _History(added, earlier, added=True), _History(lacking, earlier, added=False)
    now.replay()
    for shipped in earlier.values():
        shipped.after, shipped.active = shipped.active, shipped.at_fork
    then.replay()
    found = [
        Work(each.subject, each.place, False, each.in_effect, each.lost_place, each.quotes, now.tried(each))
        for each in now.works()
    ]
    there = {read_title(each.subject).name for each in found if each.after}
    found += [
        Work(each.subject, math.inf, True, False, quotes=each.quotes)
        for each in then.works()
        if each.in_effect and read_title(each.subject).name not in there  # picked from the branch, or into it
    ]
    found += [
        Work(each.subject, each.place, each.active, each.after, each.lost_at)
        for each in earlier.values()
        if each.active != each.after
    ]
    return sorted(found, key=lambda work: work.place)


def is_same_work(subject: str, other: str) -> bool:
    """Tell whether two subjects name the same work, whatever the numbers of their pull requests."""
    return read_title(subject).name == read_title(other).name


def subject_of_work(commit: Commit) -> str:
    """Return the part of a subject that names the commit's own work: nothing of what it reverts, or merges into."""
    if _MERGE.match(commit.subject):
        return commit.subject.split(" into ", 1)[0]
    return read_title(commit.subject).beside


@dataclass(eq=False)
class _Earlier:
    """Work of before the two releases parted, known only from its quotation."""

    subject: str
    at_fork: bool
    place: float
    active: bool = field(init=False)  # in the history that is being replayed
    after: bool = field(init=False)
    lost_at: float = math.inf

    def __post_init__(self) -> None:
        self.active = self.after = self.at_fork

    def put(self, active: bool, by: _Node) -> None:
        self.active = active
        if by.added:
            self.lost_at = math.inf if active else by.place


@dataclass(eq=False)
class _Node:
    """A commit of a history. `undoes` is what it takes out, and how often what it names reverts that."""

    commit: Commit
    place: int
    title: Title
    before: int  # a bit for each commit from which this one descends, and its own
    merge: bool
    added: bool  # by this release
    active: bool = True
    lost_at: float = math.inf
    lost_by: _Node | None = None
    undoes: list[tuple[_Node | _Earlier, int]] = field(default_factory=list)
    brought: list[_Node] = field(default_factory=list)  # by a merge

    @property
    def subject(self) -> str:
        return subject_of_work(self.commit)

    @property
    def quotes(self) -> str:
        return self.title.work if self.title.reverts else ""

    @property
    def content(self) -> list[_Node]:
        """The work that a merge brought. It has none of its own."""
        return [each for each in self.brought if not each.merge and not each.title.reverts]

    @property
    def in_effect(self) -> bool:
        return self.active and (not self.brought or any(each.active for each in self.content))

    @property
    def lost_place(self) -> float:
        if self.active and self.content and not self.in_effect:
            return max(each.lost_at for each in self.content)
        return self.lost_at

    def put(self, active: bool, by: _Node) -> None:
        if self.active == active:
            return
        self.active, self.lost_by = active, None if active else by
        self.lost_at = math.inf if active else by.place
        for each in self.brought:
            each.put(active, by)
        self.undo(not active, by)

    def undo(self, active: bool, by: _Node) -> None:
        for target, reverts in self.undoes:
            target.put(active if reverts % 2 == 0 else not active, by)


class _History:
    """The commits of one side, replayed in their order."""

    def __init__(self, commits: Sequence[Commit], earlier: dict[str, _Earlier], *, added: bool):
        self.commits = commits
        self.earlier = earlier
        self.added = added
        self.nodes: dict[str, _Node] = {}

    def replay(self) -> None:
        """Let every commit take effect, each after those from which it descends."""
        places = {commit.sha: place for place, commit in enumerate(self.commits)}
        parents: dict[str, list[str]] = {}
        for place, commit in enumerate(self.commits):
            before = self.commits[max(place - 1, 0)].sha  # taken for the parent of a commit whose parents are not known
            parents[commit.sha] = [
                parent for parent in commit.parents or (before,) if parent in places and parent != commit.sha
            ]
        for sha in _parents_first(parents):
            self._add(self.commits[places[sha]], places[sha], [self.nodes[each] for each in parents[sha]])

    def works(self) -> Iterator[_Node]:
        for node in self.nodes.values():
            if (node.content or not node.brought) and (not node.title.reverts or node.title.beside.strip()):
                yield node

    def tried(self, node: _Node) -> bool:
        """Tell whether a branch brought both this work and what took it back."""
        by = node.lost_by
        return any(
            node in each.brought and by in each.brought for each in self.nodes.values() if each.active and each.brought
        )

    def _add(self, commit: Commit, place: int, parents: Sequence[_Node]) -> None:
        before = 1 << place
        for parent in parents:
            before |= parent.before
        title = read_title(commit.subject)
        merge = len(commit.parents) > 1 or _MERGE.match(commit.subject) is not None
        node = _Node(commit, place, title, before, merge, self.added)
        if len(commit.parents) > 1:
            first = self.nodes.get(commit.parents[0])
            others = before & ~(first.before if first else 0) & ~(1 << place)
            node.brought = [each for each in self.nodes.values() if others >> each.place & 1]
        elif merge:
            node.title = self._title_of_merge(commit)
        self.nodes[commit.sha] = node
        if node.title.reverts or commit.body.lstrip().startswith("This reverts commit"):
            node.undoes = list(self._targets(node))
            node.undo(False, node)

    def _title_of_merge(self, commit: Commit) -> Title:
        """Return what a merge did, where the commits that it brought are not known: GitHub writes the pull request's title below."""
        title = read_title(commit.body.strip().split("\n", 1)[0])
        if title.reverts or not _MERGED_REVERT.search(commit.subject):
            return title if title.reverts else read_title(commit.subject)
        return Title(commit.subject, 1, "")

    def _targets(self, node: _Node) -> Iterable[tuple[_Node | _Earlier, int]]:
        """Return what a commit reverts: commits that it names by sha or number, else the last one of that title, else earlier work."""
        known = [each for each in self.nodes.values() if each is not node and node.before >> each.place & 1]
        text = f"{node.commit.subject}\n{node.commit.body}"
        shas = _REVERTS_COMMIT.findall(text)
        if named := [each for each in known if any(each.commit.sha.startswith(sha.lower()) for sha in shas)]:
            return [(each, 0) for each in named]
        numbers = {*_REVERTS_PULL_REQUEST.findall(node.commit.body), *_MERGED_REVERT.findall(node.commit.subject)}
        if named := [each for each in known if _number(each.commit.subject) in numbers]:
            return [(each, 0) for each in named]
        if not node.title.reverts:
            return []
        same = [each for each in known if _is_named(each.title, node.title)]
        for reverts in (node.title.reverts - 1, 0):
            if found := [each for each in same if each.title.reverts == reverts]:
                chosen = ([each for each in found if each.active] or found)[-1]
                return [(chosen, node.title.reverts - 1 - reverts)]
        shipped = _Earlier(node.title.work, node.title.reverts % 2 == 1, node.place)
        return [(self.earlier.setdefault(node.title.name, shipped), node.title.reverts - 1)]


def _is_named(title: Title, by: Title) -> bool:
    if by.name.endswith(_CUT):  # a long title that GitHub has cut
        return title.name.startswith(by.name.rstrip("….").rstrip())
    return title.name == by.name


def _number(subject: str) -> str:
    """Return the number of the pull request that a commit came with, or "" if it names none."""
    found = _PULL_REQUEST.search(subject) or _MERGE.match(subject)
    return (found[1] or "") if found else ""


def _parents_first(parents: dict[str, list[str]]) -> Iterator[str]:
    """Yield shas in the given order, but each after its parents."""
    done: set[str] = set()
    for sha in parents:
        waiting = [sha]
        while waiting:
            each = waiting[-1]
            missing = [parent for parent in parents[each] if parent not in done]
            if each in done or not missing:
                waiting.pop()
                if each not in done:
                    done.add(each)
                    yield each
            else:
                waiting += missing
