"""Checks of a request at Airflow's API, such as one to start a run, before Airflow gets it. A refusal is one sentence.

Airflow 3.3 accepts all of this with status 200, or answers 500. An integer outside 64 bits ends every process that
receives it in a message, and the DAG processor receives it again after each start. PostgreSQL accepts no NUL, no lone
surrogate and no NaN. A run whose logical date is in the future stays running without a task, and occupies one of its runbook's slots.
"""

import json
import math
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter, ValidationError

from include.run.params import SHOWN, shown, storable

LARGEST = 1_048_576  # bytes; the regions of a whole country take a tenth of it
DEEPEST = 20  # levels; a param has at most three, and Airflow's processes fail at some hundreds
SMALLEST_NUMBER, LARGEST_NUMBER = -(2**63), 2**63 - 1
LONGEST = {"dag_run_id": 250, "partition_key": 250, "note": 1000}  # the width of Airflow's columns in characters
FIELDS = (
    "conf",
    "dag_run_id",
    "data_interval_end",
    "data_interval_start",
    "logical_date",
    "note",
    "partition_key",
    "run_after",
)
LOGGED = (
    "conf",
    "dag_run_id",
    "note",
    "params_input",
    "partition_key",
    "run_after",
)  # without anything that Airflow requires
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# the form sends the time of the user's clock
AHEAD = {
    "logical_date": timedelta(minutes=10),
    "run_after": timedelta(days=7),
    "data_interval_start": timedelta(days=7),
    "data_interval_end": timedelta(days=7),
}
BEHIND = {"run_after": timedelta(days=1)}  # it becomes part of the names of releases and backups
DATE: TypeAdapter[datetime] = TypeAdapter(datetime)  # Airflow's own parser of dates

TOO_LARGE = f"The request is too large: at most {LARGEST:,} bytes are taken."
ODD_ADDRESS = "The address holds a character that no database takes."
TOO_DEEP = f"The request is nested too deeply: at most {DEEPEST} levels are taken."


def parse(body: bytes) -> Any:
    """Return the parsed body, with exact numbers. Raises: ValueError if it is no JSON, RecursionError if it is nested too deep."""
    return json.loads(body, parse_int=_whole)


def cannot_be_kept(given: Any) -> str | None:
    """Return the first value in a request that Airflow or its database cannot store, as one sentence, or None."""
    return next(_unkept("", given, 0), None)


def cannot_be_started(given: Mapping[str, Any], now: datetime) -> str | None:
    """Return why a request cannot become a run that starts and ends, as one sentence, or None."""
    if unknown := sorted(set(given) - set(FIELDS)):
        return f"A request to start a run has no {', '.join(map(shown, unknown[:5]))}; it has {', '.join(FIELDS)}."
    for name, longest in LONGEST.items():
        value = given.get(name)
        if value is not None and not isinstance(value, str):
            return f"{name} must be a text, not {shown(value)}."
        if value is not None and len(value) > longest:
            return f"{name} {shown(value)} is too long: at most {longest:,} characters are taken."
    return next(filter(None, (_wrong_date(name, given.get(name), now) for name in AHEAD)), None)


def named(given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a request with an id for its run that says target and time, or nothing if it has an id, or names no target.

    The end tells runs apart that are started in the same second. Airflow's own id says the time alone.
    """
    target = (given.get("conf") or {}).get("target")
    if given.get("dag_run_id") or not isinstance(target, str):
        return {}
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", target)
    return {**given, "dag_run_id": f"{name}_{now:%Y-%m-%dT%H:%M:%SZ}_{secrets.token_hex(2)}"}


def unknown(given: object) -> dict[str, Any]:
    """Return a request that Airflow refuses for an unknown field, in place of a refused one of any call."""
    return {"refused": shown(given)}


def loggable(given: object) -> dict[str, Any]:
    """Return the fields of a refused request for the audit log, with a text in place of what cannot be stored."""
    if not isinstance(given, dict):
        return {}
    kept = {name: _keepable(given[name], 0) for name in LOGGED if given.get(name) is not None}
    return kept | {name: str(kept[name])[:longest] for name, longest in LONGEST.items() if name in kept}


def _keepable(given: Any, depth: int) -> Any:
    if depth > DEEPEST:
        return "..."
    match given:
        case dict():
            return {shown(name) if _fault(name) else name: _keepable(value, depth + 1) for name, value in given.items()}
        case list():
            return [_keepable(value, depth + 1) for value in given]
    return _text(given) if _fault(given) else given


def _unkept(path: str, given: Any, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        yield TOO_DEEP
        return
    if fault := _fault(given):
        yield f"{path or 'The request'} {_text(given)} {fault}."
    match given:
        case dict():
            for name, value in given.items():
                if fault := _fault(name):
                    yield f"The name {shown(name)}{f' in {path}' if path else ''} {fault}."
                yield from _unkept(_inside(path, name), value, depth + 1)
        case list():
            for number, value in enumerate(given):
                yield from _unkept(f"{path}[{number}]", value, depth + 1)


def _inside(path: str, name: str) -> str:
    # people know the params of a runbook, but not the word conf
    return name if path in ("", "conf") else f"{path}.{name}"


def _fault(value: Any) -> str | None:
    match value:
        case str() if not storable(value):
            return "holds a character that no database takes"
        case float() if not math.isfinite(value):
            return "is no number that a database takes"
        case Decimal():
            return "is a whole number of more than 64 bits, which Airflow cannot pass on"
    return None


def _whole(digits: str) -> int | Decimal:
    """Return an integer. It becomes a decimal if it has more than 64 bits, since Python does not parse integers of 5,000 digits."""
    number = Decimal(digits)
    return int(number) if SMALLEST_NUMBER <= number <= LARGEST_NUMBER else number


def _text(value: Any) -> str:
    if not isinstance(value, Decimal):
        return shown(value)
    digits = str(value)
    return digits if len(digits) <= SHOWN else f"{digits[:SHOWN]}... ({len(digits):,} digits)"


def _wrong_date(name: str, value: Any, now: datetime) -> str | None:
    if value is None:
        return None
    try:
        date = DATE.validate_python(value)
    except ValidationError:
        return f"{name} {shown(value)} is no time such as {now:%Y-%m-%dT%H:%M:%SZ}."
    if date.tzinfo is None:
        if name != "run_after":
            return f"{name} {shown(value)} has no time zone; write it such as {now:%Y-%m-%dT%H:%M:%SZ}."
        date = date.replace(tzinfo=UTC)
    ahead, earliest = AHEAD[name], now - BEHIND[name] if name in BEHIND else EARLIEST
    if date - now > ahead:
        return f"{name} {shown(value)} is to come: at most {_long(ahead)} from now are taken; leave it out, and the run starts now."
    if date < earliest:
        return f"{name} {shown(value)} is too long ago: {earliest:%Y-%m-%dT%H:%MZ} is the earliest that is taken."
    return None


def _long(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span.seconds // 60} minutes"
