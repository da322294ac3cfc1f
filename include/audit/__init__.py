"""The audit: what runs did, held afterwards against what every runbook promises."""

from include.audit.check import check
from include.audit.history import Excuse, History, Violation
from include.audit.reading import read_history

__all__ = ["Excuse", "History", "Violation", "check", "read_history"]
