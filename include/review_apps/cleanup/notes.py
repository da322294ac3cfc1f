"""What is on record of each review app: read all at once, changed one by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from include.errors import PreconditionError
from include.retry import CONDITIONAL_WRITE
from include.review_apps.cleanup.model import Note
from include.run import cleanup_documents as documents
from include.run.store import RunStore


def read_notes(store: RunStore, target: str) -> dict[int, Note]:
    """Return what is on record of a template's apps, by their numbers. `target` is `<system>/<template>`."""
    found = store.list(documents.apps_key(target), documents.NOTES)
    return {each["number"]: _read(each) for each in found}


def read_note(store: RunStore, target: str, number: int) -> Note:
    """Return what is on record of one app."""
    found = store.get(*documents.note(target, number))
    return _read(found) if found else Note()


def change_note(store: RunStore, target: str, number: int, change: Callable[[Note], Note]) -> Note:
    """Change what is on record of an app. Others may do so at the same time, so `change` may be called again on what they wrote."""
    place = documents.note(target, number)
    for _ in CONDITIONAL_WRITE.tries():
        found = store.get(*place)
        before, version = (_read(found), int(found["version"])) if found else (Note(), 0)
        after = change(before)
        if found and after == before:
            return after
        if store.swap(*place, _written(after, number, version + 1), version=version + 1, expected=version):
            return after
    raise PreconditionError(f"The record of {target} {number} changed {CONDITIONAL_WRITE.attempts} times; try again.")


def _read(found: dict[str, Any]) -> Note:
    return Note(
        active=_moment(found["active"]),
        sha=found["sha"],
        until=_moment(found["until"]),
        warned={
            int(lead): (datetime.fromisoformat(end), datetime.fromisoformat(at))
            for lead, (end, at) in found["warned"].items()
        },
        asleep=_moment(found["asleep"]),
        sent=_moment(found["sent"]),
        down=_moment(found["down"]),
    )


def _written(note: Note, number: int, version: int) -> documents.NoteDocument:
    return {
        "version": version,
        "number": number,
        "active": _text(note.active),
        "sha": note.sha,
        "until": _text(note.until),
        "warned": {str(lead): [end.isoformat(), at.isoformat()] for lead, (end, at) in note.warned.items()},
        "asleep": _text(note.asleep),
        "sent": _text(note.sent),
        "down": _text(note.down),
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
