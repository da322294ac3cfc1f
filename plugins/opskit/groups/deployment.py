"""The steps that bring a release's image into services, prove it, and go back where that fails; shared by every release."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import task

from include.releases import deploying
from include.releases.green import prove_green
from include.releases.green_deploying import pushed_definition
from include.releases.parts import Migration, ServiceRelease
from include.releases.plans.database_migration import keyed
from include.releases.way_back import not_undone
from opskit.operators.deploy_services import DeployServicesOperator, Way
from opskit.step import Step, step

REGISTERED = "register_definitions"


def parts_of(here: Step) -> tuple[ServiceRelease, ...]:
    """Return the services of the confirmed plan, in order."""
    return tuple(ServiceRelease.model_validate(each) for each in here.guard["plan"]["services"])


def rolled_out(parts: tuple[ServiceRelease, ...]) -> tuple[ServiceRelease, ...]:
    """Return those of the services that ECS itself deploys; the others are CodeDeploy's."""
    return tuple(each for each in parts if each.controller == "ECS")


def digest_of(here: Step) -> str:
    """Return the digest of the release's image: the plan's, or of the one this run had built."""
    return str(here.guard["plan"]["image"] or here.proof_of("image.await_image"))


def released_migration(here: Step) -> tuple[Migration, str] | None:
    """Return the migration of a release and the task definition that was registered for it; None if it has none."""
    planned = here.guard["plan"]["migration"]
    if planned is None:
        return None
    migration = keyed(Migration.model_validate(planned), here.target.name, digest_of(here))
    return migration, here.proof_of(REGISTERED)["one_off"]


@task
def tag_image() -> str:
    """Put the tag people know it by on the image."""
    with step() as here:
        if not rolled_out(parts_of(here)):
            return "the image keeps the tag it was pushed with: another push would start another deployment"
        return deploying.tag_image(
            here.clients, here.permit, here.target, digest_of(here), here.guard["plan"]["readable"]
        )
    raise AssertionError("unreachable: step() raises")


@task(task_id=REGISTERED)
def register_definitions() -> dict[str, Any]:
    """Register the image's task definitions: each service's, and that of one-off tasks."""
    with step() as here:
        digest, one_off = digest_of(here), here.target.environment.one_off
        parts = rolled_out(parts_of(here))
        found = deploying.register_definitions(here.clients, here.permit, here.target, parts, digest)
        arn = ""
        if one_off:
            arn = deploying.register_one_off(
                here.clients, here.permit, here.target, one_off.family, one_off.container, digest
            )
        return {"services": found, "one_off": arn}
    raise AssertionError("unreachable: step() raises")


@task
def raise_group_capacity() -> str:
    """Make room for both revisions of services on instances."""
    with step() as here:
        return deploying.hold_groups(here.clients, here.permit, here.target, rolled_out(parts_of(here)))
    raise AssertionError("unreachable: step() raises")


@task
def hand_back_groups() -> str:
    """Let the groups of services on instances shrink again, whatever happened."""
    with step() as here:
        here.skip_unless_begun()
        return deploying.hand_back_groups(here.clients, here.permit, here.target, rolled_out(parts_of(here)))
    raise AssertionError("unreachable: step() raises")


def _forward(here: Step) -> Way:
    parts, digest = parts_of(here), digest_of(here)
    pushed = tuple(each for each in parts if each.controller == "CODE_DEPLOY" and each.before_digest != digest)
    at = deploying.pushed_at(here.clients, here.target, digest).isoformat() if pushed else ""
    return Way("release", rolled_out(parts), here.proof_of(REGISTERED)["services"], pushed, at)


def deploy_services() -> DeployServicesOperator:
    """One service after the other, in the inventory's order."""
    return DeployServicesOperator(task_id="deploy_services", way=_forward)


@task
def verify_deployment() -> str:
    """Prove that every service runs the release's image in as many healthy tasks as wanted, and nothing else."""
    with step() as here:
        here.permit.check()
        return prove_services(here, parts_of(here), here.proof_of(REGISTERED)["services"], digest_of(here))
    raise AssertionError("unreachable: step() raises")


def prove_services(here: Step, parts: tuple[ServiceRelease, ...], wanted: dict[str, str], digest: str) -> str:
    """Return the proof that every service runs this image, whoever deployed it. Raises: RolloutFailedError."""
    proofs = [prove_green(here.clients, each, digest) for each in parts if each.controller == "CODE_DEPLOY"]
    if rolled := rolled_out(parts):
        proofs.append(deploying.prove_services(here.clients, rolled, wanted, digest))
    return "; ".join(proofs)


def _back(here: Step) -> Way:
    here.skip_unless_begun()
    parts, released = parts_of(here), dict((here.result_of(REGISTERED) or {}).get("services", {}))
    green = tuple(each for each in parts if each.controller == "CODE_DEPLOY")
    for part in green:
        service, since = here.target.environment.service(part.service), datetime.fromisoformat(here.guard["since"])
        released[part.service] = pushed_definition(here.clients, service, part, since)
    back = deploying.find_way_back(here.clients, here.target, parts, released)
    here.permit.note(f"{back.mixed}. {back.text}" if back.mixed else back.text)
    returning = [
        each.part.model_copy(update={"before": each.runs}) for each in back.returns if each.part.controller == "ECS"
    ]
    # CodeDeploy may be on its way to the release while the traffic is still where it was: asked for each of its services
    to = {each.service: each.before for each in green} | {each.part.service: each.to for each in back.returns}
    digest = here.guard["plan"]["image"] or here.result_of("image.await_image")
    pushed = deploying.find_push(here.clients, here.target, digest, green) if digest else None
    return Way("return", (*returning, *reversed(green)), to, pushed_at=pushed.isoformat() if pushed else "")


def _not_undone(here: Step) -> list[str]:
    """Return, in one sentence or none, what a run that goes back leaves as it made it."""
    plan, made = here.guard["plan"], here.result_of("migration.start_migration")
    migrated = [" ".join(plan["migration"]["command"])] if plan.get("migration") and made else []
    published = plan["version"] if here.result_of("publish_release") else ""
    left = not_undone(migrated, published)
    return ["; ".join(left)] if left else []


def return_services() -> DeployServicesOperator:
    """After a failure: every service back to what it ran before, the last one first."""
    return DeployServicesOperator(task_id="return_services", way=_back, trigger_rule="one_failed")


@task
def verify_return() -> str:
    """Prove that every service runs what it ran before."""
    with step() as here:
        parts = parts_of(here)
        proofs = [prove_green(here.clients, p, p.before_digest) for p in parts if p.controller == "CODE_DEPLOY"]
        if rolled := rolled_out(parts):
            proofs.append(deploying.prove_returned(here.clients, rolled))
        return "; not undone: ".join(["; ".join(proofs), *_not_undone(here)])
    raise AssertionError("unreachable: step() raises")
