"""What of a planned change is shown to people: values by an allow-list, of everything else only the attribute's name.

Terraform's own marks hide less than people think. In provider 5.100 the container definitions of a task, the variables of a
Lambda function, user data and the value of a plain SSM parameter are in clear. So a value is shown only if its attribute is on the
list, and never if Terraform marks it or anything in it as sensitive.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from include.terraform.shown_attributes import IN_EVERY_TYPE, IN_JSON, IN_TYPE
from include.text import canonical_json, one_line

KNOWN_LATER = "(known after apply)"
TAGS, ALL_TAGS = "tags", "tags_all"
LONGEST = 200  # characters of a value

Hidden = Literal["", "sensitive", "unlisted"]


@dataclass(frozen=True)
class Attribute:
    """An attribute that a change sets, with its values only if they may be shown."""

    path: str  # such as "ingress[0].from_port"
    before: str | None  # None: not set, or hidden
    after: str | None
    hidden: Hidden = ""  # why no value is here
    later: bool = False  # the value after is known after the apply only
    replaces: bool = False  # the provider cannot change it in place


@dataclass(frozen=True)
class _Side:
    """A value with what Terraform marks in it."""

    value: Any
    sensitive: Any = False
    unknown: Any = False

    def under(self, step: str | int) -> "_Side":
        return _Side(_at(self.value, step), _mark(self.sensitive, step), _mark(self.unknown, step))

    @property
    def is_set(self) -> bool:
        return _any(self.unknown) or self.value not in (None, "", [], {})

    @property
    def key(self) -> str:
        return canonical_json([self.value, self.sensitive, self.unknown])


def shown(kind: str, change: Mapping[str, Any]) -> tuple[Attribute, ...]:
    """Return the attributes that a change of a resource of this type sets, in the order of their names.

    `change` is the value of that name in the plan's JSON. Of a creation or a destruction: every attribute that has a value.
    """
    patterns = IN_TYPE.get(kind, frozenset()) | (IN_EVERY_TYPE if kind.startswith("aws_") else frozenset())
    walk = _Walk(patterns, IN_JSON.get(kind, frozenset()), [tuple(path) for path in change.get("replace_paths") or ()])
    before = _Side(change.get("before"), change.get("before_sensitive", False))
    after = _Side(change.get("after"), change.get("after_sensitive", False), change.get("after_unknown", False))
    found = walk.differences((), before, after)
    return tuple(each for each in found if each.path != ALL_TAGS or not _is_told_by_tags(change))


def _is_told_by_tags(change: Mapping[str, Any]) -> bool:
    """Tell whether all tags, those of the provider included, differ by no more than the resource's own tags do."""
    before, after, unknown = change.get("before"), change.get("after"), change.get("after_unknown")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return True  # of something that is made or goes
    if isinstance(unknown, dict) and unknown.get(ALL_TAGS):
        return bool(unknown.get(TAGS))
    return _different(before.get(ALL_TAGS), after.get(ALL_TAGS)) <= _different(before.get(TAGS), after.get(TAGS))


def _different(before: Any, after: Any) -> set[str]:
    """Return the names of the tags that differ."""
    one, other = before or {}, after or {}
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


def named(kind: str, path: Sequence[str | int]) -> str:
    """Return an attribute's path as text, as far as it is made of names: the keys of an unlisted map could be anything."""
    patterns = IN_TYPE.get(kind, frozenset()) | IN_EVERY_TYPE
    steps = tuple(path)
    for length in range(1, len(steps) + 1):
        if not _leads_on(patterns, _pattern(steps[:length])):
            return _text(steps[:length])
    return _text(steps)


@dataclass(frozen=True)
class _Walk:
    patterns: frozenset[str]
    in_json: frozenset[str]
    replacing: Sequence[tuple[str | int, ...]]

    def differences(self, path: tuple[str | int, ...], before: _Side, after: _Side) -> Iterator[Attribute]:
        pattern = _pattern(path)
        if pattern in self.in_json:
            before, after = _decoded(before), _decoded(after)
        if before.key == after.key or not (before.is_set or after.is_set):
            return
        if canonical_json(before.value) == canonical_json(after.value) and not _any(after.unknown):
            return  # only the marks differ
        marked = before.sensitive is True or after.sensitive is True
        whole = marked or not self._leads_on(pattern)
        if whole and (_any(before.sensitive) or _any(after.sensitive)):
            yield self._attribute(path, before, after, "sensitive")
        elif pattern in self.patterns:
            yield self._attribute(path, before, after, "")
        elif self._leads_on(pattern) and (pairs := _pairs(before, after)) is not None:
            for step, one, other in pairs:
                yield from self.differences((*path, step), one, other)
        else:
            yield self._attribute(path, before, after, "unlisted")

    def _leads_on(self, pattern: str) -> bool:
        return _leads_on(self.patterns, pattern)

    def _attribute(self, path: tuple[str | int, ...], before: _Side, after: _Side, hidden: Hidden) -> Attribute:
        later = _any(after.unknown)
        replaces = any(each[: len(path)] == path or path[: len(each)] == each for each in self.replacing)
        if hidden:
            return Attribute(_text(path), None, None, hidden, later, replaces)
        shown_after = KNOWN_LATER if later else _shown(after.value)
        return Attribute(_text(path), _shown(before.value), shown_after, "", later, replaces)


def _leads_on(patterns: frozenset[str], pattern: str) -> bool:
    """Tell whether anything below this place is on the list. The root of a resource is "" and always is."""
    return not pattern or any(each.startswith((f"{pattern}.", f"{pattern}[]")) for each in patterns)


def _pairs(before: _Side, after: _Side) -> list[tuple[str | int, _Side, _Side]] | None:
    """Return what belongs together in two objects or two lists, or None if they are something else."""
    values = [each.value for each in (before, after) if each.value is not None]
    if values and all(isinstance(each, dict) for each in values):
        names = sorted({name for each in values for name in each} | {*_names(before.unknown), *_names(after.unknown)})
        return [(name, before.under(name), after.under(name)) for name in names]
    if values and all(isinstance(each, list) for each in values):
        return list(_elements(before, after))
    return None


def _elements(before: _Side, after: _Side) -> Iterator[tuple[str | int, _Side, _Side]]:
    """Yield the elements of two lists that have no equal in the other: one that was put in front does not change all others."""
    old = [before.under(number) for number in range(_length(before))]
    new = [after.under(number) for number in range(_length(after))]
    same = Counter(each.key for each in old) & Counter(each.key for each in new)
    rest_old, rest_new = list(_without(old, same)), list(_without(new, same))
    for number in range(max(len(rest_old), len(rest_new))):
        place, one = rest_old[number] if number < len(rest_old) else (-1, _Side(None))
        new_place, other = rest_new[number] if number < len(rest_new) else (place, _Side(None))
        yield new_place, one, other


def _without(sides: list[_Side], same: Counter[str]) -> Iterator[tuple[int, _Side]]:
    left = Counter(same)
    for number, each in enumerate(sides):
        if left[each.key]:
            left[each.key] -= 1
        else:
            yield number, each


def _length(side: _Side) -> int:
    return max(len(each) if isinstance(each, list) else 0 for each in (side.value, side.unknown))


def _decoded(side: _Side) -> _Side:
    """Return the value that a JSON text holds; a text that is none stays as it is, and is then not shown."""
    if isinstance(side.value, str):
        try:
            return _Side(json.loads(side.value), side.sensitive, side.unknown)
        except ValueError:
            return side
    return side


def _at(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _mark(marks: Any, step: str | int) -> Any:
    return True if marks is True else _at(marks, step) or False


def _any(marks: Any) -> bool:
    if isinstance(marks, dict):
        return any(_any(mark) for mark in marks.values())
    if isinstance(marks, list):
        return any(_any(mark) for mark in marks)
    return bool(marks)


def _names(marks: Any) -> tuple[str, ...]:
    return tuple(name for name, each in marks.items() if _any(each)) if isinstance(marks, dict) else ()


def _pattern(path: Sequence[str | int]) -> str:
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _text(path: Sequence[str | int]) -> str:
    return one_line("".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip("."))


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    text = one_line(value) if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
