"""The audit: what runs did, held afterwards against what every runbook promises."""

from tests.invariants.check import check
from tests.invariants.history import Excuse, History, Violation
from tests.invariants.reading import read_history

__all__ = ["Excuse", "History", "Violation", "check", "read_history"]
