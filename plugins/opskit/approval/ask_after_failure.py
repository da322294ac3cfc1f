"""After a failure, report the state of the services and ask what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator

from include.restart.plan import RestartPlan, ServiceRestart
from include.restart.steps import describe_now
from include.run.journal import list_events
from include.run.plan.markdown import escape
from opskit.approval.hitl import ask, note_choice
from opskit.step import running

LEAVE = "Leave everything as it is"
RETURN = "Return to the count before"
RESPOND_WITHIN = timedelta(hours=4)  # the lease is held meanwhile; without an answer everything stays as it is


class AskAfterFailureOperator(HITLOperator):
    """Asks what to do, but only if the run has begun to change things. Without an answer nothing is undone.

    A retry after its process was killed asks again.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(
            subject="What now?", options=[RETURN, LEAVE], defaults=LEAVE, response_timeout=RESPOND_WITHIN, **kwargs
        )

    def execute(self, context: Any) -> Any:
        with running(context) as ctx:
            ctx.skip_unless_begun()
            plan = RestartPlan.model_validate(ctx.guard["plan"])
            if not _surged(plan):
                self.options = [LEAVE]  # nothing was scaled out, so there is no count to set back
            failures = [event["text"] for event in list_events(ctx.store, ctx.run) if event["phase"] == "failed"]
            self.subject = f"{ctx.context['dag_run'].dag_id} on {ctx.target.name} stopped: what now?"
            now = describe_now(ctx, plan)
            self.body = "\n\n".join(
                [*(f"**{escape(text)}**" for text in failures[-1:]), escape(now), self._choices(plan)]
            )
            ask(self, ctx, now)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> str:
        answer: dict[str, Any] = super().execute_complete(context, event)
        chosen: str = answer["chosen_options"][0]
        with running(context) as ctx:
            note_choice(ctx, answer, chosen)
        return chosen

    @staticmethod
    def _choices(plan: RestartPlan) -> str:
        leave = f"- *{LEAVE}*: nothing more is changed; capacity stays up. Choose it to look first."
        if not _surged(plan):
            return leave
        counts = ", ".join(f"{service.service} to {service.count}" for service in _surged(plan))
        return f"- *{RETURN}*: healthy tasks are protected, old ones first, then the desired count goes back ({counts}).\n{leave}"


def _surged(plan: RestartPlan) -> list[ServiceRestart]:
    return [service for service in plan.services if service.kind == "surge"]
