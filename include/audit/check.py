"""All promises at once."""

from include.audit.approvals import check_approvals
from include.audit.capacity import check_capacity, check_stops
from include.audit.history import History, Violation
from include.audit.intents import check_intents
from include.audit.leases import check_leases
from include.audit.migrations import check_migrations
from include.audit.regions import check_regions
from include.audit.releases import check_releases
from include.audit.remains import check_remains


def check(history: History) -> list[Violation]:
    """Return every broken promise of a history; none is what every run owes."""
    return [
        *history.tampered,
        *check_intents(history),
        *check_leases(history),
        *check_approvals(history),
        *check_stops(history),
        *check_capacity(history),
        *check_remains(history),
        *check_releases(history),
        *check_migrations(history),
        *check_regions(history),
        *check_posts(history),
    ]


def check_posts(history: History) -> list[Violation]:
    """I19: a message is posted at most once per channel, thread and key."""
    seen, found = set(), []
    for post in history.posts:
        if post in seen:
            channel, thread, key = post
            found.append(Violation("I19", f"Message {key} was posted twice in {channel}, thread {thread}."))
        seen.add(post)
    return found
