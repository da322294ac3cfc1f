"""Slack messages about runs."""
