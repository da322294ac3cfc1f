"""Releases to production: version, notes, tickets and the release on GitHub."""
