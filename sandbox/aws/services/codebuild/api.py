"""The CodeBuild API: builds of the inventory's projects."""

import json
from typing import Any

from moto.core.responses import ActionResult, BaseResponse

from sandbox.aws.http.error_responses import ApiError
from sandbox.aws.services.codebuild.model import TIMEOUT, Build, Phase, Project
from sandbox.aws.services.sts.api import WorldStsResponse
from sandbox.aws.sim import image_build
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.region import Region

TOKEN_LASTS = 300.0  # seconds
PAGE = 100
STARTABLE = {
    "projectName",
    "sourceVersion",
    "idempotencyToken",
    "timeoutInMinutesOverride",
    "environmentVariablesOverride",
}


class WorldCodeBuildResponse(BaseResponse):
    """`world` is set once, when the server is made."""

    world: World

    def __init__(self) -> None:
        super().__init__(service_name="codebuild")
        self.automated_parameter_parsing = True

    @property
    def region_state(self) -> Region:
        return self.world.region(self.current_account, self.region)

    def list_projects(self) -> ActionResult:
        return ActionResult({"projects": sorted(self.region_state.projects)})

    def batch_get_projects(self) -> ActionResult:
        names, known = self._get_param("names") or [], self.region_state.projects
        found = [self._describe_project(known[name]) for name in names if name in known]
        return ActionResult({"projects": found, "projectsNotFound": [name for name in names if name not in known]})

    def start_build(self) -> ActionResult:
        now, given = (
            self.world.catch_up(),
            {key: value for key, value in self._get_params().items() if value is not None},
        )
        project = self._project()
        if unknown := set(given) - STARTABLE:
            raise NotImplementedError(f"{sorted(unknown)[0]} of a build cannot be given")
        token, asked = given.pop("idempotencyToken", None), json.dumps(given, sort_keys=True, default=str)
        if token in project.tokens and now - project.tokens[token][0] < TOKEN_LASTS:
            _, before, again = project.tokens[token]
            if before != asked:
                raise _invalid("The idempotency token was used before with other parameters")
            return ActionResult({"build": self._describe(again, now)})
        timeout = int(given.get("timeoutInMinutesOverride") or TIMEOUT)
        if not 5 <= timeout <= 2160:
            raise _invalid("Invalid timeout: must be between 5 and 2160 minutes")
        caller = WorldStsResponse.identities.find(self.get_access_key())
        initiator = f"{caller.role}/{caller.session}" if caller else "unknown"
        made = image_build.start(project, str(given.get("sourceVersion") or ""), initiator, now)
        made.timeout = timeout
        if token:
            project.tokens[token] = now, asked, made
        return ActionResult({"build": self._describe(made, now)})

    def stop_build(self) -> ActionResult:
        now, wanted = self.world.catch_up(), str(self._get_param("id"))
        found = self._find(wanted)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"Build {wanted} does not exist")
        if found.status == "IN_PROGRESS":
            image_build.stop(found, now)
        return ActionResult({"build": self._describe(found, now)})

    def batch_get_builds(self) -> ActionResult:
        now, wanted = self.world.catch_up(), self._get_param("ids") or []
        if not 1 <= len(wanted) <= 100:
            raise _invalid("Invalid ids: must have between 1 and 100 items")
        found = {each: self._find(each) for each in wanted}
        shown = [self._describe(each, now) for each in found.values() if each]
        return ActionResult({"builds": shown, "buildsNotFound": [name for name, each in found.items() if each is None]})

    def list_builds_for_project(self) -> ActionResult:
        self.world.catch_up()
        found = [build.id for build in self._project().builds]
        if self._get_param("sortOrder") != "ASCENDING":
            found.reverse()
        token = str(self._get_param("nextToken") or "0")
        if not token.isdecimal():
            raise _invalid("Invalid nextToken")
        start = int(token)
        answer: dict[str, Any] = {"ids": found[start : start + PAGE]}
        if start + PAGE < len(found):
            answer["nextToken"] = str(start + PAGE)
        return ActionResult(answer)

    def _project(self) -> Project:
        name = str(self._get_param("projectName"))
        found = self.region_state.projects.get(name)
        if found is None:
            arn = self.region_state.arn("codebuild", f"project/{name}")
            raise ApiError("ResourceNotFoundException", f"Project cannot be found: {arn}")
        return found

    def _find(self, name: str) -> Build | None:
        project = self.region_state.projects.get(name.rsplit("/", 1)[-1].split(":")[0])
        return (
            next((build for build in project.builds if name in (build.id, self._arn(build))), None) if project else None
        )

    def _arn(self, build: Build) -> str:
        return self.region_state.arn("codebuild", f"build/{build.id}")

    def _describe_project(self, project: Project) -> dict[str, Any]:
        return {
            "name": project.name,
            "arn": self.region_state.arn("codebuild", f"project/{project.name}"),
            "source": _source(project),
            "timeoutInMinutes": TIMEOUT,
        }

    def _describe(self, build: Build, now: float) -> dict[str, Any]:
        project = build.project
        answer = {
            "id": build.id,
            "arn": self._arn(build),
            "buildNumber": build.number,
            "startTime": as_datetime(build.created),
            "currentPhase": build.phases[-1].kind,
            "buildStatus": build.status if build.ended is not None else "IN_PROGRESS",
            "projectName": project.name,
            "phases": [_phase(phase) for phase in build.phases],
            "source": _source(project),
            "initiator": build.initiator,
            "timeoutInMinutes": build.timeout,
            "buildComplete": build.ended is not None,
            "logs": {
                "groupName": project.log_group,
                "streamName": build.uuid,
                "deepLink": f"https://console.aws.amazon.com/cloudwatch/home?region={self.region}#logEvent:group="
                f"{project.log_group};stream={build.uuid}",
            },
        }
        for key, value in (("sourceVersion", build.version), ("resolvedSourceVersion", build.resolved)):
            if value:
                answer[key] = value
        if build.ended is not None:
            answer["endTime"] = as_datetime(build.ended)
        return answer


def _phase(phase: Phase) -> dict[str, Any]:
    answer: dict[str, Any] = {"phaseType": phase.kind, "startTime": as_datetime(phase.start)}
    if phase.end is not None:
        answer |= {
            "endTime": as_datetime(phase.end),
            "durationInSeconds": int(phase.end - phase.start),
            "phaseStatus": phase.status,
        }
    if phase.context:
        answer["contexts"] = [{"statusCode": phase.context[0], "message": phase.context[1]}]
    return answer


def _source(project: Project) -> dict[str, Any]:
    return {"type": "GITHUB", "location": f"https://github.com/{project.source}.git"}


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidInputException", message)
