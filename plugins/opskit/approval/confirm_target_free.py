"""After an unsuccessful run, keep the target leased until a person has checked it."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from include.run.journal import list_causes
from include.run.lease.store import free_lease, keep_lease
from include.run.plan.markdown import escape
from opskit.approval.hitl import ask, who_answered
from opskit.context import StepContext
from opskit.lease import KeptTarget
from opskit.retry import retry
from opskit.step import running
from opskit.step_definition import StepDefinition

FREE = "The target is free again"


class ConfirmTargetFreeOperator(HITLOperator):
    """Waits without a time limit: no other run gets the target before a person has said that it may be used.

    It runs whatever happened, and asks unless `kept` says that the result holds, or why nobody needs to be asked.
    `returned` is the step that leaves a sentence if everything was rolled back. The lease records the reason; it stays even if this
    run is ended by hand, and clearing this task asks again.
    """

    def __init__(self, *, kept: KeptTarget, returned: StepDefinition | None, **kwargs: Any):
        super().__init__(subject="May the target be used again?", options=[FREE], trigger_rule="all_done", **kwargs)
        self.kept = kept
        self.returned = returned

    def execute(self, context: Any) -> Any:
        with running(context) as ctx:
            ctx.skip_unless_begun()
            if self.kept.holds(ctx):
                free_lease(ctx.store, ctx.target.name, ctx.run)  # an earlier pass may have kept the target
                raise AirflowSkipException("What was done holds.")
            if reason := self.kept.why_not(ctx):
                free_lease(ctx.store, ctx.target.name, ctx.run)
                return reason
            self._prepare(ctx)
            ask(self, ctx, f"{ctx.target.name} is kept: {self.why}")
        return super().execute(context)

    def _prepare(self, ctx: StepContext) -> None:
        causes = list_causes(ctx.store, ctx.run)
        self.why = causes[0] if causes else "a step failed, or was ended by hand"
        keep_lease(ctx.store, ctx.target.name, ctx.run, ctx.guard["fencing"], self.why)
        returned = ctx.result_of(self.returned) if self.returned else None
        how = "went back" if returned else "failed and did not go back"
        self.subject = f"{ctx.context['dag_run'].dag_id} {how} on {ctx.target.name}: may it be used again?"
        now = f"{returned}." if returned else "It is not proved to be what it was before: look at it first."
        self.body = (
            f"**{escape(self.why)}**\n\n{escape(now)}\n\n{self.kept.besides} Look at the target, then answer; until then every other "
            "run on it waits."
        )

    def execute_complete(self, context: Any, event: dict[str, Any]) -> str:
        answer: dict[str, Any] = super().execute_complete(context, event)
        with running(context) as ctx:
            text = f"{ctx.target.name} may be used again, says {who_answered(answer)}"
            retry(ctx.clients, lambda: ctx.writer.note(text))
            retry(ctx.clients, lambda: free_lease(ctx.store, ctx.target.name, ctx.run))
        return text
