"""A step that applies Terraform code, and interrupts Terraform if somebody stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from airflow.sdk import BaseOperator

from include.infrastructure import apply
from opskit.context import StepContext
from opskit.queues import TERRAFORM
from opskit.step import OperatorStep, running


class TerraformOperator(BaseOperator):
    """Makes an apply. Who stops the task interrupts Terraform, which then writes its state and releases its lock."""

    apply_id = ""

    def __init__(self, *, part: str, body: Callable[[StepContext], str], **kwargs: Any):
        super().__init__(**kwargs)
        self.part = part
        self.body = body

    def execute(self, context: Any) -> str:
        with running(context) as found:
            ctx = replace(found, part=self.part)
            self.apply_id = ctx.apply_id
            return self.body(ctx)

    def on_kill(self) -> None:
        apply.interrupt(self.apply_id)


def terraform_step(name: str, body: Callable[[StepContext], str], part: str = "") -> OperatorStep:
    """Make a step of a function that applies. `part` tells the applies of a run apart that makes several."""
    return OperatorStep(TerraformOperator, name, queue=TERRAFORM, part=part, body=body)
