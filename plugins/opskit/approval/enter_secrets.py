"""Ask people to enter the values of secrets in AWS, and look whether they are there and plain. No value is shown, kept or passed on."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator

from include.infrastructure.recreation.preflight import recreation_of
from include.infrastructure.recreation.secret_values import wrong_values
from include.run.journal import add_event
from opskit.approval.hitl import ask, who_answered
from opskit.context import StepContext
from opskit.failure import StepFailedError
from opskit.retry import retry
from opskit.step import running

ENTERED = "The values are entered"
STOP = "Stop here"


class EnterSecretsOperator(HITLOperator):
    """Asks until every secret that the inventory names has a plain value. Passes without a question if all have one."""

    def __init__(self, **kwargs: Any):
        super().__init__(subject="Enter the secrets", options=[ENTERED, STOP], defaults=STOP, **kwargs)

    def execute(self, context: Any) -> Any:
        with running(context) as ctx:
            wrong = wrong_values(ctx, recreation_of(ctx).entered)
            if not wrong:
                return "every secret has a plain value"
            self.response_timeout = ctx.target.environment.approval.respond_within
            self.subject = f"{ctx.target.name}: enter the values of {len(wrong)} secrets in AWS"
            told = "\n".join(f"- `{name}` {why}" for name, why in sorted(wrong.items()))
            place = ctx.target.environment
            self.body = (
                f"The secrets are made again in account {place.account}, {place.region}. Enter their values in AWS Secrets Manager as "
                f"plain text: no key and value, no quotes, no JSON. They never come here.\n\n{told}\n\n- *{ENTERED}*: they are looked at, "
                f"then the rest is built.\n- *{STOP}*: the run ends; the next one goes on from here."
            )
            ask(self, ctx, self.subject)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        answer: dict[str, Any] = super().execute_complete(context, event)
        chosen, who = answer["chosen_options"][0], who_answered(answer)
        with running(context) as ctx:
            if chosen != ENTERED:
                self._stop(ctx, who)
            said = f"{who} says that the secrets have their values"
            retry(ctx.clients, lambda: ctx.writer.note(said))
        return self.execute(context)  # asks again if one is not right

    def _stop(self, ctx: StepContext, who: str | None) -> None:
        said = (
            f"{who} stopped the run before the secrets had values"
            if who
            else "nobody said in time that the secrets have values"
        )
        add_event(ctx.store, ctx.run, ctx.name, "failed", said)
        raise StepFailedError(f"{said[0].upper()}{said[1:]}. The rest was not built; a new run goes on from here.")
