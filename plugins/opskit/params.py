"""What every runbook asks for: the target, a reason, and whether to plan only; anything else is refused."""

from collections.abc import Sequence

from airflow.sdk import Param

from include.errors import PreconditionError
from include.params import shown, unknown_names
from opskit.context import StepContext

REASON_LENGTH = 10
VISIBLE = 5  # of them: blanks are no reason
# no control character, which PostgreSQL's JSON or a terminal cannot carry, and none that reverses what is read
FORBIDDEN = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
BLANK = r"\s\xad\u200b-\u200f\u2060-\u2064\ufeff"
REASON_FORM = rf"^(?![\s\S]*[{FORBIDDEN}])(?:[{BLANK}]*[^{BLANK}]){{{VISIBLE}}}"
COMMIT = {
    "type": "string",
    "pattern": "^[0-9a-f]{40}$",
    "title": "Commit",
    "description": "All 40 characters of its id, as git rev-parse prints them.",
}
COMMIT_OR_NONE = {
    **COMMIT,
    "default": "",
    "pattern": "^([0-9a-f]{40})?$",
    "description": "All 40 characters of its id; left out, the last one that staging has proved.",
}
VERSION_OR_NONE = {
    "default": "",
    "type": "string",
    "pattern": r"^(v?[0-9]{1,9}(\.[0-9]{1,9}){2,3})?$",
    "title": "Version",
    "description": "Such as v1.2.3; left out, the one after the last.",
}

REGIONS = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "object"},
    "title": "Regions",
    "description": 'Which region gets which data, such as [{"region": "US/PA", "data": "s3://bucket/regions/US/PA/2026-11-20/"}]; '
    "with a name for a region that does not exist yet.",
}
REMOVE_STALE = {
    "default": False,
    "type": "boolean",
    "title": "Remove stale objects",
    "description": "Also remove what the new data does not have. The backup keeps it.",
}

REQUESTS_PER_SECOND = {
    "default": 0,
    "type": "integer",
    "minimum": 0,
    "maximum": 10_000,
    "title": "Requests a second",
    "description": "At most so many requests to S3 for copies, for the sake of others who read there; 0: as many as S3 takes.",
}


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
            pattern=REASON_FORM,
            title="Reason",
            description="Why now? In words, without control characters. Shown to the approver and kept in the record.",
        ),
        "plan_only": Param(
            False, type="boolean", title="Plan only", description="Show what would be done, and stop. Changes nothing."
        ),
    }


def refuse_unknown(ctx: StepContext) -> None:
    """Refuse a run that was given something this runbook does not know. Raises: PreconditionError.

    The API refuses it before there is a run; this is for runs that were started without it.
    """
    known = ctx.context["dag"].params
    if unknown := sorted(set(ctx.context["dag_run"].conf or {}) - set(known)):
        raise PreconditionError(f"{unknown_names(unknown, known)} Nothing was changed.")


def refuse_other_repository(ctx: StepContext) -> None:
    """Refuse a commit of another repository than the target's. Raises: PreconditionError."""
    given, known = ctx.params.get("repository"), ctx.target.system.github
    if given and given != known:
        raise PreconditionError(
            f"{ctx.target.name} is built from {known}, not from {shown(given)}; correct the call or the inventory, nothing was "
            "changed."
        )
