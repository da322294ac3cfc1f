"""The problems that Terraform prints: as diagnostics of its machine-readable lines, or as text for people, such as that of `init`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from include.terraform.events import Diagnostic, Event, PlainText
from include.text import one_line

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
BORDER = re.compile(r"^[╷│╵]\s?")
HEAD = re.compile(r"^(Error|Warning): (.*)")
PLACE = re.compile(r"^\s+with (\S.*?),$")
CRASH = re.compile(r"^(panic: |fatal error: |SIG[A-Z]+: |!+ TERRAFORM CRASH !+|!+ OPENTOFU CRASH !+)")


@dataclass(frozen=True)
class Problem:
    """An error. `text` is all that was said of it, on one line; it may hold a secret."""

    summary: str = field(repr=False)
    address: str
    text: str = field(repr=False)
    detail: str = field(repr=False, default="")  # with its lines


def problems(events: Iterable[Event]) -> tuple[Problem, ...]:
    """Return the errors among events, in their order; those in plain text come after the diagnostics."""
    found, plain = [], []
    for event in events:
        if isinstance(event, Diagnostic) and event.severity == "error":
            text = one_line(f"{event.summary} {event.detail}")
            found.append(Problem(event.summary, event.address, text, event.detail))
        elif isinstance(event, PlainText):
            plain.append(event.text)
    return (*found, *problems_in_text("\n".join(plain)))


def problems_in_text(text: str) -> tuple[Problem, ...]:
    """Return the errors of a text for people. An "Error:" inside of an error's detail makes one more, which does no harm."""
    lines = [BORDER.sub("", COLOUR.sub("", line)).rstrip() for line in text.splitlines()]
    return tuple(_problems(lines))


def _problems(lines: list[str]) -> Iterator[Problem]:
    heads = [number for number, line in enumerate(lines) if HEAD.match(line)]
    for number, end in pairwise([*heads, len(lines)]):
        matched = HEAD.match(lines[number])
        if matched is None or matched[1] == "Warning":
            continue
        body = lines[number + 1 : end]
        address = next((place[1] for line in body if (place := PLACE.match(line))), "")
        # a long summary goes on in the next line; an empty line ends it
        summary = one_line(" ".join([matched[2], *_until_empty(body)]))
        detail = "\n".join(body)
        yield Problem(summary, one_line(address), one_line(f"{matched[2]} {detail}"), detail)
    for line in lines:
        if crash := CRASH.match(line):
            yield Problem(crash[1], "", line, "")


def _until_empty(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip():
            return
        yield line
