"""CodeBuild's builds: each goes through its phases over time and ends with a pushed image or a failed phase."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox import commits
from sandbox.aws.faults.model import Fault
from sandbox.aws.services.codebuild.model import PHASES, Build, Phase, Project
from sandbox.aws.services.ecr.model import TagTakenError, push_build

ORDER = (*PHASES, "COMPLETED")
COMMIT = re.compile(r"[0-9a-f]{7,40}")
FAILURES = {
    "DOWNLOAD_SOURCE": ("CLIENT_ERROR", "error while downloading: authentication required for primary source"),
    "BUILD": (
        "COMMAND_EXECUTION_ERROR",
        "Error while executing command: docker build --target=production . Reason: exit status 1",
    ),
    "POST_BUILD": ("COMMAND_EXECUTION_ERROR", "Error while executing command: docker push. Reason: exit status 1"),
}
Write = Callable[[str, str, float, str], None]  # log group, stream, moment, line


def start(project: Project, version: str, initiator: str, now: float) -> Build:
    """Begin a build."""
    made = Build(project, len(project.builds) + 1, version, initiator, now)
    made.phases.append(Phase("SUBMITTED", now))
    project.builds.append(made)
    return made


def stop(build: Build, now: float) -> None:
    """Stop a build on request."""
    _end(build, now, "STOPPED", None)


def advance(build: Build, active: list[Fault], now: float, write: Write) -> None:
    """Move a build to where it is at `now`."""
    while build.phases[-1].kind != "COMPLETED":
        phase, deadline = build.phases[-1], build.created + build.timeout * 60
        lasts = build.lasts if phase.kind == "BUILD" else PHASES[phase.kind]
        if build.slowed and phase.kind == "BUILD" and now - phase.start > PHASES["BUILD"]:
            for fault in build.slowed:
                fault.count()
            build.slowed = []
        if build.status == "IN_PROGRESS" and now >= deadline and phase.start + lasts > deadline:
            _end(build, deadline, "TIMED_OUT", ("BUILD_TIMED_OUT", "Build has timed out. "))
        elif now >= phase.start + lasts:
            _leave(build, phase.start + lasts, active, write)
        else:
            return


def _leave(build: Build, now: float, active: list[Fault], write: Write) -> None:
    """End a phase as it ends, and begin the next one."""
    phase, project = build.phases[-1], build.project
    problem = _problem(build, phase.kind, active, now)
    if problem:
        write(project.log_group, build.uuid, now, f"[Container] Phase complete: {phase.kind} State: FAILED")
        write(
            project.log_group,
            build.uuid,
            now,
            f"[Container] Phase context status code: {problem[0]} Message: {problem[1]}",
        )
        _end(build, now, "FAILED", problem)
        return
    phase.end, phase.status = now, "SUCCEEDED"
    following = ORDER[ORDER.index(phase.kind) + 1]
    if ORDER.index(phase.kind) >= ORDER.index("DOWNLOAD_SOURCE") and following != "COMPLETED":
        write(project.log_group, build.uuid, now, f"[Container] Phase complete: {phase.kind} State: SUCCEEDED")
    build.phases.append(Phase(following, now))
    if following == "BUILD":
        build.slowed = [each for each in active if each.kind == "build_slow"]
        for each in build.slowed:
            build.lasts *= each.fields["factor"]
    if following == "COMPLETED" and build.status == "IN_PROGRESS":
        build.status = "SUCCEEDED"


def _problem(build: Build, kind: str, active: list[Fault], now: float) -> tuple[str, str] | None:
    """Do the work of a phase. Return the status code and the message of what went wrong, if something did."""
    if build.status != "IN_PROGRESS":
        return None
    for fault in active:
        if fault.kind == "build_fails" and fault.fields["phase"] == kind and fault.injected < fault.fields["times"]:
            fault.count()
            return FAILURES[kind]
    if kind == "DOWNLOAD_SOURCE":
        return _resolve(build)
    if kind == "POST_BUILD":
        return _push(build, active, now)
    return None


def _resolve(build: Build) -> tuple[str, str] | None:
    project, version = build.project, build.version
    known = [commits.commit_sha(project.source, number) for number in range(commits.COMMITS, 0, -1)]
    if version in ("", "main", "refs/heads/main"):
        build.resolved = known[0]
    elif COMMIT.fullmatch(version):
        # one that came later is none of the first ones, and has to be given in full where the tag is
        full = next((each for each in known if each.startswith(version)), version)
        build.resolved = full if len(full) >= project.commit_length else ""
    if not build.resolved:
        words = f"error while downloading: reference not found for primary source and source version {version}"
        return "CLIENT_ERROR", words
    return None


def _push(build: Build, active: list[Fault], now: float) -> tuple[str, str] | None:
    project = build.project
    tag = build.resolved[: project.commit_length]
    try:
        push_build(project.repository, project.source, build.resolved, build.uuid, tag, active, now)
    except TagTakenError:
        return "COMMAND_EXECUTION_ERROR", (
            f"Error while executing command: docker push {project.repository.uri}:{tag}. Reason: exit status 1: tag invalid: "
            f"The image tag '{tag}' already exists in the '{project.repository.name}' repository and cannot be overwritten "
            "because the repository is immutable."
        )
    return None


def _end(build: Build, now: float, status: str, context: tuple[str, str] | None) -> None:
    """End the phase and what comes after it; only the finalizing is left."""
    phase = build.phases[-1]
    phase.end, phase.status, phase.context = now, status, context
    build.status = status
    build.phases.append(Phase("FINALIZING", now))
