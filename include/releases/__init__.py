"""Releases: from a commit's image to services that run it, proved and watched, and their rollback."""
