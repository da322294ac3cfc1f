"""The steps that every runbook has before and after its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from airflow.sdk import PokeReturnValue, task

from opskit.approval.approve_plan import ApprovePlanOperator
from opskit.approval.confirm_target_free import ConfirmTargetFreeOperator
from opskit.context import CONFIRM, StepContext
from opskit.frame import Frame
from opskit.lease import KeptTarget, ask_for_leases, give_leases_back
from opskit.planning import Planner, approved_plan, confirm_plan, make_plan
from opskit.record import Proof, write_record
from opskit.step import FunctionStep, OperatorStep, poll, step
from opskit.step_definition import StepDefinition

LEASE_TIMEOUT = 4 * 3600  # seconds to wait for another run on the target


def _stop(ctx: StepContext) -> bool:
    """End the run if only a plan was requested."""
    return not ctx.params["plan_only"]


stop_if_plan_only = FunctionStep(
    _stop, name="stop_if_plan_only", kind=task.short_circuit, ignore_downstream_trigger_rules=True
)


Others = Callable[[StepContext], Sequence[str]]  # further targets that a run needs


def _question(kept: KeptTarget, proof: Proof) -> OperatorStep:
    return OperatorStep(ConfirmTargetFreeOperator, "confirm_target_free", kept=kept, returned=proof.returned)


class FrameSteps:
    """The steps of a runbook's frame: plan, gates, lock, confirmation, question, release and record."""

    def __init__(
        self,
        subject: str,
        planner: Planner,
        proof: Proof,
        kept: KeptTarget | None,
        others: Others,
        plan_queue: str | None = None,
    ):
        needs: dict[str, Any] = {"queue": plan_queue} if plan_queue else {}

        def planning(ctx: StepContext) -> dict[str, Any]:
            """Plan from the current state of AWS, and refuse unknown params."""
            return make_plan(ctx, planner)

        def locking(ctx: StepContext) -> PokeReturnValue:
            """Take the target's lease, or wait for it."""
            approved_plan(ctx, self.plan)
            return ask_for_leases(ctx, others(ctx))

        def confirming(ctx: StepContext) -> dict[str, Any]:
            """Plan again under the lease, and accept only what was approved."""
            return confirm_plan(ctx, self.plan, self.lock, planner)

        def releasing(ctx: StepContext) -> None:
            """Release the target's lease, unless it is kept."""
            give_leases_back(ctx, others(ctx), kept, self.question)

        def recording(ctx: StepContext) -> str:
            """Write the run's one record, and set the run's final state."""
            return write_record(ctx, self.plan, self.confirm, proof)

        self.plan = step(name=f"plan_{subject}", **needs)(planning)
        self.gates = tuple(
            OperatorStep(ApprovePlanOperator, f"approve_{subject}{suffix}", planned_by=self.plan, seat=seat)
            for seat, suffix in ((1, ""), (2, "_second"))  # a seat that the target's policy does not need is passed
        )
        self.lock = poll(timeout=LEASE_TIMEOUT, name="acquire_lock")(locking)
        self.confirm = step(name=CONFIRM, **needs)(confirming)
        self.question = _question(kept, proof) if kept else None
        self.release = step(name="release_lock")(releasing)
        self.record = step(name=f"record_{subject}")(recording)

    def frame(self, risk: str, groups: tuple[str, ...], before_plan: Sequence[StepDefinition] = ()) -> Frame:
        """Return the roles of the tasks. `groups` are the titles of the runbook's task groups."""
        gates = tuple(gate.name for gate in self.gates)
        names = self.plan.name, gates, self.lock.name, self.confirm.name, self.release.name, self.record.name
        return Frame(risk, *names, groups, tuple(wait.name for wait in before_plan))
