"""The params of the runbooks: the fields of Airflow's form, and the meaning of an empty field.

Airflow's form enables *Trigger* only when every field has a value, except fields whose type includes "null". It sends null
for a field that was emptied, and the default for one that was not touched. So an optional param accepts null, and `filled`
replaces null by its default. A checkbox always has a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from include.errors import PreconditionError
from include.inventory.templates import DIGITS, NUMBER
from include.run.params import Declared, complaint
from opskit.fields import COMMAND, END, OPTIONAL

if TYPE_CHECKING:
    from airflow.sdk.definitions.param import ParamsDict

    from opskit.context import StepContext

UNOFFERED = (
    "No target of the inventory has what this runbook needs, so it cannot be started; docs/how-to/describe-your-system.md says what "
    "that is."
)
REASON_LENGTH = 10
VISIBLE = 5  # of these: blanks are no reason
# no control character, which PostgreSQL's JSON or a terminal cannot represent, and none that reverses the displayed text
FORBIDDEN = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
BLANK = r"\s\xad\u200b-\u200f\u2060-\u2064\ufeff"
REASON_FORM = rf"^(?![\s\S]*[{FORBIDDEN}])(?:[{BLANK}]*[^{BLANK}]){{{VISIBLE}}}"


def filled(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's params, with the default of each field that was left empty."""
    # not from the DAG's own params: Airflow replaces their values by the run's
    return {
        name: OPTIONAL[name]["default"] if value is None and name in OPTIONAL else value
        for name, value in params.items()
    }


def field(schema: Mapping[str, Any]) -> Param:
    """Return the param of a runbook's own field. What may be left out is in a section of the form that is closed at first."""
    optional = "default" in schema and schema is not COMMAND
    return Param(**{**schema, "section": "Optional"} if optional else schema)


def common_params(targets: Sequence[str]) -> dict[str, Param]:
    """Return the params of a runbook that can work on these targets."""
    return {
        "target": Param(**_target(targets)),
        "reason": Param(
            type="string",
            minLength=REASON_LENGTH,
            maxLength=500,
            pattern=REASON_FORM,
            title="Reason",
            description="Why now? At least 10 characters, in words. Shown to the approver and kept in the record.",
        ),
        "plan_only": Param(
            False, type="boolean", title="Plan only", description="Show what would be done, and stop. Changes nothing."
        ),
    }


def _target(targets: Sequence[str]) -> dict[str, Any]:
    """Return the schema of the target: one of those, or a name that fits one of the patterns such as core/review-<number>."""
    patterns = [name for name in targets if NUMBER in name]
    if not patterns:
        about = "System and environment to work on." if targets else UNOFFERED
        return {"type": "string", "title": "Target", "enum": list(targets), "description": about}
    forms = "|".join(re.escape(name).replace(re.escape(NUMBER), DIGITS) for name in targets)
    return {
        "type": "string",
        "title": "Target",
        "maxLength": 130,
        "pattern": f"^({forms}){END}",
        "examples": [name.replace(NUMBER, "1234") for name in targets],
        "description": f"System and environment to work on: {', '.join(targets)}.",
    }


def declared_by(params: ParamsDict) -> dict[str, Declared]:
    """Return what a DAG's params declare. None counts as missing: Airflow itself refuses a run without one that it needs."""
    found = {name: params.get_param(name) for name in params}
    return {name: Declared(param.schema, param.description or "", has_default=True) for name, param in found.items()}


def refuse_wrong(ctx: StepContext) -> None:
    """Refuse a run whose params do not fit their schemas. Raises: PreconditionError.

    The API refuses such a request before a run exists. This check is for runs that were started without the API. What the
    inventory says of a request, a runbook's own planner checks.
    """
    if sentence := complaint(declared_by(ctx.context["dag"].params), ctx.context["dag_run"].conf):
        raise PreconditionError(f"{sentence} Nothing was changed.")
