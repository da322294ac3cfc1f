"""Params that a person or a pipeline passes to a runbook: checked against their schemas, and refused in one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import validator_for

SHOWN = 80  # characters of a value that a message repeats
MOST_ERRORS = 100  # that are looked at: a list may have one for each of 100,000 entries
KINDS = {
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "null": "nothing",
    "integer": "a whole number",
}


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field, as a sentence without its full stop. `path` leads to it: its name, then keys and places in it."""

    path: tuple[str | int, ...]
    text: str


FORMATS = {"date": "2026-11-27", "date-time": "2026-11-27T14:30:00Z", "time": "14:30:00"}  # an example of each


@dataclass(frozen=True)
class Declared:
    """A declared param: its JSON schema, its purpose, and its default if it has one."""

    schema: Mapping[str, Any]
    description: str = ""
    has_default: bool = False
    default: Any = None


def complaint(params: Mapping[str, Declared], given: object) -> str | None:
    """Return what is wrong with the given params, as one sentence, or None."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        return f"What is given must be an object of names and values such as {_example(params)}, not {shown(given)}."
    if unknown := sorted(set(given) - set(params)):
        return unknown_names(unknown, params)
    wrong = [error.text for error in field_errors(params, given)]
    return f"{'; '.join(wrong)}." if wrong else None


def field_errors(params: Mapping[str, Declared], given: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with each given param, and which are missing."""
    wrong = [
        FieldError((name,), unknown_names([name], params).rstrip(".")) for name in sorted(set(given) - set(params))
    ]
    missing = [name for name, param in params.items() if name not in given and not param.has_default]
    wrong += [FieldError((name,), _missing(name, params[name])) for name in missing]
    known = ((name, value) for name, value in given.items() if name in params)
    return wrong + [error for name, value in known if (error := _wrong(name, value, params[name]))]


def wrong_values(fields: Mapping[str, Declared], given: object) -> str | None:
    """Return what is wrong with the answer to a question, as one sentence, or None. An answer without values is right."""
    if not fields or not given or not isinstance(given, dict):
        return None
    if unknown := sorted(set(given) - set(fields)):
        return unknown_names(unknown, fields, "question")
    wrong = [f"{name} is missing, and this question needs it" for name in fields if name not in given]
    wrong += [error.text for name, value in given.items() if (error := _wrong(name, value, fields[name]))]
    return f"{'; '.join(wrong)}." if wrong else None


def unknown_names(unknown: list[str], params: Mapping[str, Any], what: str = "runbook") -> str:
    """Return the message that a runbook or question does not take these params, with the ones that it takes."""
    near = get_close_matches(unknown[0], params, n=1)
    meant = f", did you mean {near[0]!r}?" if near and len(unknown) == 1 else ";"
    names = ", ".join(map(shown, unknown[:5])) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
    return f"This {what} knows no {names}{meant} It takes {', '.join(sorted(params))}.".replace("; It", "; it")


def shown(value: object) -> str:
    """Return a value as messages show it: cut, on one line, and in ASCII so that look-alike characters are visible."""
    text = ascii(value) if not repr(value).isascii() else repr(value)
    if len(text) <= SHOWN:
        return text
    size = f"{len(value):,} characters" if isinstance(value, str) else f"{len(text):,} characters as text"
    return f"{text[:SHOWN]}... ({size})"


def storable(text: str) -> bool:
    """Tell whether a database can store a text: it has no NUL and no lone surrogate."""
    return not any(mark == "\x00" or "\ud800" <= mark <= "\udfff" for mark in text)


def _missing(name: str, declared: Declared) -> str:
    offered = next(iter(declared.schema.get("enum") or declared.schema.get("examples") or ()), None)
    told = f", such as {offered}" if offered else f" ({declared.description})" if declared.description else ""
    return f"{name} is missing, and this runbook needs it{told}"


def _wrong(name: str, value: object, declared: Declared) -> FieldError | None:
    if isinstance(value, str) and not storable(value):
        return FieldError((name,), f"{name} {shown(value)} holds a character that no database takes")
    validator = validator_for(declared.schema, default=Draft202012Validator)
    found = validator(declared.schema, format_checker=FormatChecker()).iter_errors(value)
    errors = sorted(islice(found, MOST_ERRORS), key=lambda error: error.validator != "type")
    if not errors:
        return None
    return FieldError((name, *errors[0].absolute_path), _sentence(name, errors[0], declared.description))


def _sentence(param: str, error: ValidationError, description: str) -> str:
    name = param + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    value, limit = error.instance, error.validator_value
    match error.validator:
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            return f"{name} must be {' or '.join(KINDS.get(kind, f'a {kind}') for kind in kinds)}, not {shown(value)}"
        case "enum":
            offered = [str(each) for each in limit if each is not None]
            near = get_close_matches(str(value).strip().lower(), offered, n=1, cutoff=0.8)
            meant = f"did you mean {near[0]}? It is" if near else "it is"
            return f"{name} is {shown(value)}, which is not offered; {meant} one of {', '.join(offered)}"
        case "minLength":
            told = f" ({description})" if description and not error.absolute_path else ""
            length = len(str(value))
            has = f"{length} character{'s' if length != 1 else ''}"
            return f"{name} {shown(value)} is too short: {has}, and {limit} are needed{told}"
        case "maxLength":
            return f"{name} {shown(value)} is too long: at most {limit} characters are taken"
        case "minItems":
            return f"{name} has {len(value)} entries, and at least {limit} is needed"
        case "maxItems":
            return f"{name} has {len(value):,} entries, and at most {limit} are taken"
        case "minimum" | "maximum":
            return f"{name} is {shown(value)}, but its {error.validator} is {limit}"
        case "format" if limit in FORMATS:
            return f"{name} {shown(value)} is no {limit} such as {FORMATS[limit]}"
        case "pattern":
            return f"{name} {shown(value)} does not have its form ({description or limit})"
    return f"{name}: {shown(value)} does not fit {error.validator} {shown(limit)}"


def _example(params: Mapping[str, Declared]) -> str:
    return "{" + ", ".join(f'"{name}": ...' for name in params) + "}"
