"""What staging has proved before the world began: the deployment of what it runs, as its runbook would have recorded it."""

import json
from datetime import UTC, datetime
from typing import Any

from include.inventory import Target
from sandbox.aws import seeding
from sandbox.aws.ground import Ground
from sandbox.aws.world import World

RUN = "staging_deployment/before-the-world-began"


def prove(world: World, ground: Ground, target: Target) -> None:
    """Put the proof of the image that a staging target runs into its operations table."""
    release = target.environment.release
    if release is None or release.proved_on:
        return
    commit, at = seeding.running_commit(target), datetime.now(UTC).isoformat()
    image = seeding.repository_of(world, target).tagged(seeding.commit_tag(target, commit))
    assert image is not None  # its services run it
    own = {"target": target.name, "run": RUN}
    proof = {**own, "at": at, "digest": image.digest, "commit": commit, "templates": {}}
    record = {**own, "outcome": "success", "text": "deployed and proved", "ended": at, "requester": "ci"}
    _put(ground, target, f"target#{target.name}", f"proof#{image.digest}#{commit}", proof)
    _put(ground, target, f"run#{RUN}", "record", record)


def _put(ground: Ground, target: Target, pk: str, sk: str, document: dict[str, Any]) -> None:
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "version": {"N": "1"}, "document": {"S": json.dumps(document)}}
    ground.client("dynamodb").put_item(TableName=target.environment.operations_table, Item=item)
