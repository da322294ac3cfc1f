"""Ask people about their test maps: whether they have made some, and whether those work on the new data."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param

from include.region_data.qa import BAD, GOOD, LONGEST_NOTE, QaAnswer, WrongAnswerError, add_answer, judge, list_answers
from include.run.journal import add_event
from include.run.params import Declared, wrong_values
from include.run.plan.markdown import escape
from opskit.approval.hitl import ask, who_answered
from opskit.context import StepContext
from opskit.failure import StepFailedError
from opskit.retry import retry
from opskit.step import running

MADE = "There is a test map of every region"
STOP = "Stop here"
LOOKED_AT: dict[str, Any] = {
    "type": "string",
    "maxLength": 40,
    "title": "Region",
    "description": "The region whose map you looked at.",
}
NOTE: dict[str, Any] = {
    "type": ["null", "string"],
    "maxLength": LONGEST_NOTE,
    "title": "Note",
    "description": "What you saw, for the record.",
}
FIELDS = {"looked_at": Declared(LOOKED_AT), "note": Declared(NOTE)}


class ConfirmTestMapsOperator(HITLOperator):
    """Asks for test maps before anything has been changed. Without an answer in time, nothing will be changed."""

    def __init__(self, **kwargs: Any):
        super().__init__(subject="Are there test maps?", options=[MADE, STOP], defaults=STOP, **kwargs)

    def execute(self, context: Any) -> Any:
        with running(context) as ctx:
            regions = [region["region"] for region in ctx.guard["plan"]["regions"]]
            if not regions:
                return "No region of this run has maps yet."
            self.response_timeout = ctx.target.environment.approval.respond_within
            self.subject = f"{ctx.target.name}: is there a test map of {_shortly(regions)}?"
            site = ctx.target.region_data.application
            self.body = (
                f"After the update people have to see that maps still work. At [{site}]({site}) make a map of "
                f"{escape(', '.join(regions))}, each with whole counties and with block groups in a few districts, before their data "
                f"changes.\n\n- *{MADE}*: the backup begins.\n- *{STOP}*: the run ends, nothing was changed."
            )
            ask(self, ctx, self.subject)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> str:
        answer: dict[str, Any] = super().execute_complete(context, event)
        chosen, who = answer["chosen_options"][0], who_answered(answer)
        with running(context) as ctx:
            if chosen != MADE:
                said = (
                    f"{who} stopped the run before anything was changed"
                    if who
                    else "nobody said in time that there are test maps"
                )
                add_event(ctx.store, ctx.run, ctx.name, "failed", said)
                raise StepFailedError(f"{said[0].upper()}{said[1:]}. Nothing was changed.")
            said = f"{who} says that there is a test map of every region"
            retry(ctx.clients, lambda: ctx.writer.note(said))
        return said


class ConfirmQaOperator(HITLOperator):
    """Asks about one region. The first answer counts. The question is repeated as often as an answer names another region."""

    def __init__(self, *, region: str, params: Any = None, **kwargs: Any):
        del params  # a mapped task gets the params of its DAG, which are no fields of this form
        super().__init__(
            subject="Does the new data work?",
            options=[GOOD, BAD],
            params={
                "looked_at": Param("", **LOOKED_AT),
                "note": Param("", **NOTE),
            },
            **kwargs,
        )
        self.region = region

    def execute(self, context: Any) -> Any:
        with running(context) as ctx:
            for look in list_answers(ctx.store, ctx.run):
                if look.region == self.region:
                    return self._ended(ctx, look)
            self.response_timeout = ctx.target.environment.approval.respond_within
            regions = [region["region"] for name in ("regions", "publications") for region in ctx.guard["plan"][name]]
            self.params["looked_at"] = Param("", **LOOKED_AT, examples=regions)
            self.subject = f"{ctx.target.name}: does the new data of {self.region} work?"
            site = ctx.target.region_data.application
            self.body = (
                f"Every task of {escape(ctx.target.name)} runs on the new data. At [{site}]({site}) open the test map of "
                f"**{escape(self.region)}**: it loads; a district can be edited by county; a district can be edited by block group. Name "
                f"{escape(self.region)} below, so that nobody answers for another.\n\n- *{GOOD}*: once every region is good, maps get "
                f"a new version.\n- *{BAD}*, or no answer in time: every region of this run goes back to its backup at once."
            )
            ask(self, ctx, self.subject)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        timed_out = event.get("error_type") == "timeout"
        answer: dict[str, Any] = {} if timed_out else super().execute_complete(context, event)
        with running(context) as ctx:
            try:
                look = self._judge(answer)
            except WrongAnswerError as error:
                said = str(error)
                retry(ctx.clients, lambda: ctx.writer.note(said))
            else:
                recorded = retry(ctx.clients, lambda: add_answer(ctx.store, ctx.run, look))
                return self._ended(ctx, recorded)
        return self.execute(context)  # asks again in this attempt: the retries are for attempts that were killed

    def validate_params_input(self, params_input: Any) -> None:
        """Leave it to the judgement: Airflow's own error would end the attempt."""

    def _judge(self, answer: dict[str, Any]) -> QaAnswer:
        if not answer:
            return judge(self.region, None, None, "", "")
        given, chosen, by = answer["params_input"] or {}, answer["chosen_options"][0], who_answered(answer)
        if chosen == GOOD and (wrong := wrong_values(FIELDS, given)):
            raise WrongAnswerError(
                f"The answer of {by} does not fit the question about {self.region}: {wrong} It is asked again."
            )
        return judge(self.region, chosen, by, str(given.get("looked_at", "")), str(given.get("note") or ""))

    @staticmethod
    def _ended(ctx: StepContext, look: QaAnswer) -> str:
        if not look.good:
            add_event(ctx.store, ctx.run, ctx.name, "failed", look.text)
            raise StepFailedError(f"{look.text[0].upper()}{look.text[1:]}; every region of this run goes back.")
        retry(ctx.clients, lambda: ctx.writer.note(look.text))
        return look.text


def _shortly(regions: list[str]) -> str:
    return ", ".join(regions) if len(regions) <= 3 else f"each of {len(regions)} regions"
