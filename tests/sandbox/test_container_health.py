"""Container health checks: what ECS reports of them, and what its scheduler does about a task that fails them."""

CLUSTER, APP, WORKERS, TARGET = "core-staging-app", "core-staging-app", "core-staging-sidekiq", "core/staging"


def tasks_of(ecs, name=WORKERS):
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=name)["taskArns"]
    return ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []


def reports(ecs, name=WORKERS):
    """Return what ECS reports of each task's containers, and of the task."""
    return sorted((task["containers"][0]["healthStatus"], task["healthStatus"]) for task in tasks_of(ecs, name))


def test_definition_with_a_health_check_makes_ecs_report_it(cloud):
    ecs = cloud.client("ecs", TARGET)
    check = ecs.describe_task_definition(taskDefinition=WORKERS)["taskDefinition"]["containerDefinitions"][0][
        "healthCheck"
    ]
    assert (check["interval"], check["retries"], check["startPeriod"]) == (30, 3, 60)
    assert reports(ecs) == [("HEALTHY", "HEALTHY")] * 2
    assert reports(ecs, APP) == [("UNKNOWN", "UNKNOWN")] * 4, "the load balancer's health is not the containers'"


def test_new_task_is_unknown_until_its_check_has_passed_and_a_deployment_waits_for_that(cloud):
    ecs = cloud.client("ecs", TARGET)
    old = {task["taskArn"] for task in tasks_of(ecs)}
    ecs.update_service(cluster=CLUSTER, service=WORKERS, forceNewDeployment=True)
    cloud.advance(50)  # provisioned, pulled, running
    new = [task for task in tasks_of(ecs) if task["taskArn"] not in old]
    assert [(each["lastStatus"], each["healthStatus"]) for each in new] == [("RUNNING", "UNKNOWN")] * 2
    assert ecs.describe_services(cluster=CLUSTER, services=[WORKERS])["services"][0]["runningCount"] == 4
    cloud.advance(150)
    assert {task["taskArn"] for task in tasks_of(ecs)}.isdisjoint(old)
    assert reports(ecs) == [("HEALTHY", "HEALTHY")] * 2


def test_failed_check_makes_a_task_unhealthy_after_its_retries(cloud, control):
    ecs = cloud.client("ecs", TARGET)
    old = {task["taskArn"] for task in tasks_of(ecs)}
    fault = control.post("/faults", json={"kind": "container_unhealthy", "target": TARGET, "service": WORKERS}).json
    cloud.advance(95)
    ill = {task["taskArn"]: task["healthStatus"] for task in tasks_of(ecs) if task["taskArn"] in old}
    assert list(ill.values()) == ["UNHEALTHY"] * 2, "ECS starts others first, and these keep running"
    assert control.get("/faults").json["faults"][0]["injected"] == 2
    control.delete(f"/faults/{fault['id']}")
    cloud.advance(300)
    assert reports(ecs) == [("HEALTHY", "HEALTHY")] * 2


def test_unhealthy_tasks_of_a_deployment_trip_its_circuit_breaker(cloud, control):
    ecs = cloud.client("ecs", TARGET)
    control.post("/faults", json={"kind": "never_healthy", "target": TARGET, "service": WORKERS})
    ecs.update_service(cluster=CLUSTER, service=WORKERS, forceNewDeployment=True)
    cloud.advance(20 * 60)
    deployments = ecs.describe_services(cluster=CLUSTER, services=[WORKERS])["services"][0]["deployments"]
    assert "circuit breaker" in deployments[0]["rolloutStateReason"]
    stopped = ecs.list_tasks(cluster=CLUSTER, serviceName=WORKERS, desiredStatus="STOPPED")["taskArns"]
    reasons = {task["stoppedReason"] for task in ecs.describe_tasks(cluster=CLUSTER, tasks=stopped)["tasks"]}
    assert "Task failed container health checks" in reasons


def test_fault_needs_a_container_with_a_health_check(control):
    answer = control.post("/faults", json={"kind": "container_unhealthy", "target": TARGET, "service": APP})
    assert answer.status_code == 400
    assert "Service core-staging-app has no container health check" in answer.json["error"]
