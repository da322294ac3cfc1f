"""The history checker: what runs did, checked afterwards against the promises of every runbook."""

from tests.invariants.check import check
from tests.invariants.history import Excuse, History, Violation
from tests.invariants.reading import read_history

__all__ = ["Excuse", "History", "Violation", "check", "read_history"]
