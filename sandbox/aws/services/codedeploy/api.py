"""The CodeDeploy API: blue-green deployments of the inventory's deployment groups."""

import hashlib
from typing import Any

import yaml
from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from sandbox.aws.http.error_responses import ApiError
from sandbox.aws.services.codedeploy.model import DeploymentGroup, Event, Rollout
from sandbox.aws.services.ecs.responses import describe_task_set
from sandbox.aws.sim import blue_green
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime
from sandbox.aws.state.region import Region

CONFIGURATION = "CodeDeployDefault.ECSAllAtOnce"
PAGE = 100
STARTABLE = {"applicationName", "deploymentGroupName", "revision", "description", "deploymentConfigName"} | {
    "autoRollbackConfiguration",
    "overrideAlarmConfiguration",
}


class WorldCodeDeployResponse(BaseResponse):
    """`world` is set once, when the server is made."""

    world: World

    def __init__(self) -> None:
        super().__init__(service_name="codedeploy")
        self.automated_parameter_parsing = True

    @property
    def region_state(self) -> Region:
        return self.world.region(self.current_account, self.region)

    def list_applications(self) -> ActionResult:
        return ActionResult({"applications": sorted({name for name, _ in self.region_state.deployment_groups})})

    def get_application(self) -> ActionResult:
        name = self._application()
        return ActionResult({"application": {"applicationName": name, "computePlatform": "ECS"}})

    def list_deployment_groups(self) -> ActionResult:
        name = self._application()
        found = [group for application, group in self.region_state.deployment_groups if application == name]
        return ActionResult({"applicationName": name, "deploymentGroups": found})

    def get_deployment_group(self) -> ActionResult:
        self.world.catch_up()
        return ActionResult({"deploymentGroupInfo": self._describe_group(self._group())})

    def create_deployment(self) -> ActionResult:
        now, region, group = self.world.catch_up(), self.region_state, self._group()
        given = {key: value for key, value in self._get_params().items() if value is not None}
        if unknown := set(given) - STARTABLE:
            raise NotImplementedError(f"{sorted(unknown)[0]} of a deployment cannot be given")
        if given.get("deploymentConfigName", CONFIGURATION) != CONFIGURATION:
            name = given["deploymentConfigName"]
            raise ApiError(
                "DeploymentConfigDoesNotExistException", f"No deployment configuration found for name: {name}"
            )
        definition, content = _revision(given.get("revision"))
        running = [rollout for rollout in region.rollouts.values() if rollout.group is group and rollout.active]
        if running:
            raise ApiError(
                "DeploymentLimitExceededException",
                f"The Deployment Group '{group.name}' already has an active Deployment '{running[0].id}'",
            )
        made = blue_green.create(
            region, group, definition, content, now, description=str(given.get("description") or "")
        )
        if (rollback := given.get("autoRollbackConfiguration")) is not None:
            made.rollback_events = tuple(rollback.get("events") or ()) if rollback.get("enabled") else ()
        if (alarms := given.get("overrideAlarmConfiguration")) is not None:
            made.alarms = tuple(alarm["name"] for alarm in alarms.get("alarms") or ()) if alarms.get("enabled") else ()
        return ActionResult({"deploymentId": made.id})

    def list_deployments(self) -> ActionResult:
        self.world.catch_up()
        wanted, times = self._get_param("includeOnlyStatuses") or [], self._get_param("createTimeRange") or {}
        application, name = self._get_param("applicationName"), self._get_param("deploymentGroupName")
        if (application is None) != (name is None):
            missing = "ApplicationNameRequiredException" if name else "DeploymentGroupNameRequiredException"
            raise ApiError(missing, "Application name and deployment group name are given together, or neither is.")
        group = self._group() if application else None
        since, until = _seconds(times.get("start"), float("-inf")), _seconds(times.get("end"), float("inf"))
        found = [
            rollout.id
            for rollout in sorted(self.region_state.rollouts.values(), key=lambda each: each.created, reverse=True)
            if group in (None, rollout.group)
            and (not wanted or rollout.status in wanted)
            and since <= rollout.created <= until
        ]
        token = str(self._get_param("nextToken") or "0")
        if not token.isdecimal():
            raise ApiError("InvalidNextTokenException", "The next token was specified in an invalid format.")
        start = int(token)
        answer: dict[str, Any] = {"deployments": found[start : start + PAGE]}
        if start + PAGE < len(found):
            answer["nextToken"] = str(start + PAGE)
        return ActionResult(answer)

    def get_deployment(self) -> ActionResult:
        self.world.catch_up()
        return ActionResult({"deploymentInfo": self._describe(self._rollout())})

    def batch_get_deployments(self) -> ActionResult:
        self.world.catch_up()
        wanted, known = self._get_param("deploymentIds") or [], self.region_state.rollouts
        if len(wanted) > 25:
            raise ApiError("BatchLimitExceededException", "The maximum number of deployment IDs is 25.")
        return ActionResult({"deploymentsInfo": [self._describe(known[each]) for each in wanted if each in known]})

    def stop_deployment(self) -> ActionResult:
        now, rollout = self.world.catch_up(), self._rollout()
        if not rollout.active:
            raise ApiError(
                "DeploymentAlreadyCompletedException",
                f"Deployment {rollout.id} has already completed with status {rollout.status}.",
            )
        blue_green.stop(self.region_state, rollout, bool(self._get_param("autoRollbackEnabled")), now)
        return ActionResult({"status": "Succeeded", "statusMessage": "No more lifecycle events will be scheduled."})

    def continue_deployment(self) -> ActionResult:
        now, rollout = self.world.catch_up(), self._rollout()
        kind = self._get_param("deploymentWaitType") or "READY_WAIT"
        if kind == "READY_WAIT" and rollout.status == "Ready":
            blue_green.allow_traffic(rollout, now)
        elif kind == "TERMINATION_WAIT" and rollout.shifted is not None and rollout.active:
            rollout.shifted = now - rollout.group.wait
        else:
            raise ApiError(
                "DeploymentIsNotInReadyStateException",
                f"Deployment {rollout.id} does not wait, its status is {rollout.status}.",
            )
        return ActionResult(EmptyResult().result)

    def list_deployment_targets(self) -> ActionResult:
        return ActionResult({"targetIds": [_target_id(self._rollout().group)]})

    def batch_get_deployment_targets(self) -> ActionResult:
        self.world.catch_up()
        rollout = self._rollout()
        for name in self._get_param("targetIds") or []:
            self._check_target(rollout, name)
        return ActionResult({"deploymentTargets": [self._describe_target(rollout)]})

    def get_deployment_target(self) -> ActionResult:
        self.world.catch_up()
        rollout = self._rollout()
        self._check_target(rollout, self._get_param("targetId"))
        return ActionResult({"deploymentTarget": self._describe_target(rollout)})

    def _application(self) -> str:
        name = str(self._get_param("applicationName"))
        if not any(name == application for application, _ in self.region_state.deployment_groups):
            raise ApiError("ApplicationDoesNotExistException", f"No application found for name: {name}")
        return name

    def _group(self) -> DeploymentGroup:
        application, name = self._application(), self._get_param("deploymentGroupName")
        if not name:
            raise ApiError("DeploymentGroupNameRequiredException", "Deployment Group name is missing")
        found = self.region_state.deployment_groups.get((application, name))
        if found is None:
            raise ApiError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}")
        return found

    def _rollout(self) -> Rollout:
        name = str(self._get_param("deploymentId"))
        found = self.region_state.rollouts.get(name)
        if found is None:
            raise ApiError("DeploymentDoesNotExistException", f"The deployment {name} could not be found")
        return found

    @staticmethod
    def _check_target(rollout: Rollout, name: str | None) -> None:
        if name != _target_id(rollout.group):
            raise ApiError("DeploymentTargetDoesNotExistException", f"No deployment target found for ID: {name}")

    def _describe_group(self, group: DeploymentGroup) -> dict[str, Any]:
        mine = [rollout for rollout in self.region_state.rollouts.values() if rollout.group is group]
        good = [each for each in mine if each.status == "Succeeded"]
        answer = {
            "applicationName": group.application,
            "deploymentGroupName": group.name,
            "deploymentConfigName": CONFIGURATION,
            "serviceRoleArn": f"arn:aws:iam::{self.current_account}:role/{group.name}-codedeploy",
            "alarmConfiguration": _alarms(group.alarms),
            "ecsServices": [{"clusterName": group.cluster, "serviceName": group.service}],
            "computePlatform": "ECS",
            **_ways(group, group.events),
        }
        for key, those in (("lastAttemptedDeployment", mine), ("lastSuccessfulDeployment", good)):
            if those:
                last = those[-1]
                answer[key] = {"deploymentId": last.id, "status": last.status, "createTime": as_datetime(last.created)}
                if last.completed is not None:
                    answer[key]["endTime"] = as_datetime(last.completed)
        if good:
            answer["targetRevision"] = _as_revision(good[-1].content)
        return answer

    def _describe(self, rollout: Rollout) -> dict[str, Any]:
        group, done = rollout.group, rollout.status if rollout.status in ("Ready", "Succeeded", "Failed") else ""
        counted = done or {"Created": "Pending", "InProgress": "InProgress"}.get(rollout.status, "Skipped")
        answer: dict[str, Any] = {
            "applicationName": group.application,
            "deploymentGroupName": group.name,
            "deploymentConfigName": CONFIGURATION,
            "deploymentId": rollout.id,
            "revision": _as_revision(rollout.content),
            "status": rollout.status,
            "createTime": as_datetime(rollout.created),
            "deploymentOverview": {
                each: int(each == counted)
                for each in ("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready")
            },
            "description": rollout.description,
            "creator": rollout.creator,
            "ignoreApplicationStopFailures": False,
            "updateOutdatedInstancesOnly": False,
            "instanceTerminationWaitTimeStarted": rollout.shifted is not None,
            "fileExistsBehavior": "DISALLOW",
            "deploymentStatusMessages": [],
            "computePlatform": "ECS",
            "overrideAlarmConfiguration": _alarms(rollout.alarms),
            **_ways(group, rollout.rollback_events),
        }
        if before := self._before(rollout):
            answer["previousRevision"] = _as_revision(before.content)
        for key, moment in (("startTime", rollout.started), ("completeTime", rollout.completed)):
            if moment is not None:
                answer[key] = as_datetime(moment)
        if rollout.error:
            answer["errorInformation"] = {"code": rollout.error[0], "message": rollout.error[1]}
        if rollout.rolled_back_by:
            words = f"Deployment {rollout.id} is rolled back by deployment {rollout.rolled_back_by}."
            answer["rollbackInfo"] = {"rollbackDeploymentId": rollout.rolled_back_by, "rollbackMessage": words}
        if rollout.rolls_back:
            words = f"This deployment rolls back deployment {rollout.rolls_back}."
            answer["rollbackInfo"] = {"rollbackTriggeringDeploymentId": rollout.rolls_back, "rollbackMessage": words}
        return answer

    def _before(self, rollout: Rollout) -> Rollout | None:
        """Return the deployment that had succeeded when this one began."""
        done = [
            each
            for each in self.region_state.rollouts.values()
            if each.group is rollout.group and each.status == "Succeeded" and (each.completed or 0.0) <= rollout.created
        ]
        return done[-1] if done and done[-1] is not rollout else None

    def _describe_target(self, rollout: Rollout) -> dict[str, Any]:
        region, group = self.region_state, rollout.group
        service = region.services[group.cluster, group.service]
        status = {"Created": "Pending", "Stopped": "Skipped"}.get(rollout.status, rollout.status)
        target = {
            "deploymentId": rollout.id,
            "targetId": _target_id(group),
            "targetArn": service.arn,
            "lastUpdatedAt": as_datetime(rollout.updated),
            "lifecycleEvents": [_event(name, each) for name, each in rollout.lifecycle.items()],
            "status": status,
            "taskSetsInfo": [self._task_set(rollout, service, deployment) for deployment in service.deployments],
        }
        return {"deploymentTargetType": "ECSTarget", "ecsTarget": target}

    def _task_set(self, rollout: Rollout, service: Any, each: Any) -> dict[str, Any]:
        shown = describe_task_set(self.region_state, service, each)
        arn = each.target_groups[0]["targetGroupArn"]
        return {
            "identifer": each.id,  # AWS's own spelling
            "desiredCount": shown["computedDesiredCount"],
            "pendingCount": shown["pendingCount"],
            "runningCount": shown["runningCount"],
            "status": shown["status"],
            "trafficWeight": 100.0 if each is service.primary else 0.0,
            "targetGroup": {"name": rollout.group.pair[rollout.group.arns.index(arn)]},
            "taskSetLabel": "Green" if each.id == rollout.green else "Blue",
        }


def _revision(given: dict[str, Any] | None) -> tuple[str, str]:
    """Return the task definition and the text of an AppSpec. Raises: ApiError."""
    if not given:
        raise ApiError("RevisionRequiredException", "Revision is missing")
    if given.get("revisionType") not in ("AppSpecContent", "String"):
        raise ApiError(
            "InvalidRevisionException", "The revision type is not supported for the ECS compute platform here"
        )
    content = (given.get("appSpecContent") or given.get("string") or {}).get("content") or ""
    try:
        properties = yaml.safe_load(content)["Resources"][0]["TargetService"]["Properties"]
        balancer = properties["LoadBalancerInfo"]
        definition, _ = str(properties["TaskDefinition"]), (balancer["ContainerName"], int(balancer["ContainerPort"]))
    except (yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        raise ApiError(
            "InvalidRevisionException", "The AppSpec file cannot be located or could not be parsed."
        ) from error
    return definition, content


def _as_revision(content: str) -> dict[str, Any]:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": digest}}


def _alarms(names: tuple[str, ...]) -> dict[str, Any]:
    return {"enabled": bool(names), "ignorePollAlarmFailure": False, "alarms": [{"name": name} for name in names]}


def _ways(group: DeploymentGroup, events: tuple[str, ...]) -> dict[str, Any]:
    """Return the deployment style, as groups and deployments show it."""
    waits = group.ready_wait is not None
    ready: dict[str, Any] = {"actionOnTimeout": "STOP_DEPLOYMENT" if waits else "CONTINUE_DEPLOYMENT"}
    ready["waitTimeInMinutes"] = int((group.ready_wait or 0) / 60)
    return {
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {
                "action": "TERMINATE",
                "terminationWaitTimeInMinutes": int(group.wait / 60),
            },
            "deploymentReadyOption": ready,
        },
        "autoRollbackConfiguration": {"enabled": bool(events), "events": list(events)},
        "loadBalancerInfo": {
            "targetGroupPairInfoList": [
                {
                    "targetGroups": [{"name": each} for each in group.pair],
                    "prodTrafficRoute": {"listenerArns": [group.listener]},
                }
            ]
        },
    }


def _event(name: str, event: Event) -> dict[str, Any]:
    answer: dict[str, Any] = {"lifecycleEventName": name, "status": event.status}
    for key, moment in (("startTime", event.start), ("endTime", event.end)):
        if moment is not None:
            answer[key] = as_datetime(moment)
    return answer


def _target_id(group: DeploymentGroup) -> str:
    return f"{group.cluster}:{group.service}"


def _seconds(moment: Any, otherwise: float) -> float:
    if moment is None:
        return otherwise
    return float(moment) if isinstance(moment, int | float) else float(moment.timestamp())
