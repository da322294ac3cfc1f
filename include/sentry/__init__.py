"""Sentry as far as releases need it: unresolved issues of an environment since a release."""

from include.sentry.issues import Sentry, Trouble, list_issues

__all__ = ["Sentry", "Trouble", "list_issues"]
