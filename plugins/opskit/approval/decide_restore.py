"""After a failure with new region data, restore at once if a person found the data bad, and ask if a step failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from include.region_data.new_regions import has_published
from include.region_data.overwrite import has_begun
from include.region_data.plan import RegionDataPlan
from include.region_data.qa import list_answers
from include.region_data.restore import states_of_regions
from include.run.journal import list_causes
from include.run.plan.markdown import escape
from include.text import joined
from opskit.approval.hitl import ask, note_choice
from opskit.context import StepContext
from opskit.step import running
from opskit.step_definition import StepDefinition

RETURN = "Go back to the backup"
LEAVE = "Leave everything as it is"
RESPOND_WITHIN = timedelta(hours=4)  # the lease is held meanwhile; without an answer everything stays as it is


class DecideRestoreOperator(HITLOperator):
    """Decides as soon as a step has failed. There is nothing to decide while no data was overwritten.

    `live` is the step after which the new data stays.
    """

    def __init__(self, *, live: StepDefinition, **kwargs: Any):
        super().__init__(
            subject="What now?",
            options=[RETURN, LEAVE],
            defaults=LEAVE,
            response_timeout=RESPOND_WITHIN,
            trigger_rule="one_failed",
            **kwargs,
        )
        self.live = live

    def execute(self, context: Any) -> Any:
        with running(context) as ctx:
            ctx.skip_unless_begun()
            if reason := nothing_overwritten(ctx):
                raise AirflowSkipException(reason)
            if ctx.passed(self.live):
                raise AirflowSkipException("The new data is live, and people found it good.")
            bad = [look.text for look in list_answers(ctx.store, ctx.run) if not look.good]
            if bad:
                ctx.writer.note(f"going back: {joined(bad)}")
                return RETURN
            self._prepare(ctx)
            ask(self, ctx, self.subject)
        return super().execute(context)

    def _prepare(self, ctx: StepContext) -> None:
        causes = list_causes(ctx.store, ctx.run)
        why = causes[-1] if causes else "A step failed, or was ended by hand."
        lines = [f"- {escape(line)}" for line in state_of_regions(ctx)]
        self.subject = f"{ctx.context['dag_run'].dag_id} on {ctx.target.name} stopped: go back?"
        self.body = "\n\n".join(
            [
                f"**{escape(why)}**",
                "\n".join(lines),
                f"- *{RETURN}*: every region gets its old data again, proved; services that hold new data are restarted; maps get a new "
                f"version.\n- *{LEAVE}*: nothing more is changed, and {escape(ctx.target.name)} is kept until a person has looked. To go "
                "on instead, mend the cause and clear the failed step.",
            ]
        )

    def execute_complete(self, context: Any, event: dict[str, Any]) -> str:
        answer: dict[str, Any] = super().execute_complete(context, event)
        chosen: str = answer["chosen_options"][0]
        with running(context) as ctx:
            if not all(look.good for look in list_answers(ctx.store, ctx.run)):
                chosen = RETURN  # a person has answered so meanwhile, and was told that it would be done
            note_choice(ctx, answer, chosen)
        return chosen


def nothing_overwritten(ctx: StepContext) -> str | None:
    """Return a sentence saying that no region's data was overwritten and none was published, if that is so."""
    plan = RegionDataPlan.model_validate(ctx.guard["plan"])
    if has_published(ctx) or any(has_begun(ctx, region) for region in plan.regions):
        return None
    return f"no data of {ctx.target.name} was overwritten"


def state_of_regions(ctx: StepContext) -> list[str]:
    """Return, for each region, which folder holds which data, in a sentence without its full stop."""
    plan = RegionDataPlan.model_validate(ctx.guard["plan"])
    return states_of_regions(ctx, plan)
