"""The part of Sentry's issue search that watches releases."""

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.external_services.sentry.state import Issue, Project, Seen, SentryError

Test = Callable[[Project, Issue, list[Seen]], bool]  # the events are those of the asked environments
_TERM = re.compile(r"(!?)([A-Za-z_.]+):(.*)", re.DOTALL)
_AGO = re.compile(r"([+-])(\d+)([mhdw])")
_PERIOD = re.compile(r"(\d+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse(query: str, now: float) -> Test:
    """Return what a query asks of an issue. Raises: SentryError."""
    try:
        # a list in brackets is one word, as is what stands in quotes
        words = shlex.split(re.sub(r",\s+", ",", query))
    except ValueError as error:
        raise SentryError(400, f"Error parsing search query: {error}") from error
    tests = [_term(word, now) for word in words]
    return lambda project, issue, seen: all(test(project, issue, seen) for test in tests)


def period(text: str) -> float:
    """Return the seconds of a period such as 24h. Raises: SentryError."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise SentryError(400, f"Invalid statsPeriod: {text!r}")
    return float(found[1]) * _SECONDS[found[2]]


def moment(text: str) -> float:
    """Return an ISO 8601 time as seconds. Raises: SentryError."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise SentryError(400, f"{text!r} is not a valid ISO8601 date query") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _term(word: str, now: float) -> Test:
    found = _TERM.fullmatch(word)
    if found is None:
        return lambda project, issue, seen: word.lower() in f"{issue.title} {issue.culprit}".lower()
    negated, key, value = found[1] == "!", found[2], found[3]
    test = _keyed(key, value, now)
    return lambda project, issue, seen: test(project, issue, seen) is not negated


def _keyed(key: str, value: str, now: float) -> Test:
    if not value:
        raise SentryError(400, f"Empty string after '{key}:'")
    wanted = value[1:-1].split(",") if value.startswith("[") and value.endswith("]") else [value]
    if key == "is":
        if value not in ("unresolved", "resolved", "ignored", "archived"):
            raise SentryError(
                400, f"Invalid value for \"is\" search, valid values are ['resolved', 'unresolved'], not {value}"
            )
        return lambda project, issue, seen: issue.status == value
    if key == "release":
        return lambda project, issue, seen: bool({each.release for each in issue.seen} & set(_named(project, wanted)))
    if key in ("firstRelease", "first_release"):
        return lambda project, issue, seen: issue.first_release in _named(project, wanted)
    if key == "environment":
        return lambda project, issue, seen: bool({each.environment for each in issue.seen} & set(wanted))
    if key == "level":
        return lambda project, issue, seen: issue.level in wanted
    if key in ("firstSeen", "age", "lastSeen"):
        limit, later = _bound(value, now)
        ends = min if key != "lastSeen" else max
        return lambda project, issue, seen: (
            bool(seen) and (ends(each.last if key == "lastSeen" else each.first for each in seen) >= limit) is later
        )
    raise SentryError(400, f"Invalid search key: {key!r} is not a tag of these issues.")


def _named(project: Project, versions: list[str]) -> list[str]:
    newest = max(project.releases.values(), key=lambda each: each.created, default=None)
    return [newest.version if version == "latest" and newest else version for version in versions]


def _bound(value: str, now: float) -> tuple[float, bool]:
    """Return a moment, and whether what is later is meant: -24h is younger than that, >2026-01-01 is later."""
    if found := _AGO.fullmatch(value):
        return now - float(found[2]) * _SECONDS[found[3]], found[1] == "-"
    sign = next((each for each in (">=", "<=", ">", "<") if value.startswith(each)), "")
    if not sign:
        raise SentryError(400, f"{value!r} is not a valid date query")
    return moment(value.removeprefix(sign)), sign.startswith(">")
