"""Ask a person to approve the plan, and record the one decision that counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param

from include.run.approval import Answer, Decision, approve_by_policy, judge, people_to_ask, policy_for
from include.run.approval.policy import COMMENT_LENGTH
from include.run.journal import add_decision, add_event, list_decisions
from include.run.plan.markdown import escape
from include.text import one_line
from opskit.approval.people import assigned, name_of
from opskit.context import StepContext
from opskit.failure import StepFailedError
from opskit.notifications.run_state import show_question
from opskit.retry import retry
from opskit.step import running
from opskit.step_definition import StepDefinition

APPROVE, REJECT = "Approve", "Reject"
TYPED = "typed"  # the field in which an approver types what the plan wants typed


class ApprovePlanOperator(HITLOperator):
    """One seat of the target's approval policy. A seat that the policy does not need passes without a question.

    Airflow only carries the question and the answer. The answer is judged here and stored once in the run store;
    the guard reads it there. So a task that was killed may be retried: what is on record stands, a refusal above all, and
    only a seat without a decision is asked (again: Airflow has no way to hand a retry the answer of the try before).
    """

    def __init__(self, *, planned_by: StepDefinition, seat: int = 1, params: Any = None, **kwargs: Any):
        del params  # an operator gets the params of its DAG, which are no fields of this form
        help_text = "Why, in a sentence. It goes on record and to Slack; a rejection should have one."
        comment = Param(None, type=["null", "string"], title="Comment", description=help_text, maxLength=COMMENT_LENGTH)
        super().__init__(subject="Approve the plan", options=[APPROVE, REJECT], params={"comment": comment}, **kwargs)
        self.planned_by = planned_by
        self.seat = seat

    def execute(self, context: Any) -> Any:
        with running(context) as ctx:
            planned = self._planned(ctx)
            policy = policy_for(ctx.target.environment.approval, planned["plan"], ctx.target.name)
            if policy.unattended and (rule := ctx.unattended):
                by_policy = approve_by_policy(rule, ctx.dag_id, planned["digest"], datetime.now(UTC))
                return self._ended(add_decision(ctx.store, ctx.run, by_policy))
            if self.seat > policy.count:
                self.log.info("Not needed: %s asks for %d approval(s).", ctx.target.name, policy.count)
                return None
            earlier = list_decisions(ctx.store, ctx.run)
            for decision in earlier:
                if decision.seat == self.seat:
                    return self._ended(decision)
            people = people_to_ask(policy, ctx.requester, ctx.target.name)
            people = [user for user in people if user not in {decision.by for decision in earlier}]
            self.assigned_users = assigned(people)
            self.response_timeout = policy.respond_within
            self.subject = f"{ctx.context['dag_run'].dag_id} on {ctx.target.name}: approve this plan?"
            until = datetime.now(UTC) + policy.respond_within
            seat = _seat(policy.count, self.seat, people, until)
            if typed := planned["plan"].get(TYPED):
                self.params[TYPED] = Param("", **typed_field(typed))
            self.body = (
                f"{escape(' '.join([seat, *(f'{decision.why}.' for decision in earlier)]))}\n\n{planned['markdown']}"
            )
            if context["ti"].try_number > 1:
                self.log.warning("The process before this one was ended before an answer was on record; asking again.")
            self.log.info("%s", seat)
            show_question(ctx, "Waiting for an approval", seat)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        with running(context) as ctx:
            planned, answer = self._planned(ctx), self._answer(event)
            wanted, given = planned["plan"].get(TYPED, ""), str((event.get("params_input") or {}).get(TYPED) or "")
            mistyped = answer.approved and wanted and given.strip() != wanted
            if mistyped:
                add_event(ctx.store, ctx.run, ctx.name, "note", _mistyped(answer.by, given, wanted))
        if mistyped:
            return self.execute(context)  # asks again in this attempt: the retries are for attempts that were killed
        with running(context) as ctx:
            policy, digest = (
                policy_for(ctx.target.environment.approval, planned["plan"], ctx.target.name),
                planned["digest"],
            )

            def record() -> Decision:
                earlier = list_decisions(ctx.store, ctx.run)
                decision = judge(policy, ctx.requester, self.seat, digest, answer, earlier)
                return add_decision(ctx.store, ctx.run, decision)

            recorded = retry(ctx.clients, record)  # a retry would have to ask the person again
        return self._ended(recorded)

    @staticmethod
    def _ended(recorded: Decision) -> str:
        if recorded.outcome != "approved":
            raise StepFailedError(f"{recorded.outcome.capitalize()}: {recorded.why}. Nothing was changed.")
        return recorded.why

    def _planned(self, ctx: StepContext) -> dict[str, Any]:
        planned: dict[str, Any] | None = ctx.result_of(self.planned_by)
        if not planned:
            raise StepFailedError(f"Task {self.planned_by.name} left no plan to approve; start a new run.")
        return planned

    def _answer(self, event: dict[str, Any]) -> Answer:
        if event.get("error_type") == "timeout":
            return Answer(approved=False, by=None, at=datetime.now(UTC))
        if "error" in event:
            raise StepFailedError(f"Airflow could not carry the answer back: {event['error']}.")
        chosen, by = event["chosen_options"], name_of(event["responded_by_user"])
        comment = str((event.get("params_input") or {}).get("comment") or "")
        return Answer(approved=chosen == [APPROVE], by=by, at=datetime.now(UTC), comment=comment)


def typed_field(wanted: str) -> dict[str, Any]:
    """Return the field in which an approver types what the plan destroys."""
    return {
        "type": ["null", "string"],
        "maxLength": 200,
        "title": f"Type {wanted} to approve",
        "description": "So that nobody approves a destruction of something else. A rejection needs no typing.",
    }


def _mistyped(by: str | None, given: str, wanted: str) -> str:
    said = f"typed {one_line(given)[:50]!r}" if given.strip() else "typed nothing"
    return f"{by} approved the plan, but {said} in place of {wanted}, so the question is asked again"


def _seat(count: int, seat: int, people: list[str], until: datetime) -> str:
    """Return which approval this is, and who may give it until when."""
    which = f"Approval {seat} of {count}" if count > 1 else "One approval is needed"
    return f"{which}. {' or '.join(people)} may answer until {until:%d %B %H:%M} UTC; no answer is a refusal."
