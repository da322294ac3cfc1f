"""Sentry as far as releases need it: a project's environments, and unresolved issues of one since a release."""

from include.sentry.issues import Sentry, Trouble, list_environments, list_issues

__all__ = ["Sentry", "Trouble", "list_environments", "list_issues"]
