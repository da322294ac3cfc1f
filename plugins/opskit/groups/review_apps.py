"""The steps that make a review app of a pull request, and prove that it serves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from airflow.sdk import task_group

from include.infrastructure import settle
from include.releases.deployment.steps import tag_image
from include.review_apps import database, infrastructure
from include.review_apps.deployment import services, serving, steps
from include.review_apps.deployment.plan import ReviewAppDeploymentPlan
from include.review_apps.deployment.steps import Preset
from include.run.journal import list_causes
from include.waiters.progress import Progress
from opskit.context import StepContext
from opskit.groups.definitions import digest_of
from opskit.groups.terraform import terraform_step
from opskit.queues import TERRAFORM
from opskit.run_states import state_of
from opskit.step import OperatorStep, poll, step
from opskit.waits.await_state import AwaitStateOperator

PLACE_TIMEOUT = 7 * 24 * 3600  # seconds in the queue
SERVER_TIMEOUT = 72 * 3600  # seconds: a server that is stopped for the weekend
SERVICES_TIMEOUT, SERVING_TIMEOUT = 45 * 60, 20 * 60  # seconds


def plan_app(ctx: StepContext) -> tuple[ReviewAppDeploymentPlan, datetime]:
    """Plan from what GitHub says of the pull request now. A commit that is given must be its newest one."""
    stamp = ctx.context["dag_run"].run_after
    return steps.make_plan(ctx, ctx.params["commit"], stamp, reset_database=ctx.params["reset_database"])


def planned(ctx: StepContext) -> ReviewAppDeploymentPlan:
    """Return the plan that was confirmed."""
    return ReviewAppDeploymentPlan.model_validate(ctx.guard["plan"])


@poll(timeout=PLACE_TIMEOUT)
def await_place(ctx: StepContext) -> Progress:
    """Wait until there is a place for one more app."""
    return steps.look_at_place(ctx, planned(ctx).commit, partial(state_of, ctx))


@step
def announce_deployment(ctx: StepContext) -> str:
    """Say on the pull request that the commit is being deployed."""
    return steps.announce(ctx, planned(ctx).commit)


@step
def tag_review_image(ctx: StepContext) -> str:
    """Put the readable tag on the image."""
    return tag_image(ctx, digest_of(ctx), planned(ctx).readable)


build_infrastructure = terraform_step(
    "build_infrastructure", lambda ctx: steps.build(ctx, planned(ctx)), infrastructure.BUILD
)


@poll(timeout=SERVER_TIMEOUT)
def await_database_server(ctx: StepContext) -> Progress:
    """Wait until the server of the databases is available, and start it if the inventory says so."""
    return database.look_at_server(ctx)


@step
def reset_database(ctx: StepContext) -> str:
    """Drop the database, if that was asked for."""
    return steps.reset(ctx, planned(ctx))


@step
def register_review_definitions(ctx: StepContext) -> dict[str, Any]:
    """Register the image's task definitions."""
    return steps.register(ctx, planned(ctx).commit, digest_of(ctx))


class OneOff:
    """The three steps of a one-off command: its start, its end, and how that is judged."""

    def __init__(self, preset: Preset):
        self.preset = preset
        self.start = step(name=f"start_{preset}")(self._start)
        self.wait = OperatorStep(AwaitStateOperator, f"await_{preset}", watch="task_stopped", arguments=self._started)
        self.verify = step(name=f"verify_{preset}")(self._verify)

    def _definition(self, ctx: StepContext) -> str:
        return str(ctx.proof_of(register_review_definitions)["one_off"])

    def _start(self, ctx: StepContext) -> dict[str, Any]:
        """Start the command's task, or find it."""
        return steps.start(ctx, self.preset, planned(ctx).commit, digest_of(ctx), self._definition(ctx))

    def _started(self, ctx: StepContext) -> dict[str, Any] | str:
        attempt = ctx.proof_of(self.start)
        if attempt["over"]:
            return "it was made before"
        task = steps.one_off(ctx, self.preset, digest_of(ctx))
        return {"cluster": ctx.target.environment.cluster, "arn": attempt["arn"], "container": task.container}

    def _verify(self, ctx: StepContext) -> str:
        """Judge how the command ended."""
        end = ctx.end_of(self.wait)
        return steps.verify(ctx, self.preset, digest_of(ctx), self._definition(ctx), ctx.proof_of(self.start), end)


prepare = OneOff("prepare")
migrate = OneOff("migrate")


@step
def verify_seeded(ctx: StepContext) -> str:
    """Prove that the database holds what the seed puts there."""
    ctx.writer.check()
    return database.verify_seeded(ctx)


@task_group(group_id="app_database", group_display_name="Database of the app")
def app_database() -> None:
    """Prepare the database, prove that it is seeded, and migrate it."""
    prepare.start() >> prepare.wait() >> prepare.verify() >> verify_seeded()
    verify_seeded.last >> migrate.start() >> migrate.wait() >> migrate.verify()


@poll(timeout=SERVICES_TIMEOUT)
def deploy_review_services(ctx: StepContext) -> Progress:
    """Give each service the new image and its tasks, one after the other."""
    wanted = ctx.proof_of(register_review_definitions)["services"]
    return services.look(ctx, planned(ctx).commit, wanted, digest_of(ctx))


@poll(timeout=SERVING_TIMEOUT)
def verify_serving(ctx: StepContext) -> Progress:
    """Prove over HTTP that the app serves this commit."""
    ctx.writer.check()
    return serving.look(ctx, planned(ctx).commit)


@step(queue=TERRAFORM)
def tell_deployment(ctx: StepContext) -> str:
    """Say on the pull request how the deployment ended, and put Terraform's lock and state in order."""
    ctx.skip_unless_begun()
    settled = settle.settle(replace(ctx, part=infrastructure.BUILD))
    proof = str(ctx.result_of(verify_serving) or "") if ctx.passed(verify_serving) else ""
    why = "; ".join(list_causes(ctx.store, ctx.run)) or "it was stopped"
    told = steps.tell_end(ctx, planned(ctx), proof, why)
    return f"{told}; {settled}"
