"""ECS's own blue/green, canary and linear deployments: new tasks beside the old ones, then the traffic, then the end of the old."""

from __future__ import annotations

from moto.elbv2.models import elbv2_backends

from sandbox.aws.faults.model import Fault
from sandbox.aws.services.ecs.deployment_model import CANARY, FORWARD, LINEAR, STAGES, Hook, HookRun, ServiceDeployment
from sandbox.aws.services.ecs.model import Deployment, Service
from sandbox.aws.sim import ecs_scheduler, service_deployments
from sandbox.aws.state.ids import new_id
from sandbox.aws.state.region import Region

REROUTES = 10.0  # seconds that a shift of traffic takes
FUNCTION = 15.0  # seconds that a Lambda function of a hook takes
GIVES_UP = 3600.0  # seconds after which ECS gives a rollback up whose tasks do not get healthy
LAMBDA = "arn:aws:lambda:eu-west-2:000000000000:function:validate"  # of a hook that only a fault has configured


def reconcile(
    region: Region, service: Service, now: float, start: ecs_scheduler.StartTask, active: list[Fault]
) -> None:
    """Bring a service one step closer to what is wanted."""
    if service.status == "INACTIVE" or not service.deployments:
        return
    tasks, current = region.tasks_of(service), service.history[-1]
    ecs_scheduler.stop_ill(region, service, tasks, now)
    for deployment in list(service.deployments):
        alive = [task for task in tasks if task.alive and task.deployment == deployment.id]
        if deployment.draining:
            for task in alive:
                ecs_scheduler.stop(region, service, task, now)
            if not any(task.deployment == deployment.id and task.status != "STOPPED" for task in tasks):
                service.deployments.remove(deployment)
            continue
        sick = [task for task in alive if ecs_scheduler.is_sick(service, task, now)]
        if _scales(service, current, deployment):
            ecs_scheduler.fill(region, service, deployment, service.desired - len(alive) + len(sick), now, start)
        ecs_scheduler.replace_sick(region, service, alive, sick, now)
        ecs_scheduler.scale_in(region, service, [task for task in alive if task not in sick], now)
    if service.status == "DRAINING" and not any(task.status != "STOPPED" for task in tasks):
        service.status = "INACTIVE"
    if current.ongoing:
        _advance(region, service, current, now, active)
    elif len(service.deployments) == 1 and _healthy(region, service, service.primary) == service.desired:
        ecs_scheduler.say_steady(service, now)


def roll_back(region: Region, service: Service, now: float, why: str = service_deployments.BREAKER) -> None:
    """Give the traffic back to the source revision, whose tasks still run."""
    current = service.history[-1]
    target, source = _target(service, current), _source(service, current)
    if target is None or source is None:
        current.close("STOPPED", now, f"Service deployment stopped because {why}, and there is nothing to go back to.")
        return
    service_deployments.begin_rollback(current, why, source.revision, now)
    service.say(now, f"(deployment {target.id}) deployment failed: {why}.")
    service.say(now, f"rolling back to deployment {source.id}.")
    target.state, target.reason, target.status, target.updated = "FAILED", current.reason, "ACTIVE", now
    source.status, source.draining = "PRIMARY", False
    service.deployments.remove(source)
    service.deployments.insert(0, source)
    service.definition, service.next_try = source.definition, now


def resolve_hook(current: ServiceDeployment, name: str, action: str) -> bool:
    """Answer a pause hook that waits; False if there is none of that id."""
    for run in current.hooks:
        if run.id == name and run.status == "AWAITING_ACTION":
            run.status = "SUCCEEDED" if action == "CONTINUE" else "FAILED"
            return True
    return False


def _scales(service: Service, current: ServiceDeployment, each: Deployment) -> bool:
    """Tell whether a deployment starts its tasks already: the new one waits for its stage."""
    if each.id != current.deployment or not current.ongoing:
        return True
    if current.status not in FORWARD:
        return False  # it is on its way out
    return bool(current.stage) and STAGES.index(current.stage) >= STAGES.index("SCALE_UP")


def _advance(region: Region, service: Service, current: ServiceDeployment, now: float, active: list[Fault]) -> None:
    target = _target(service, current)
    if target is not None:
        current.failures = target.failed
    service_deployments.start(current, now)
    if current.status == "PENDING":
        return
    if current.status == "ROLLBACK_REQUESTED":
        roll_back(region, service, now, service_deployments.REQUEST)
    elif current.status == "ROLLBACK_IN_PROGRESS":
        _go_back(region, service, current, now, active)
    elif target is None:
        current.close("STOPPED", now, "Service deployment stopped because its revision is gone.")
    elif current.stage != "CLEAN_UP" and service_deployments.note_alarms(region, current):
        _fail(region, service, now, f"of the alarms {', '.join(current.triggered)}", current.strategy.rolls_back)
    elif service.breaker.enabled and target.failed >= service.breaker.threshold(service.desired):
        current.tripped = True
        _fail(region, service, now, service_deployments.BREAKER, service.breaker.rolls_back)
    else:
        _pass_stage(region, service, current, target, now, active)


def _fail(region: Region, service: Service, now: float, why: str, goes_back: bool) -> None:
    if goes_back:
        roll_back(region, service, now, why)
        return
    service.primary.state = "FAILED"
    service.history[-1].close("STOPPED", now, f"Service deployment stopped because {why}.")


def _pass_stage(
    region: Region, service: Service, current: ServiceDeployment, target: Deployment, now: float, active: list[Fault]
) -> None:
    if not current.stage:
        spare = [deployment for deployment in service.deployments if deployment is not target and not deployment.weight]
        for each in spare:
            each.draining = True  # what a superseded deployment has left
        current.enter("RECONCILE_SERVICE" if spare else "PRE_SCALE_UP", now)
    _begin_hooks(current, now, active)
    why = _answer_hooks(current, now, active)
    if why:
        roll_back(region, service, now, why)
    elif not any(run.open for run in current.hooks) and _is_done(region, service, current, target, now):
        _leave(service, current, target, now)


def _begin_hooks(current: ServiceDeployment, now: float, active: list[Fault]) -> None:
    visit = f"{current.stage} {current.visits}"
    if current.hooked == visit:
        return
    current.hooked = visit
    hooks = [each for each in current.strategy.hooks if current.stage in each.stages]
    if not hooks and any(fault.fields["stage"] == current.stage for fault in _hook_faults(current, active)):
        hooks = [Hook("AWS_LAMBDA", (current.stage,), LAMBDA)]
    for hook in hooks:
        kind = "pause" if hook.kind == "PAUSE" else "lambda"
        status = "AWAITING_ACTION" if hook.kind == "PAUSE" else "IN_PROGRESS"
        current.hooks.append(HookRun(f"ecs-{kind}-{new_id()}", hook, current.stage, now, status))


def _hook_faults(current: ServiceDeployment, active: list[Fault]) -> list[Fault]:
    return [each for each in active if each.kind == "lifecycle_hook" and each.since <= current.created]


def _answer_hooks(current: ServiceDeployment, now: float, active: list[Fault]) -> str:
    """Settle the hooks whose time has come. Return why the deployment has to go back, or ""."""
    for run in current.hooks:
        striking = [
            each
            for each in _hook_faults(current, active)
            if run.hook.kind == "AWS_LAMBDA" and each.fields["stage"] in (None, run.stage)
        ]
        if run.status == "IN_PROGRESS" and now - run.began >= FUNCTION:
            run.status = "SUCCEEDED"
            for fault in striking:
                run.status = "FAILED" if fault.fields["how"] == "fails" else "IN_PROGRESS"
                if fault.place != (run.id, "", ""):  # counted once a hook
                    fault.place = run.id, "", ""
                    fault.count()
        if run.open and now >= run.expires:
            run.status = "TIMED_OUT" if run.hook.action == "ROLLBACK" else "SUCCEEDED"
        if run.status in ("FAILED", "TIMED_OUT"):
            how = "failed" if run.status == "FAILED" else "timed out"
            return f"a lifecycle hook at {run.stage} {how}"
    return ""


def _is_done(region: Region, service: Service, current: ServiceDeployment, target: Deployment, now: float) -> bool:
    """Do the work of the present stage that takes no time. Tell whether all of it is done."""
    others = [deployment for deployment in service.deployments if deployment is not target]
    lasted = now - current.entered
    match current.stage:
        case "RECONCILE_SERVICE":
            return not any(other.draining for other in others)
        case "SCALE_UP":
            return _healthy(region, service, target) >= service.desired
        case "TEST_TRAFFIC_SHIFT":
            current.test_weight = 100.0 if lasted >= REROUTES else 0.0
            return lasted >= REROUTES
        case "PRODUCTION_TRAFFIC_SHIFT":
            return _shift(region, service, current, target, now)
        case "BAKE_TIME":
            return lasted >= current.strategy.bake
        case "CLEAN_UP":
            for other in others:
                other.draining = True
            return not others and _healthy(region, service, target) >= service.desired
    return True


def _shift(region: Region, service: Service, current: ServiceDeployment, target: Deployment, now: float) -> bool:
    if current.moved is None or current.moved < current.entered:
        if now - current.entered < REROUTES:
            return False
        first = current.strategy.kind == CANARY and not current.weight
        stepwise = current.strategy.kind == LINEAR
        current.weight = min(100.0, current.weight + current.strategy.step) if first or stepwise else 100.0
        current.moved = current.updated = now
        _route(region, service, target, current.weight)
    return current.weight >= 100.0 or now - current.moved >= current.strategy.step_wait


def _leave(service: Service, current: ServiceDeployment, target: Deployment, now: float) -> None:
    """Go on to the next stage, or end."""
    if current.stage == "CLEAN_UP":
        target.state, target.completed, target.updated = "COMPLETED", True, now
        target.reason = f"ECS deployment {target.id} completed."
        current.close("SUCCESSFUL", now)
        service.say(now, f"(deployment {target.id}) deployment completed.")
        ecs_scheduler.say_steady(service, now)
    elif current.stage == "PRODUCTION_TRAFFIC_SHIFT" and current.weight < 100.0:
        current.enter("PRE_PRODUCTION_TRAFFIC_SHIFT", now)
    else:
        current.enter(STAGES[STAGES.index(current.stage) + 1], now)


def _go_back(region: Region, service: Service, current: ServiceDeployment, now: float, active: list[Fault]) -> None:
    assert current.rollback is not None
    lasted, source, target = now - current.rollback[1], service.primary, _target(service, current)
    failing = [each for each in active if each.kind == "rollback_fails"]
    if failing or lasted >= GIVES_UP:
        for fault in failing:
            fault.count()
        current.close("ROLLBACK_FAILED", now, f"{current.reason} The rollback failed.")
        return
    if lasted < REROUTES:
        return
    if source.weight < 100.0:
        current.weight, current.test_weight = 0.0, 0.0
        _route(region, service, source, 100.0)
    if _healthy(region, service, source) < service.desired:
        return
    if target is not None:
        target.draining = True
        return
    source.state, source.completed = "COMPLETED", True
    current.close("ROLLBACK_SUCCESSFUL", now)
    ecs_scheduler.say_steady(service, now)


def _route(region: Region, service: Service, chosen: Deployment, weight: float) -> None:
    """Give a deployment this share of the production traffic, the rest to the one that had it."""
    for deployment in service.deployments:
        deployment.weight = 0.0
    chosen.weight = weight
    others = [deployment for deployment in service.deployments if deployment is not chosen and not deployment.draining]
    if others and weight < 100.0:
        others[0].weight = 100.0 - weight
    for balancer in service.target_groups:
        rule = balancer.get("advancedConfiguration", {}).get("productionListenerRule")
        if not rule:
            continue
        shares = [
            {"TargetGroupArn": group["targetGroupArn"], "Weight": round(deployment.weight)}
            for deployment in service.deployments
            if deployment.weight
            for group in deployment.target_groups
            if group["containerName"] == balancer["containerName"]
        ]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}
        elbv2_backends[region.account][region.name].modify_rule(rule, [], [action])


def _target(service: Service, current: ServiceDeployment) -> Deployment | None:
    return next((deployment for deployment in service.deployments if deployment.id == current.deployment), None)


def _source(service: Service, current: ServiceDeployment) -> Deployment | None:
    """Return the deployment that had the traffic before."""
    others = [
        deployment
        for deployment in service.deployments
        if deployment.id != current.deployment and deployment.revision in current.sources
    ]
    return max(others, key=lambda each: (each.weight, each.completed), default=None)


def _healthy(region: Region, service: Service, deployment: Deployment) -> int:
    return sum(region.is_healthy(task) for task in region.tasks_of(service) if task.deployment == deployment.id)
