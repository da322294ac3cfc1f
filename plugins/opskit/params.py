"""What every runbook asks for: the target, a reason, and whether to plan only; anything else is refused."""

from collections.abc import Sequence

from airflow.sdk import Param

from include.errors import PreconditionError
from opskit.step import Step

REASON_LENGTH = 10


def common_params(targets: Sequence[str]) -> dict[str, Param]:
    """Return the params of a runbook that can work on these targets."""
    return {
        "target": Param(
            type="string", enum=list(targets), title="Target", description="System and environment to work on."
        ),
        "reason": Param(
            type="string",
            minLength=REASON_LENGTH,
            maxLength=500,
            title="Reason",
            description="Why now? Shown to the approver and kept in the record.",
        ),
        "plan_only": Param(
            False, type="boolean", title="Plan only", description="Show what would be done, and stop. Changes nothing."
        ),
    }


def refuse_unknown(here: Step) -> None:
    """Refuse a run that was given something this runbook does not know. Raises: PreconditionError."""
    known = set(here.context["dag"].params)
    unknown = sorted(set(here.context["dag_run"].conf or {}) - known)
    if unknown:
        raise PreconditionError(
            f"This runbook knows no {', '.join(map(repr, unknown))}; it takes {', '.join(sorted(known))}. Nothing was changed."
        )
