"""The part of Jira's query language that release tooling speaks."""

import re
from collections.abc import Callable

from sandbox.external_services.jira.state import CATEGORIES, STATUSES, JiraError, Ticket

Test = Callable[[Ticket], bool]
_TOKEN = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|(!=|=|\(|\)|,)|([^\s\"'=!(),]+))")
_FIELDS: dict[str, Callable[[Ticket], list[str]]] = {
    "key": lambda ticket: [ticket.key],
    "project": lambda ticket: [ticket.project],
    "status": lambda ticket: [ticket.status],
    "statuscategory": lambda ticket: [CATEGORIES[STATUSES[ticket.status][1]][1]],
    "labels": lambda ticket: ticket.labels,
}
_NAMES = {"issuekey": "key", "issue": "key", "id": "key", "label": "labels"}
_SORTED: dict[str, Callable[[Ticket], object]] = {
    "key": lambda ticket: (ticket.project, ticket.number),
    "created": lambda ticket: ticket.at,
    "updated": lambda ticket: ticket.updated,
}


class Query:
    """A query, read. `known` names the tickets and projects there are; what it does not know is in `unknown`."""

    def __init__(self, text: str, known: dict[str, list[str]]):
        self.unknown: list[str] = []
        self._known = known
        self._tokens = _split(text)
        self.matches: Test = self._any_of() if self._tokens and not self._at("order") else (lambda ticket: True)
        self.order = self._order()
        if self._tokens:
            raise _wrong(f"Expecting either 'OR' or 'AND' but got '{self._tokens[0][0]}'.")

    def _at(self, word: str) -> bool:
        return bool(self._tokens) and not self._tokens[0][1] and self._tokens[0][0].lower() == word

    def _take(self, *words: str) -> bool:
        """Go past these words if they come next."""
        found = [text.lower() for text, quoted in self._tokens[: len(words)] if not quoted]
        if found != list(words):
            return False
        del self._tokens[: len(words)]
        return True

    def _next(self, wanted: str) -> str:
        if not self._tokens:
            raise _wrong(f"Expecting {wanted} before the end of the query.")
        return self._tokens.pop(0)[0]

    def _any_of(self) -> Test:
        tests = [self._all_of()]
        while self._take("or"):
            tests.append(self._all_of())
        return lambda ticket: any(test(ticket) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._clause()]
        while self._take("and"):
            tests.append(self._clause())
        return lambda ticket: all(test(ticket) for test in tests)

    def _clause(self) -> Test:
        if self._take("not"):
            inner = self._clause()
            return lambda ticket: not inner(ticket)
        if self._take("("):
            inner = self._any_of()
            if not self._take(")"):
                raise _wrong("Expecting ')' before the end of the query.")
            return inner
        given = self._next("a field name")
        field = _NAMES.get(given.lower(), given.lower())
        if field not in _FIELDS:
            raise JiraError(400, f"Field '{given}' does not exist or you do not have permission to view it.")
        if self._take("is", "not", "empty"):
            return lambda ticket: bool(_FIELDS[field](ticket))
        if self._take("is", "empty"):
            return lambda ticket: not _FIELDS[field](ticket)
        return self._comparison(field, given)

    def _comparison(self, field: str, given: str) -> Test:
        negated = self._take("!=") or self._take("not", "in")
        listed = self._take("in") or (negated and self._at("("))
        if not negated and not listed and not self._take("="):
            got = self._tokens[0][0] if self._tokens else "the end of the query"
            raise _wrong(f"Expecting operator but got '{got}'. The valid operators are '=', '!=', 'in' and 'not in'.")
        values = self._list() if listed else [self._next("a value")]
        for value in values:
            if field in self._known and value.upper() not in self._known[field]:
                self.unknown.append(_no_such(field, given, value))
        wanted = {value.lower() for value in values}
        return lambda ticket: (not wanted & {each.lower() for each in _FIELDS[field](ticket)}) is negated

    def _list(self) -> list[str]:
        if not self._take("("):
            raise _wrong("Expecting '(' after 'in'.")
        values = [self._next("a value")]
        while self._take(","):
            values.append(self._next("a value"))
        if not self._take(")"):
            raise _wrong("Expecting ',' or ')' in a list.")
        return values

    def _order(self) -> list[tuple[Callable[[Ticket], object], bool]]:
        if not self._take("order", "by"):
            return [(_SORTED["created"], True)]
        order = []
        while True:
            name = self._next("a field name")
            field = _NAMES.get(name.lower(), name.lower())
            if field not in _SORTED:
                raise JiraError(400, f"Not able to sort using field '{name}'.")
            falling = self._take("desc")
            if not falling:
                self._take("asc")
            order.append((_SORTED[field], falling))
            if not self._take(","):
                return order

    def sort(self, tickets: list[Ticket]) -> list[Ticket]:
        """Return tickets in the query's order."""
        for by, falling in reversed(self.order):
            tickets = sorted(tickets, key=by, reverse=falling)  # type: ignore[arg-type]
        return tickets


def _split(text: str) -> list[tuple[str, bool]]:
    """Return the words of a query, each with whether it was quoted."""
    tokens, place = [], 0
    text = text.strip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _wrong(f"The character '{text[place]}' is a reserved character.")
        double, single, sign, word = found.groups()
        quoted = double if double is not None else single
        tokens.append((quoted, True) if quoted is not None else (sign or word, False))
        place = found.end()
    return tokens


def _wrong(text: str) -> JiraError:
    return JiraError(400, f"Error in the JQL Query: {text}")


def _no_such(field: str, given: str, value: str) -> str:
    if field == "key":
        return f"An issue with key '{value}' does not exist for field '{given}'."
    return f"The value '{value}' does not exist for the field '{given}'."
