"""AWS CodeBuild: builds of a project, each from one version of its source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.errors import PreconditionError
from include.write import Action, Write

if TYPE_CHECKING:
    from mypy_boto3_codebuild.client import CodeBuildClient

START_BUILD = Action("codebuild", "StartBuild", resources=("projectName",), values=("sourceVersion",))


@dataclass(frozen=True)
class Build:
    """One build. `source_version` is the commit once CodeBuild has resolved it, and the requested version before that."""

    id: str
    status: str  # IN_PROGRESS, SUCCEEDED, FAILED, FAULT, TIMED_OUT, STOPPED
    phase: str
    source_version: str
    log_url: str
    started_at: datetime | None
    ended_at: datetime | None
    reason: str = ""  # the message of the failed phase


def start_build(client: CodeBuildClient, project: str, source_version: str, token: str) -> Write[Build]:
    """Return the write that starts a build of one version of the source and returns it.

    With the same token, CodeBuild starts no second build for five minutes. Whoever repeats the write later calls find_build first.
    Raises: PreconditionError if there is no such project.
    """

    def make() -> Build:
        try:
            response = client.start_build(projectName=project, sourceVersion=source_version, idempotencyToken=token)
        except client.exceptions.ResourceNotFoundException as error:
            raise _unknown(project) from error
        return _build(response["build"])

    return Write(
        START_BUILD,
        f"{project}: commit {source_version[:12]}",
        make,
        resources={"projectName": project},
        values={"sourceVersion": source_version, "idempotencyToken": token},
    )


def describe_build(client: CodeBuildClient, id: str) -> Build:
    """Return the build of that id. Raises: PreconditionError if there is none."""
    found = client.batch_get_builds(ids=[id])["builds"]
    if not found:
        raise PreconditionError(
            f"CodeBuild knows no build {id} in this account and region (it keeps them for a year); start another run."
        )
    return _build(found[0])


def find_build(client: CodeBuildClient, project: str, source_version: str) -> Build | None:
    """Return the newest build of a version of the source among the last hundred builds, or None.

    Raises: PreconditionError if there is no such project.
    """
    try:
        ids = client.list_builds_for_project(projectName=project, sortOrder="DESCENDING").get("ids", [])
    except client.exceptions.ResourceNotFoundException as error:
        raise _unknown(project) from error
    if not ids:
        return None
    builds = {item["id"]: _build(item) for item in client.batch_get_builds(ids=ids)["builds"]}
    newest_first = (builds[build_id] for build_id in ids if build_id in builds)
    return next((build for build in newest_first if build.source_version == source_version), None)


def _unknown(project: str) -> PreconditionError:
    return PreconditionError(
        f"There is no CodeBuild project {project} in this account and region; correct builder.name in the inventory."
    )


def _build(item: Any) -> Build:
    contexts = [context for phase in item.get("phases", []) for context in phase.get("contexts", [])]
    reasons = [str(entry["message"]).strip() for entry in contexts if entry.get("message")]
    return Build(
        id=item["id"],
        status=item["buildStatus"],
        phase=item.get("currentPhase", ""),
        source_version=item.get("resolvedSourceVersion") or item.get("sourceVersion", ""),
        log_url=item.get("logs", {}).get("deepLink", ""),
        started_at=item.get("startTime"),
        ended_at=item.get("endTime"),
        reason=reasons[-1] if reasons else "",
    )
