"""The outcome of a run: one word, one sentence for its record, and a colour."""

from collections.abc import Sequence
from typing import Literal

from include.text import joined

SAME = "nothing was changed"
Outcome = Literal["success", "rolled back", "rejected", "refused", "failed", "stopped"]


def conclude(
    *,
    confirmed: bool,
    proofs: Sequence[str | None],
    returned: str | None,
    refusals: Sequence[str],
    failures: Sequence[str],
    changed: bool = True,
    rejected: bool = False,
) -> tuple[Outcome, str]:
    """Return a run's outcome and the sentence for the person on call.

    `confirmed`: its plan was approved and confirmed, so it may have changed something. `proofs` are the sentences of the tasks
    that prove the end, None for a task without one, such as a task marked as success by hand. `returned` is the proof that
    everything is as it was before. `refusals` say why approvals did not count, `failures` why steps failed, oldest first.
    `changed`: it has made a write. `rejected`: people looked at the result and did not want it.
    """
    if not confirmed:
        why = refusals[:1] or failures[-1:]
        return "refused", f"{why[0].rstrip('.')}; {SAME}" if why else f"{SAME}; the failed task says why"
    if all(proofs):
        return "success", joined(proof for proof in proofs if proof)
    if returned:
        why = failures[0] if failures else "a step failed, or was ended by hand; look at it"
        return "rejected" if rejected else "rolled back", f"{why.rstrip('.')}; gone back: {returned}"
    if not changed:
        return "stopped", f"{failures[-1].rstrip('.') if failures else 'ended by hand'}; {SAME}"
    if failures:
        first, last = failures[0].rstrip("."), failures[-1].rstrip(".")
        return "failed", f"stopped half way: {first}" + (f"; after that: {last}" if last != first else "")
    return "stopped", "ended by hand before it was done; look at the target, nothing was undone"
