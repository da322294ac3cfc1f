"""Approval: who may agree to a plan, and which answers count."""

from include.run.approval.policy import (
    Answer,
    Decision,
    asked_by,
    ensure_approved,
    judge,
    list_approvers,
    people_to_ask,
    policy_for,
    requester_via,
    why_not,
)
from include.run.approval.unattended import approve_by_policy, find_unattended
from include.run.approval.withdrawal import TooLateError, Withdrawal, refuse_withdrawn, withdraw

__all__ = [
    "Answer",
    "Decision",
    "TooLateError",
    "Withdrawal",
    "approve_by_policy",
    "asked_by",
    "ensure_approved",
    "find_unattended",
    "judge",
    "list_approvers",
    "people_to_ask",
    "policy_for",
    "refuse_withdrawn",
    "requester_via",
    "why_not",
    "withdraw",
]
