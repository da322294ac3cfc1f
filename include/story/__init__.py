"""The story of a run, as its Slack thread tells it: a projection of what is on record, brought up to date by whoever passes."""

from include.story.on_record import add_fact, read_facts
from include.story.outbox import Outbox, Told
from include.story.tell import Facts, Message, headline, replies

__all__ = ["Facts", "Message", "Outbox", "Told", "add_fact", "headline", "read_facts", "replies"]
