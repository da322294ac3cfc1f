"""Sentry as far as releases need it: what troubles an environment since a release."""

from include.sentry.troubles import Sentry, list_troubles

__all__ = ["Sentry", "list_troubles"]
