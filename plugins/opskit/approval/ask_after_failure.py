"""After a failure, report the state of the services and ask what to do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator

from include.restart.plan import RestartPlan, ServiceRestart
from include.restart.steps import describe_now, list_unended
from include.run.journal import list_events
from include.run.plan.markdown import escape
from opskit.approval.hitl import ask, note_choice
from opskit.step import running

LEAVE = "Leave everything as it is"
RETURN = "Return to the count before"
TAKE_BACK = "Take the deployment back"
RESPOND_WITHIN = timedelta(hours=4)  # the lease is held meanwhile; without an answer everything stays as it is


class AskAfterFailureOperator(HITLOperator):
    """Asks what to do, but only if the run has begun to change things. Without an answer nothing is undone.

    A retry after its process was killed asks again.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(
            subject="What now?",
            options=[RETURN, TAKE_BACK, LEAVE],
            defaults=LEAVE,
            response_timeout=RESPOND_WITHIN,
            **kwargs,
        )

    def execute(self, context: Any) -> Any:
        with running(context) as ctx:
            ctx.skip_unless_begun()
            plan = RestartPlan.model_validate(ctx.guard["plan"])
            unended = list_unended(ctx, plan.services, datetime.fromisoformat(ctx.guard["since"]))
            names = [service.service for service, _ in unended]
            # where nothing was scaled out, there is no count to set back
            self.options = [*([RETURN] if _surged(plan) else []), *([TAKE_BACK] if names else []), LEAVE]
            failures = [event["text"] for event in list_events(ctx.store, ctx.run) if event["phase"] == "failed"]
            self.subject = f"{ctx.context['dag_run'].dag_id} on {ctx.target.name} stopped: what now?"
            now = describe_now(ctx, plan)
            self.body = "\n\n".join(
                [*(f"**{escape(text)}**" for text in failures[-1:]), escape(now), self._choices(plan, names)]
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
    def _choices(plan: RestartPlan, unended: list[str]) -> str:
        leave = f"- *{LEAVE}*: nothing more is changed; capacity stays up. Choose it to look first."
        if unended:
            leave = f"- *{TAKE_BACK}*: ECS stops the deployment of {', '.join(unended)} and puts back what ran before.\n{leave}"
        if not _surged(plan):
            return leave
        counts = ", ".join(f"{service.service} to {service.count}" for service in _surged(plan))
        return f"- *{RETURN}*: healthy tasks are protected, old ones first, then the desired count goes back ({counts}).\n{leave}"


def _surged(plan: RestartPlan) -> list[ServiceRestart]:
    return [service for service in plan.services if service.kind == "surge"]
