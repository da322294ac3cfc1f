"""Sentry as far as releases need it: what troubles an environment since a release."""

from include.sentry.troubles import Sentry, Trouble, list_troubles

__all__ = ["Sentry", "Trouble", "list_troubles"]
