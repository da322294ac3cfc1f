"""Names of what belongs to review apps, as a template writes them: which number a name has, and which names only look like one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from include.inventory.templates import DIGITS, NUMBER

NEAR = 0.8  # how much of two names is the same if one may be taken for the other


@dataclass(frozen=True)
class Naming:
    """How something of each review app is named, such as `core-{name}` for its cluster. `pattern` is the template's own."""

    text: str
    pattern: str

    @property
    def is_by_app(self) -> bool:
        """Whether each app has its own, rather than a share of one for all."""
        return "{name}" in self.text or "{number}" in self.text

    def number(self, name: str) -> int | None:
        """Return the number of the app that a name belongs to, or None if it is no app's name."""
        match = re.fullmatch(self._expression, name)
        return int(match["number"]) if match else None

    def looks_alike(self, name: str) -> bool:
        """Tell whether a name that is no app's could be taken for one by a person."""
        if self.number(name) is not None or not re.search("[0-9]", name):
            return False
        mine, theirs, stem = self.of("0"), re.sub("[0-9]+", "0", name).lower(), self.of("")
        return bool(stem and theirs.startswith(stem)) or SequenceMatcher(None, mine, theirs).ratio() >= NEAR

    def of(self, number: str) -> str:
        """Return the name for a number."""
        return self.text.replace("{name}", self.pattern.replace(NUMBER, number)).replace("{number}", number)

    @property
    def _expression(self) -> str:
        first, again = f"(?P<number>{DIGITS})", "(?P=number)"
        parts = re.split(r"(\{name\}|\{number\})", self.text)
        found = ""
        for part in parts:
            if part not in ("{name}", "{number}"):
                found += re.escape(part)
                continue
            digits = again if "(?P<number>" in found else first
            stem = re.escape(self.pattern.removesuffix(NUMBER)) if part == "{name}" else ""
            found += stem + digits
        return found


def number_of_image(tag: str, prefix: str) -> int | None:
    """Return the number of the app that an image was made for, or None. Its tag is the prefix, the number, a dash, and more."""
    match = re.fullmatch(f"{re.escape(prefix)}({DIGITS})-.+", tag)
    return int(match[1]) if match else None
