"""Jira as far as releases need it: a release's tickets found one by one, labelled and moved on."""

from include.jira.tickets import Found, Ticket, add_label, get_tickets, move

__all__ = ["Found", "Ticket", "add_label", "get_tickets", "move"]
