"""What became of a release's write whose answer was never noted: read from AWS and GitHub as they are now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from include.restart.findings import IT_WAS, IT_WAS_NOT

NOT_READ = "it could not be asked whether it was made; the step looks again before it repeats it"


@dataclass(frozen=True)
class Facts:
    """What is known now; None is what nobody has read."""

    runs: Mapping[str, str] | None = None  # the task definition each service has as PRIMARY
    newest: Mapping[str, str] | None = None  # the image in the newest revision of each family
    started: Collection[str] | None = None  # startedBy of the tasks that AWS knows
    tags: Collection[str] | None = None  # in the registry
    published: Collection[str] | None = None  # releases on GitHub, drafts not included
    drafts: Collection[str] | None = None
    snapshots: Collection[str] | None = None
    deployed: Collection[str] | None = None  # task definitions that CodeDeploy was asked for
    stopped: Collection[str] | None = None  # its deployments that were stopped


def find(intent: Mapping[str, Any], facts: Facts) -> str:
    """Say whether the write of an intent was made."""
    made = _was_made(str(intent.get("call")), intent.get("on", ()), intent.get("values", {}), facts)
    if made is None:
        return NOT_READ
    return IT_WAS if made else IT_WAS_NOT


def _was_made(call: str, on: Collection[str], values: Mapping[str, Any], facts: Facts) -> bool | None:
    match call:
        case "ecs.UpdateService" if "taskDefinition" in values:
            return _all(facts.runs, on, values["taskDefinition"])
        case "ecs.RegisterTaskDefinition" if "image" in values:
            return _all(facts.newest, on, values["image"])
        case "ecs.RunTask":
            return _has(facts.started, values.get("startedBy"))
        case "ecr.PutImage":
            return _has(facts.tags, values.get("imageTag"))
        case "github.PublishRelease":
            return _has(facts.published, values.get("tag_name"))
        case "github.CreateRelease":
            known = None if facts.drafts is None or facts.published is None else {*facts.drafts, *facts.published}
            return _has(known, values.get("tag_name"))
        case "codedeploy.CreateDeployment":
            return _has(facts.deployed, values.get("wanted"))
        case "codedeploy.StopDeployment":
            return _has(facts.stopped, values.get("deploymentId"))
        case "rds.CreateDBSnapshot":
            return _has(facts.snapshots, values.get("DBSnapshotIdentifier"))
    return None


def _all(known: Mapping[str, str] | None, on: Collection[str], wanted: object) -> bool | None:
    found = [known[name] for name in on if name in known] if known is not None else []
    return all(each == wanted for each in found) if found else None


def _has(known: Collection[str] | None, wanted: object) -> bool | None:
    return None if known is None else wanted in known
