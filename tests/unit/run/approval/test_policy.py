"""Which answers count, and which approvals the confirm task accepts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.errors import ApprovalError, PreconditionError
from include.inventory import Approval
from include.run.approval import (
    Answer,
    Decision,
    ensure_approved,
    judge,
    people_to_ask,
    policy_for,
    requester_via,
    why_not,
)

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
DIGEST = "d" * 64


def policy(**different: Any) -> Approval:
    return Approval(**{"approvers": ("ann", "bob"), "respond_within": timedelta(hours=2), **different})


def decision(by: str | None = "ann", *, seat: int = 1, **different: Any) -> Decision:
    facts = {
        "seat": seat,
        "outcome": "approved",
        "by": by,
        "at": NOW,
        "digest": DIGEST,
        "why": f"{by} approved the plan",
    }
    return Decision(**{**facts, **different})


def judged(by: str | None, *, approved: bool = True, earlier: tuple[Decision, ...] = (), seat: int = 1) -> Decision:
    return judge(policy(), "carol", seat, DIGEST, Answer(approved=approved, by=by, at=NOW), earlier)


def refusal(*decisions: Decision, requester: str | None = "carol", **different: Any) -> str:
    with pytest.raises(ApprovalError) as caught:
        ensure_approved(policy(**different), requester, DIGEST, decisions)
    return str(caught.value)


def test_approval_is_bound_to_person_time_seat_and_plan():
    assert judged("ann") == Decision(
        seat=1, outcome="approved", by="ann", at=NOW, digest=DIGEST, why="ann approved the plan"
    )


def test_rejection_is_on_record_with_its_person():
    assert (judged("bob", approved=False).outcome, judged("bob", approved=False).why) == (
        "rejected",
        "bob rejected the plan",
    )


@pytest.mark.parametrize("approved", [True, False])
def test_time_out_is_a_refusal_whatever_the_default_answer_says(approved: bool):
    got = judged(None, approved=approved)
    assert (got.outcome, got.why) == ("expired", "nobody answered in time, which is a refusal")


def test_requester_may_not_decide_although_they_are_an_approver():
    got = judge(policy(), "ann", 1, DIGEST, Answer(approved=True, by="ann", at=NOW), [])
    assert (got.outcome, got.why) == ("refused", "ann asked for this run and may not decide on it")


def test_requester_may_approve_where_the_inventory_allows_it():
    got = judge(policy(requester_may_approve=True), "ann", 1, DIGEST, Answer(approved=True, by="ann", at=NOW), [])
    assert got.outcome == "approved"


@pytest.mark.parametrize(
    "by", ["mallory", "Ann", "ann ", "\u0430nn", ""], ids=["stranger", "case", "blank", "cyrillic", "empty"]
)
def test_only_the_very_user_ids_of_the_inventory_count(by: str):
    got = judged(by)
    assert got.outcome == "refused"
    assert got.why.endswith("is not one of the approvers (ann, bob)")


def test_allowing_the_requester_does_not_make_them_an_approver():
    got = judge(policy(requester_may_approve=True), "carol", 1, DIGEST, Answer(approved=True, by="carol", at=NOW), [])
    assert got.outcome == "refused"


def test_second_seat_needs_a_second_person():
    got = judged("ann", seat=2, earlier=(decision("ann"),))
    assert (got.outcome, got.why) == (
        "refused",
        "ann has already decided in another seat; a different person is needed",
    )
    assert judged("bob", seat=2, earlier=(decision("ann"),)).outcome == "approved"


def test_same_seat_asked_again_is_no_second_person():
    assert judged("ann", earlier=(decision("ann"),)).outcome == "approved"


def test_run_of_a_schedule_has_no_requester_to_exclude():
    assert people_to_ask(policy(), None, "core/production") == ["ann", "bob"]
    assert judge(policy(), None, 1, DIGEST, Answer(approved=True, by="ann", at=NOW), []).outcome == "approved"


def test_requester_is_not_asked():
    assert people_to_ask(policy(), "ann", "core/production") == ["bob"]
    assert people_to_ask(policy(requester_may_approve=True), "ann", "core/production") == ["ann", "bob"]


def test_refuses_at_once_when_too_few_people_could_approve():
    with pytest.raises(PreconditionError) as caught:
        people_to_ask(policy(count=2), "ann", "core/production")
    assert str(caught.value) == (
        "core/production needs 2 approvers other than ann, but only 1 are listed (ann, bob); ask someone else to start "
        "this run, or add an approver to the inventory."
    )


def test_guard_lets_the_approved_plan_through():
    ensure_approved(policy(), "carol", DIGEST, [decision()])
    ensure_approved(policy(count=2), "carol", DIGEST, [decision(), decision("bob", seat=2)])


def test_guard_stops_without_any_decision_also_if_the_task_was_marked_as_success():
    assert refusal() == (
        "1 approvals are needed and 0 are on record. Nothing was changed; a task marked as success by hand is no approval, "
        "start a new run to ask again."
    )


def test_guard_stops_when_one_of_two_approvals_is_missing():
    assert "2 approvals are needed and 1 are on record" in refusal(decision(), count=2)


def test_guard_counts_people_not_seats():
    assert "2 approvals are needed and 1 are on record" in refusal(decision(), decision(seat=2), count=2)


@pytest.mark.parametrize("outcome", ["rejected", "expired", "refused"])
def test_guard_stops_at_any_other_outcome_even_beside_enough_approvals(outcome: str):
    other = decision("bob", seat=2, outcome=outcome, why="bob would not")
    assert refusal(decision(), other) == (
        "The plan was not approved: bob would not. Nothing was changed; start a new run to ask again."
    )


def test_guard_stops_when_another_plan_was_approved():
    assert refusal(decision(digest="e" * 64)) == (
        "ann approved plan eeeeeeeeeeeeeeee, but the plan is now dddddddddddddddd. Nothing was changed; start a new run to "
        "have the new plan approved."
    )


@pytest.mark.parametrize("by", ["mallory", None])
def test_guard_stops_when_the_approval_is_of_somebody_who_may_not(by: str | None):
    assert f"{by} may not approve this run" in refusal(decision(by))


def test_guard_stops_when_the_approval_is_the_requesters_own():
    assert "carol may not approve this run" in refusal(decision("carol"), approvers=("ann", "carol"))


def test_guard_stops_when_the_approver_has_left_the_inventory_since():
    assert "ann may not approve this run" in refusal(decision(), approvers=("bob",))


@pytest.mark.parametrize("bad", [{"seat": "one"}, {"outcome": "yes"}, {"comment": "x"}])
def test_decision_of_another_shape_is_no_decision(bad: dict[str, str]):
    with pytest.raises(ValueError, match="1 validation error"):
        decision(**bad)


@pytest.mark.parametrize(
    ("approved", "why"),
    [(True, "ann approved the plan: not before six"), (False, "ann rejected the plan: not before six")],
)
def test_comment_goes_on_record_on_one_line(approved, why):
    answer = Answer(approved=approved, by="ann", at=NOW, comment=" not before\n six.")
    assert judge(policy(), "carol", 1, DIGEST, answer, []).why == why


def test_comment_of_a_megabyte_is_cut():
    answer = Answer(approved=False, by="ann", at=NOW, comment="x" * 1_000_000)
    assert len(judge(policy(), "carol", 1, DIGEST, answer, []).why) == len("ann rejected the plan: ") + 500


def test_a_plan_may_want_more_people_than_the_target_asks():
    usual = policy()
    two = policy_for(usual, {"approvers": 2}, "core/staging")
    assert two.count == 2
    assert policy_for(usual, {"approvers": 1}, "core/staging") is usual
    assert policy_for(usual, {}, "core/staging") is usual
    with pytest.raises(PreconditionError, match=r"needs 9 approvers, and core/staging has only"):
        policy_for(usual, {"approvers": 9}, "core/staging")


def test_who_asked_by_a_token_of_theirs_is_not_asked_may_not_decide_and_does_not_count():
    requester = requester_via("ann", "token ci-core")
    assert requester == "ann via token ci-core"
    assert people_to_ask(policy(), requester, "core/production") == ["bob"]
    got = judge(policy(), requester, 1, DIGEST, Answer(approved=True, by="ann", at=NOW), [])
    assert (got.outcome, got.why) == ("refused", "ann asked for this run and may not decide on it")
    assert refusal(decision("ann"), requester=requester) == (
        "ann may not approve this run. Nothing was changed; start a new run to ask again."
    )
    assert why_not("ann", ["bob"], requester) == "bob may answer; ann asked for this run, so somebody else answers."
    assert judge(policy(), requester, 1, DIGEST, Answer(approved=True, by="bob", at=NOW), []).outcome == "approved"


def test_token_of_somebody_with_a_longer_name_is_not_ones_own():
    got = judge(policy(), "anna via token ci", 1, DIGEST, Answer(approved=True, by="ann", at=NOW), [])
    assert got.outcome == "approved"
