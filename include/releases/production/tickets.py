"""Tag and move the tickets of a release in Jira. A refusal by Jira is reported, and stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from include import jira
from include.errors import PreconditionError, ServiceUnavailableError
from include.run.context import Context
from include.text import joined

if TYPE_CHECKING:
    from atlassian import Jira

LABEL, DONE = "Released", "Done"  # S0: how a ticket looks that is out
WENT_BACK = "Release-went-back"


def move_tickets(ctx: Context, client: Jira | None, keys: Sequence[str]) -> str:
    """Tag the release's tickets and move them; what Jira does not take is said, and stops nothing."""

    def change(client: Jira, key: str) -> str:
        jira.add_label(client, key, LABEL)
        return jira.move(client, key, DONE, ctx.target.system.jira_transition)

    return _touch_tickets(ctx, client, keys, change, f"tagged {LABEL} and moved to {DONE}")


def mark_tickets(ctx: Context, client: Jira | None, keys: Sequence[str]) -> str:
    """Tag the tickets of a release that went back; where they stand is their team's affair."""

    def change(client: Jira, key: str) -> str:
        jira.add_label(client, key, WENT_BACK)
        return ""

    return _touch_tickets(ctx, client, keys, change, f"tagged {WENT_BACK}")


def _touch_tickets(
    ctx: Context, client: Jira | None, keys: Sequence[str], change: Callable[[Jira, str], str], done: str
) -> str:
    """Change each existing ticket. `change` returns a remark if it could not."""
    if client is None or not keys:
        return "no ticket was touched"
    touched: list[str] = []
    remarks: list[str] = []
    for key in keys:
        try:
            if jira.get_tickets(client, [key]).missing:
                remarks.append(f"{key} is not in Jira")
                continue
            ctx.writer.await_permission()
            remark = change(client, key)
        except (ServiceUnavailableError, PreconditionError) as error:
            remarks.append(f"{key} is not known to be changed: {str(error).rstrip('.')}")
        else:
            (remarks.append(remark) if remark else touched.append(key))
    text = f"{len(touched)} of {len(keys)} tickets {done}"
    ctx.writer.note(joined([text, *remarks]))
    return text
