"""The check of all promises together."""

from tests.invariants.approvals import check_approvals
from tests.invariants.capacity import check_capacity, check_stops
from tests.invariants.history import History, Violation
from tests.invariants.intents import check_intents
from tests.invariants.leases import check_leases
from tests.invariants.migrations import check_migrations
from tests.invariants.postconditions import check_postconditions
from tests.invariants.regions import check_regions
from tests.invariants.releases import check_releases


def check(history: History) -> list[Violation]:
    """Return every broken promise of a history. An empty result means that all are kept."""
    return [
        *history.tampered,
        *check_intents(history),
        *check_leases(history),
        *check_approvals(history),
        *check_stops(history),
        *check_capacity(history),
        *check_postconditions(history),
        *check_releases(history),
        *check_migrations(history),
        *check_regions(history),
        *check_posts(history),
    ]


def check_posts(history: History) -> list[Violation]:
    """Check I19: a message is posted at most once per channel, thread and key."""
    seen, found = set(), []
    for post in history.posts:
        if post in seen:
            channel, thread, key = post
            found.append(Violation("I19", f"Message {key} was posted twice in {channel}, thread {thread}."))
        seen.add(post)
    return found
