"""Lists of items in the sizes that calls of AWS take."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most that size."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
