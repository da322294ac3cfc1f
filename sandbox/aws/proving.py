"""What staging has proved before the world began: the deployment of what it runs, as its runbook would have recorded it."""

from datetime import UTC, datetime
from typing import Any

from include.inventory import Target
from include.operations.history import add_record
from include.operations.proofs import add_proof
from include.operations.table import OperationsTable
from include.plan.model import canonical_json
from include.releases.templates import template_of
from sandbox.aws import seeding
from sandbox.aws.ground import Ground
from sandbox.aws.world import World

RUN = "staging_deployment/before-the-world-began"


def prove(world: World, ground: Ground, target: Target) -> None:
    """Put the proof of the image that a staging target runs into its operations table."""
    release = target.environment.release
    if release is None or release.proved_on:
        return
    commit = seeding.running_commit(target)
    image = seeding.repository_of(world, target).tagged(seeding.commit_tag(target, commit))
    assert image is not None  # its services run it
    table = OperationsTable(ground.client("dynamodb"), target.environment.operations_table)
    templates = {name: canonical_json(_template(ground, target, name)) for name in release.services}
    containers = {target.environment.service(name).container: template for name, template in templates.items()}
    add_proof(table, target.name, image.digest, commit, RUN, containers)
    ended = {"outcome": "success", "text": "deployed and proved", "ended": datetime.now(UTC).isoformat()}
    add_record(table, target.name, RUN, {**ended, "reason": "what staging runs", "requester": "ci"})


def _template(ground: Ground, target: Target, name: str) -> dict[str, Any]:
    service = target.environment.service(name)
    definition = ground.client("ecs").describe_task_definition(taskDefinition=service.family)["taskDefinition"]
    return template_of(next(each for each in definition["containerDefinitions"] if each["name"] == service.container))
