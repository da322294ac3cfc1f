"""Lists of items in the sizes that calls of AWS take."""

from collections.abc import Iterable, Iterator
from itertools import islice


def batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the items in lists of at most that size."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
