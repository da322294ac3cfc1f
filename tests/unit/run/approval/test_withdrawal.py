"""Only its giver withdraws an approval, and then the run may not continue."""

from datetime import UTC, datetime

import pytest

from include.errors import ApprovalError
from include.run.approval import Decision, Withdrawal, refuse_withdrawn, withdraw

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)


def decision(by: str | None, outcome: str = "approved", seat: int = 1) -> Decision:
    return Decision.model_validate(
        {"seat": seat, "outcome": outcome, "by": by, "at": NOW, "digest": "digest", "why": "so"}
    )


def test_the_giver_takes_back_the_approval_of_this_plan():
    decisions = [decision("ann"), decision("bob", seat=2)]
    assert withdraw(decisions, "bob", NOW) == Withdrawal(by="bob", at=NOW, digest="digest")


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ([], "eve has no approval of this run to take back: nobody has approved it so far."),
        ([decision("ann")], "eve has no approval of this run to take back: ask ann, who gave it."),
        (
            [decision("ann"), decision("bob", seat=2)],
            "eve has no approval of this run to take back: ask ann and bob, who gave it.",
        ),
        ([decision("eve", "rejected")], "eve has no approval of this run to take back: nobody has approved it so far."),
    ],
)
def test_nobody_else_takes_it_back(decisions: list[Decision], message: str):
    with pytest.raises(ApprovalError) as caught:
        withdraw(decisions, "eve", NOW)
    assert str(caught.value) == message


def test_a_run_whose_approval_was_taken_back_is_refused():
    refuse_withdrawn(None)
    with pytest.raises(ApprovalError) as caught:
        refuse_withdrawn(Withdrawal(by="ann", at=NOW, digest="digest"))
    assert str(caught.value) == (
        "The approval does not count any more: ann took back the approval at 14:05 UTC. Nothing was changed; start a new run "
        "to ask again."
    )
