"""A run needs no person's approval only if the inventory says so, and then its record says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.errors import ApprovalError, PreconditionError
from include.inventory.approving import Approval, Unattended
from include.inventory.models import Environment
from include.run.approval import Decision, approve_by_policy, ensure_approved, find_unattended

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
TARGET, RUNBOOK = "core/review", "review_app_cleanup"
RULE = Unattended(reason="Closed pull requests are removed every night.")
POLICY = Approval(approvers=("ann", "bob"), respond_within=timedelta(hours=2), unattended={RUNBOOK: RULE})


def environment(purpose: Any = "review", rule: Unattended = RULE) -> Environment:
    approval = POLICY.model_copy(update={"unattended": {RUNBOOK: rule}})
    return Environment(account="111111111113", region="eu-west-2", role="review", purpose=purpose, approval=approval)


def by_policy(digest: str = "digest") -> Decision:
    return approve_by_policy(RULE, RUNBOOK, digest, NOW)


def by_person(by: str = "ann", outcome: Any = "approved") -> Decision:
    return Decision(seat=1, outcome=outcome, by=by, at=NOW, digest="digest", why=f"{by} {outcome} the plan")


def refusal(*decisions: Decision, unattended: bool = True) -> str:
    with pytest.raises(ApprovalError) as caught:
        ensure_approved(POLICY, None, "digest", decisions, unattended=unattended)
    return str(caught.value)


def test_runbook_without_a_rule_is_asked_about():
    assert find_unattended(environment(), TARGET, "service_restart", "disruptive") is None


@pytest.mark.parametrize("risk", ["read", "safe", "disruptive", "destructive"])
@pytest.mark.parametrize("purpose", ["review", "development", "staging"])
def test_rule_counts_outside_production_whatever_the_risk(purpose: str, risk: str):
    assert find_unattended(environment(purpose), TARGET, RUNBOOK, risk) == RULE


@pytest.mark.parametrize("risk", ["disruptive", "destructive", "unheard of"])
def test_rule_for_production_is_refused_unless_it_says_that_it_is_meant(risk: str):
    with pytest.raises(PreconditionError) as caught:
        find_unattended(environment("production"), "core/production", RUNBOOK, risk)
    assert str(caught.value) == (
        f"The inventory lets review_app_cleanup run on core/production without an approval, but it is {risk} and core/production "
        "counts as production; nothing was changed. Add even_if_disruptive: true to approval.unattended.review_app_cleanup if "
        "that is meant, or remove the rule."
    )
    meant = RULE.model_copy(update={"even_if_disruptive": True})
    assert find_unattended(environment("production", meant), "core/production", RUNBOOK, risk) == meant


def test_harmless_runbook_needs_no_second_word_in_production():
    assert find_unattended(environment("production"), TARGET, RUNBOOK, "safe") == RULE


def test_environment_counts_as_production_unless_it_says_otherwise():
    plain = Environment(account="111111111113", region="eu-west-2", role="review", approval=POLICY)
    assert plain.purpose == "production"


def test_decision_of_the_policy_says_that_no_person_made_it():
    assert by_policy() == Decision(
        seat=0,
        outcome="approved",
        by=None,
        at=NOW,
        digest="digest",
        why="the inventory lets review_app_cleanup run without an approval: Closed pull requests are removed every night.",
    )


def test_run_that_the_policy_approved_passes_the_guard():
    ensure_approved(POLICY, None, "digest", [by_policy()], unattended=True)


def test_nothing_on_record_is_no_approval_even_where_no_person_is_needed():
    assert refusal() == (
        "1 approvals are needed and 0 are on record. Nothing was changed; a task marked as success by hand is no approval, "
        "start a new run to ask again."
    )


def test_decision_of_the_policy_does_not_count_once_the_inventory_takes_the_rule_back():
    assert "1 approvals are needed and 0 are on record" in refusal(by_policy(), unattended=False)


def test_decision_of_the_policy_takes_no_persons_seat():
    ensure_approved(POLICY, "carol", "digest", [by_policy(), by_person()])
    two = POLICY.model_copy(update={"count": 2})
    with pytest.raises(ApprovalError, match="2 approvals are needed and 1 are on record"):
        ensure_approved(two, "carol", "digest", [by_policy(), by_person()])


def test_policy_approves_one_plan_and_a_person_may_still_refuse():
    assert "The inventory approved plan another" in refusal(by_policy("another"))
    assert "ann rejected the plan" in refusal(by_policy(), by_person(outcome="rejected"))
