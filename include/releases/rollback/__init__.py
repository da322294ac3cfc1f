"""Rollbacks that a person starts."""
