"""Commands that people give in comments on a pull request: how they are read, and what each changes on record."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from include.review_apps.cleanup.decide import end_of, is_asked_for
from include.review_apps.cleanup.model import Note, OpenPull, Settings
from include.review_apps.command_names import COMMANDS

FORM = re.compile(rf"/({'|'.join(COMMANDS)})(?:[ \t]+(.*?))?[ \t]*")
TIME = re.compile(r"([1-9][0-9]{0,2})([dh])")
UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1)}
USUAL = timedelta(days=7)  # of an extension that names no time


@dataclass(frozen=True)
class Command:
    """A command. `wrong` says what is wrong with its words, if anything is."""

    name: str
    time: timedelta = USUAL
    wrong: str = ""


def read_command(body: str) -> Command | None:
    """Return the command that a comment is: its first line, or None. A command of another robot is none."""
    match = FORM.fullmatch(body.strip().split("\n", 1)[0].rstrip())
    if match is None:
        return None
    name, words = match[1], match[2] or ""
    if name != "extend":
        return Command(name, wrong=f"/{name} takes no words after it") if words else Command(name)
    time = TIME.fullmatch(words)
    if words and time is None:
        return Command(name, wrong="/extend takes a time such as 7d or 12h")
    return Command(name, int(time[1]) * UNITS[time[2]]) if time else Command(name)


def refuse(command: Command, pull: OpenPull | None, settings: Settings, longest: timedelta) -> str:
    """Return why a command is not carried out, or "". `pull` is None for a pull request that is not open."""
    if command.wrong:
        return command.wrong
    if command.name in ("status", "teardown"):
        return ""
    if pull is None:
        return "the pull request is not open"
    if not is_asked_for(pull, settings):
        return f"the pull request has no label {settings.label}"
    if command.name == "extend" and command.time > longest:
        return f"an app is extended by {_long(longest)} at the most"
    return ""


def apply(note: Note, command: Command, at: datetime, sha: str, settings: Settings, longest: timedelta) -> Note:
    """Return what is on record after a command that was given at that moment. A second time it changes nothing more."""
    used = replace(note, active=max(note.active or at, at), sha=sha or note.sha)
    if command.name == "extend":
        until = min(at + settings.lives + command.time, at + settings.lives + longest)
        return replace(used, until=max(note.until or until, until))
    if command.name == "sleep":
        return replace(used, sent=used.active)
    if command.name == "wake":
        return replace(used, sent=None)
    if command.name in ("deploy", "reset-db"):
        return replace(used, sent=None, down=None)
    if command.name == "teardown":
        return replace(note, down=at, sha=sha or note.sha)
    return note


def answer(command: Command, by: str, note: Note, pull: OpenPull | None, settings: Settings) -> str:
    """Return the lines that answer a command that was carried out."""
    said = {
        "deploy": "the newest commit is being deployed",
        "reset-db": "its database is being made anew, and the newest commit deployed",
        "sleep": "it is being sent to sleep; a push or `/wake` wakes it",
        "wake": "it is being woken",
        "teardown": "it is being torn down; a push or `/deploy` brings it back",
        "extend": f"it stays until {_end(note, pull, settings)}",
        "status": _status(note, pull, settings),
    }[command.name]
    return f"`/{command.name}` by @{by}: {said}."


def refusal(command: Command, by: str, why: str) -> str:
    """Return the lines that answer a command that was not carried out."""
    return f"`/{command.name}` by @{by} was not carried out: {why}."


def _status(note: Note, pull: OpenPull | None, settings: Settings) -> str:
    if pull is None:
        return "the pull request is not open, so it has no app or loses it"
    if not is_asked_for(pull, settings):
        return f"the pull request has no label {settings.label}, so it has no app or loses it"
    if note.down is not None:
        return f"it was torn down on {_moment(note.down)}; a push or `/deploy` brings it back"
    sleeps = f"it sleeps since {_moment(note.asleep)}; " if note.asleep else ""
    return f"{sleeps}it stays until {_end(note, pull, settings)}"


def _end(note: Note, pull: OpenPull | None, settings: Settings) -> str:
    if pull and settings.keep & pull.labels:
        return f"the label {next(iter(settings.keep & pull.labels))} is removed"
    if note.active is None:
        return "its time is over, which begins with its first clean-up"
    return f"{_moment(end_of(note.active, note, settings))}, or longer if somebody uses it"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _long(time: timedelta) -> str:
    return f"{time.days} days" if time.days > 1 else f"{time.total_seconds() / 3600:.0f} hours"
