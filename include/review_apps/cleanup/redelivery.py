"""Failed deliveries of GitHub to the front door: each is asked for again, once."""

from __future__ import annotations

from datetime import datetime, timedelta

from include.errors import PreconditionError, ServiceUnavailableError
from include.github.webhooks import list_failures, list_hooks, redeliver
from include.review_apps.cleanup.context import CleanupContext
from include.run.writer import FencedWriter

DOOR = "/door/github/"  # in the address of a webhook that leads here
KEPT = timedelta(days=3)  # how long GitHub keeps deliveries, and redelivers them
MOST = 100  # in one clean-up


def redeliver_failures(ctx: CleanupContext, writer: FencedWriter, since: datetime) -> tuple[tuple[str, ...], str]:
    """Ask GitHub to deliver again what failed since then. Return what was asked for, and why not all of it was, or ""."""
    done: list[str] = []
    try:
        for hook in list_hooks(ctx.github, DOOR):
            for failure in list_failures(ctx.github, hook, since)[:MOST]:
                writer.write(redeliver(ctx.github, failure))
                done.append(
                    f"{failure.event} {failure.guid}, which failed at {failure.at:%H:%M} UTC ({failure.status})"
                )
    except PreconditionError as error:
        return tuple(
            done
        ), f"failed deliveries are not asked for again: {error} The token needs the right to read and write webhooks."
    except ServiceUnavailableError as error:
        return tuple(done), str(error)
    return tuple(done), ""
