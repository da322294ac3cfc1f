"""The first commits of every repository, and which of them are built, released and running."""

import hashlib

COMMITS = 64  # on main
STAGED = COMMITS - 2  # what staging runs: the two newer ones have no image yet
RELEASED = {"v0.6.14": COMMITS - 9, "v0.6.13": COMMITS - 15, "v0.6.12": COMMITS - 18}  # newest first: production's
BUILT = (COMMITS - 4, COMMITS - 6)  # images that run nowhere


def commit_sha(repository: str, number: int) -> str:
    """Return the sha of a repository's n-th commit at first: 1 is the oldest, COMMITS the newest on main."""
    return hashlib.sha1(f"{repository} {number}".encode(), usedforsecurity=False).hexdigest()
