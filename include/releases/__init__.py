"""Releases: from the image of a commit to services that run it, verified and watched, and rolled back on failure."""
