"""A run's Slack thread: messages are derived from what is on record, and whichever process runs next delivers them."""

from include.notifications.events import add_fact, read_facts
from include.notifications.outbox import Delivered, Outbox
from include.notifications.render import Facts, Message, headline, replies

__all__ = ["Delivered", "Facts", "Message", "Outbox", "add_fact", "headline", "read_facts", "replies"]
