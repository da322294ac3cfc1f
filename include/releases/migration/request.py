"""A person's request for a one-off command, as the params of database_migration give it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.errors import PreconditionError

IN_FULL = "in full"  # the choice of a command that is no preset
MOST_WORDS = 200


@dataclass(frozen=True)
class MigrationRequest:
    """A request without its target: a preset of the inventory, or a command in full."""

    preset: str = ""
    command: tuple[str, ...] = ()
    cpu: int | None = None
    memory: int | None = None
    again: bool = False
    snapshot: bool = False


def read_request(params: Mapping[str, Any]) -> MigrationRequest:
    """Return the request of a run. Raises: PreconditionError if its command is not clear."""
    chosen, words = params["command"], tuple(params["words"])
    if chosen == IN_FULL and not words:
        raise PreconditionError(
            f"command is '{IN_FULL}', but words is empty; give the command as a list of words such as ['bundle', 'exec', 'rake', "
            "'db:migrate']."
        )
    if words and chosen != IN_FULL:
        raise PreconditionError(
            f"words gives a command in full, but command is {chosen!r}; choose '{IN_FULL}' to run the words, or leave them out to "
            f"run {chosen}."
        )
    preset = "" if chosen == IN_FULL else chosen
    return MigrationRequest(
        preset, words, params["cpu"], params["memory"], bool(params["again"]), bool(params["snapshot"])
    )
