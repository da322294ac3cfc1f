"""Trying again after somebody else was faster."""

import random
import time
from collections.abc import Iterator

ATTEMPTS = 50  # lost only to others that won, so this many in a row mean that something is broken
FIRST, LONGEST = (
    0.005,
    1.0,
)  # seconds: the pause after the first attempt is at most that long, then twice, four times ...


def attempts() -> Iterator[int]:
    """Count attempts, with a pause of random length between them, so that a hundred at the same moment spread out."""
    for number in range(ATTEMPTS):
        if number:
            time.sleep(random.uniform(0, min(LONGEST, FIRST * 2**number)))  # noqa: S311  # no secret
        yield number
