"""Approval: who may agree to a plan, and which answers count."""

from include.approval.policy import Answer, Decision, ensure_approved, judge, people_to_ask

__all__ = ["Answer", "Decision", "ensure_approved", "judge", "people_to_ask"]
