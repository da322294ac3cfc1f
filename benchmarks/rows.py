"""What every benchmark returns: a line of its table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """`compared` is the same figure of what it is held against, or what the figure is about."""

    what: str
    measured: str
    target: str = ""
    compared: str = ""


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Return the median, the 99th percentile and the number of values, for people."""
    if not values:
        return "none"
    return f"median {median(values):.{digits}f} s, p99 {quantile(values, 0.99):.{digits}f} s of {len(values)}"
