"""After a run that did not hold: keep the target until a person has looked at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from include.operations.history import list_causes
from include.operations.leases import free_lease, keep_lease
from include.plan.markdown import escape
from opskit.asking import ask, who_answered
from opskit.patience import insist
from opskit.step import Step, step

FREE = "The target is free again"
NOT_UNDONE = "Schema changes are not undone."


class ConfirmTargetFreeOperator(HITLOperator):
    """Waits for as long as it takes: nobody else gets the target before somebody has said that it may be used.

    Runs whatever happened, and asks unless `held` says that what was done holds, or `why_not` why nobody needs to be asked.
    `returned` is the task that leaves a sentence if everything went back. The lease says why; it stays even if this run is
    ended by hand, and clearing this task asks again.
    """

    def __init__(
        self,
        *,
        held: Callable[[Step], Any],
        returned: str,
        besides: str = NOT_UNDONE,
        why_not: Callable[[Step], str | None] = lambda here: None,
        **kwargs: Any,
    ):
        super().__init__(subject="May the target be used again?", options=[FREE], trigger_rule="all_done", **kwargs)
        self.held = held
        self.returned = returned
        self.besides = besides
        self.why_not = why_not

    def execute(self, context: Any) -> Any:
        with step() as here:
            here.skip_unless_begun()
            if self.held(here):
                free_lease(here.table, here.target.name, here.run)  # which an earlier pass may have kept
                raise AirflowSkipException("What was done holds.")
            if reason := self.why_not(here):
                free_lease(here.table, here.target.name, here.run)
                return reason
            self._prepare(here)
            ask(self, here, f"{here.target.name} is kept: {self.why}")
        return super().execute(context)

    def _prepare(self, here: Step) -> None:
        causes = list_causes(here.table, here.run)
        self.why = causes[0] if causes else "a step failed, or was ended by hand"
        keep_lease(here.table, here.target.name, here.run, here.guard["fencing"], self.why)
        returned = here.result_of(self.returned)
        how = "went back" if returned else "failed and did not go back"
        self.subject = f"{here.context['dag_run'].dag_id} {how} on {here.target.name}: may it be used again?"
        now = f"{returned}." if returned else "It is not proved to be what it was before: look at it first."
        self.body = (
            f"**{escape(self.why)}**\n\n{escape(now)}\n\n{self.besides} Look at the target, then answer; until then every other "
            "run on it waits."
        )

    def execute_complete(self, context: Any, event: dict[str, Any]) -> str:
        answer: dict[str, Any] = super().execute_complete(context, event)
        with step() as here:
            text = f"{here.target.name} may be used again, says {who_answered(answer)}"
            insist(here.clients, lambda: here.permit.note(text))
            insist(here.clients, lambda: free_lease(here.table, here.target.name, here.run))
        return text
