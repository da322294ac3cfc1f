"""Jira as far as releases need it: find a release's tickets one by one, label them and move them."""

from include.jira.tickets import Found, Ticket, add_label, get_tickets, move

__all__ = ["Found", "Ticket", "add_label", "get_tickets", "move"]
