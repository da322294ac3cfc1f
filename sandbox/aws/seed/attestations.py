"""Attestations that staging's runbooks would have recorded before the world begins."""

import json
from datetime import UTC, datetime
from typing import Any

from include.inventory import Target
from sandbox.aws.seed import image_repositories
from sandbox.aws.seed.static_resources import StaticResources
from sandbox.aws.sim.world import World
from sandbox.aws.state import region_data, target_registry

DEPLOYMENT, UPDATE = "staging_deployment", "region_data_update"


def attest_region_data(resources: StaticResources, target: Target) -> None:
    """Record that all new region data was approved, also that of regions not yet published."""
    section = target.environment.region_data
    if section is None or section.proved_on:
        return
    at, run = datetime.now(UTC).isoformat(), _run(UPDATE, target)
    for region in (*region_data.UPDATED, *region_data.PUBLISHABLE):
        digest = region_data.list_digest(region, region_data.NEW)
        proof = {"at": at, "region": region, "digest": digest, "run": run, "by": "approver"}
        _put(resources, target, f"target#{target.name}", f"data-proof#{region}#{digest}", proof)
    own = {"target": target.name, "run": run}
    record = {**own, "outcome": "success", "text": "found good", "ended": at, "requester": "operator"}
    _put(resources, target, f"run#{run}", "record", record)


def attest_image(world: World, resources: StaticResources, target: Target) -> None:
    """Record that the image which a staging target runs was proved there."""
    release = target.environment.release
    if release is None or release.proved_on:
        return
    commit, at = image_repositories.running_commit(target), datetime.now(UTC).isoformat()
    image = target_registry.repository_of(world, target).tagged(target_registry.commit_tag(target, commit))
    assert image is not None  # its services run it
    run = _run(DEPLOYMENT, target)
    own = {"target": target.name, "run": run}
    proof = {**own, "at": at, "digest": image.digest, "commit": commit, "templates": {}}
    record = {**own, "outcome": "success", "text": "deployed and proved", "ended": at, "requester": "ci"}
    _put(resources, target, f"target#{target.name}", f"proof#{image.digest}#{commit}", proof)
    _put(resources, target, f"run#{run}", "record", record)


def _run(runbook: str, target: Target) -> str:
    """Return a run of a target's own: several targets may share a table."""
    return f"{runbook}/before-the-world-began-{target.name.replace('/', '-')}"


def _put(resources: StaticResources, target: Target, pk: str, sk: str, document: dict[str, Any]) -> None:
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "version": {"N": "1"}, "document": {"S": json.dumps(document)}}
    resources.client("dynamodb").put_item(TableName=target.environment.operations_table, Item=item)
