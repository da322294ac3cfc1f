"""The restart as a plain boto3 script: the same calls to AWS in the same order, with the same waits, and nothing around them.

What a runbook adds is left out on purpose: no approval, lease, record, check for drift, or retry, and no process per step.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SUSPENDED = ["AlarmNotification", "ScheduledActions"]
AGREE = 3  # looks in a row that have to find the new tasks healthy


@dataclass(frozen=True)
class Seen:
    """One look: the tasks that are meant to run, those that are healthy, and who is on which instance."""

    service: dict[str, Any]
    alive: list[str]
    healthy: list[str]
    not_stopped: list[str]
    hosts: dict[str, str]
    group: dict[str, Any]


class BareRestart:
    """Restarts the service of a surge; `client(name)` returns a boto3 client, `target` is as the world shows it."""

    def __init__(self, client: Callable[[str], Any], target: dict[str, Any], log_group: str, poll: float):
        self.ecs, self.autoscaling, self.elbv2 = client("ecs"), client("autoscaling"), client("elbv2")
        self.logs, self.sts, self.scaling = client("logs"), client("sts"), client("application-autoscaling")
        self.cluster, self.service = target["cluster"], target["services"][0]["name"]
        self.group, self.log_group, self.poll = target["groups"][0]["name"], log_group, poll
        self.steps: dict[str, tuple[float, float]] = {}  # when each began and ended

    def run(self) -> None:
        with self._step("plan_restart"):
            self.sts.get_caller_identity()
            before = self._look()
            self._read_log()
            self._describe_scaling()
        old, count, most = before.alive, before.service["desiredCount"], before.group["MaxSize"]
        with self._step("surge.raise_group_capacity"):
            self._protect_hosts(self._look())
            self.autoscaling.suspend_processes(AutoScalingGroupName=self.group, ScalingProcesses=SUSPENDED)
            self.autoscaling.set_desired_capacity(
                AutoScalingGroupName=self.group, DesiredCapacity=most, HonorCooldown=False
            )
        with self._step("surge.raise_desired_count"):
            self._look()
            self.ecs.update_service(cluster=self.cluster, service=self.service, desiredCount=most)
        with self._step("surge.await_new_tasks_healthy"):
            self._await(lambda seen: len(set(seen.healthy) - set(old)) == most - len(old), AGREE, log=True)
        with self._step("surge.protect_new_tasks"):
            seen = self._look()
            self._protect([arn for arn in seen.healthy if arn not in old], on=True)
            self._protect_hosts(seen)
        with self._step("surge.stop_old_tasks"):
            self._look()
            self.ecs.update_service(cluster=self.cluster, service=self.service, desiredCount=count)
            for arn in old:
                if arn in self._look().alive:
                    self.ecs.stop_task(cluster=self.cluster, task=arn, reason="restart by a script")
        with self._step("surge.await_old_tasks_stopped"):
            self._await(lambda seen: not set(seen.not_stopped) & set(old))
        with self._step("surge.unprotect_tasks"):
            self._protect(self._look().alive, on=False)
        with self._step("surge.await_count_restored"):
            self._await(lambda seen: len(seen.alive) == count == seen.service["runningCount"])
        with self._step("verify_restart"):
            self._describe_scaling()
            seen = self._look()
            assert len(seen.healthy) == count, f"{len(seen.healthy)} tasks are healthy, not {count}"
            assert not set(seen.alive) & set(old), "an old task still runs"
        with self._step("hand_back_group"):
            seen = self._look()
            self._protect_hosts(seen)
            used = {seen.hosts[arn] for arn in seen.alive}
            spare = [instance["InstanceId"] for instance in seen.group["Instances"] if instance["ProtectedFromScaleIn"]]
            self._protect_instances([each for each in spare if each not in used], on=False)
            self.autoscaling.resume_processes(AutoScalingGroupName=self.group, ScalingProcesses=SUSPENDED)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.time()
        yield
        self.steps[name] = began, time.time()

    def _await(self, met: Callable[[Seen], bool], agree: int = 1, *, log: bool = False) -> None:
        agreed = 0
        while True:
            seen = self._look()
            if log:
                self._read_log()
            agreed = agreed + 1 if met(seen) else 0
            if agreed == agree:
                return
            time.sleep(self.poll)

    def _look(self) -> Seen:
        found = self.ecs.describe_services(cluster=self.cluster, services=[self.service])["services"][0]
        arns = []
        for status in ("RUNNING", "STOPPED"):
            listed = self.ecs.list_tasks(cluster=self.cluster, serviceName=self.service, desiredStatus=status)
            arns += listed["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"]
        listed = self.ecs.list_container_instances(cluster=self.cluster)["containerInstanceArns"]
        instances = self.ecs.describe_container_instances(cluster=self.cluster, containerInstances=listed)
        ids = {
            instance["containerInstanceArn"]: instance["ec2InstanceId"] for instance in instances["containerInstances"]
        }
        balanced = self.elbv2.describe_target_health(TargetGroupArn=found["loadBalancers"][0]["targetGroupArn"])
        well = {
            (description["Target"]["Id"], description["Target"]["Port"])
            for description in balanced["TargetHealthDescriptions"]
            if description["TargetHealth"]["State"] == "healthy"
        }
        named = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.group])
        hosts = {task["taskArn"]: ids.get(task.get("containerInstanceArn", ""), "") for task in tasks}
        alive = [task for task in tasks if task["desiredStatus"] == "RUNNING" and task["lastStatus"] != "STOPPED"]
        running = [each for each in alive if each["lastStatus"] == "RUNNING"]
        return Seen(
            service=found,
            alive=[each["taskArn"] for each in alive],
            healthy=[each["taskArn"] for each in running if _places(each, hosts[each["taskArn"]]) & well],
            not_stopped=[task["taskArn"] for task in tasks if task["lastStatus"] != "STOPPED"],
            hosts=hosts,
            group=named["AutoScalingGroups"][0],
        )

    def _read_log(self) -> None:
        for pattern in ('"Failed to load topology"', "HealthCheckService"):
            self.logs.filter_log_events(logGroupName=self.log_group, filterPattern=pattern)

    def _describe_scaling(self) -> None:
        resource = f"service/{self.cluster}/{self.service}"
        self.scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])

    def _protect(self, arns: list[str], *, on: bool) -> None:
        minutes = {"expiresInMinutes": 120} if on else {}
        self.ecs.update_task_protection(cluster=self.cluster, tasks=arns, protectionEnabled=on, **minutes)

    def _protect_hosts(self, seen: Seen) -> None:
        bare = {instance["InstanceId"] for instance in seen.group["Instances"] if not instance["ProtectedFromScaleIn"]}
        self._protect_instances([seen.hosts[arn] for arn in seen.alive if seen.hosts[arn] in bare], on=True)

    def _protect_instances(self, ids: list[str], *, on: bool) -> None:
        if ids:
            self.autoscaling.set_instance_protection(
                AutoScalingGroupName=self.group, InstanceIds=sorted(set(ids)), ProtectedFromScaleIn=on
            )


def _places(task: dict[str, Any], instance: str) -> set[tuple[str, int]]:
    """Return under what its target group may know a task."""
    ports = [each["hostPort"] for container in task["containers"] for each in container.get("networkBindings", [])]
    return {(instance, port) for port in ports}
