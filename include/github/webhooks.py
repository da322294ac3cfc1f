"""Webhooks of a repository: which deliveries have failed for good, and asking for one again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from github.Repository import Repository

from include.github.errors import name_of, read, translated
from include.write import Action, Write

REDELIVER = Action(
    "github", "RedeliverWebhook", resources=("repository",), values=("hook", "delivery", "guid"), detail=True
)
DELIVERED = range(200, 400)


@dataclass(frozen=True)
class Failure:
    """A delivery of which no attempt was answered well, and none was a redelivery."""

    hook: int
    id: int  # of the attempt
    guid: str  # of the delivery, the same for every attempt
    event: str
    at: datetime
    status: str  # why it failed, as GitHub says


def list_hooks(repository: Repository, address: str) -> tuple[int, ...]:
    """Return the active webhooks whose address has this part. Raises: PreconditionError if the token may not see webhooks."""
    return read(
        f"webhooks of {name_of(repository)}",
        lambda: tuple(
            hook.id for hook in repository.get_hooks() if hook.active and address in str(hook.config.get("url"))
        ),
    )


def list_failures(repository: Repository, hook: int, since: datetime) -> tuple[Failure, ...]:
    """Return the failed deliveries of a webhook since then that nobody has asked for again yet, the oldest first."""

    def look() -> tuple[Failure, ...]:
        attempts: dict[str, list[Any]] = {}
        # newest first, so that no more pages are read than needed
        for delivery in repository.get_hook_deliveries(hook):
            if delivery.delivered_at is None or delivery.guid is None:
                raise TypeError("a delivery without its time")
            if delivery.delivered_at < since:
                break
            attempts.setdefault(delivery.guid, []).append(delivery)
        failed = [
            Failure(hook, tried[-1].id, guid, tried[-1].event, tried[-1].delivered_at, tried[-1].status)
            for guid, tried in attempts.items()
            if not any(each.redelivery or each.status_code in DELIVERED for each in tried)
        ]
        return tuple(sorted(failed, key=lambda failure: failure.at))

    return read(f"deliveries of webhook {hook} of {name_of(repository)}", look)


def redeliver(repository: Repository, failure: Failure) -> Write[None]:
    """Return the write that has GitHub deliver something again. A second time does no harm: the front door knows the delivery."""

    def make() -> None:
        with translated(f"delivery {failure.guid} of {name_of(repository)}"):
            repository.requester.requestJsonAndCheck(
                "POST", f"{repository.url}/hooks/{failure.hook}/deliveries/{failure.id}/attempts"
            )

    return Write(
        REDELIVER,
        f"{failure.event} {failure.guid} of {name_of(repository)}",
        make,
        resources={"repository": name_of(repository)},
        values={"hook": failure.hook, "delivery": failure.id, "guid": failure.guid},
    )
