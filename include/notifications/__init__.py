"""The story of a run, as its Slack thread tells it: a projection of what is on record, brought up to date by whoever passes."""

from include.notifications.events import add_fact, read_facts
from include.notifications.outbox import Delivered, Outbox
from include.notifications.render import Facts, Message, headline, replies

__all__ = ["Delivered", "Facts", "Message", "Outbox", "add_fact", "headline", "read_facts", "replies"]
