"""Service deployments of the simulated ECS: blue/green, canary, linear and rolling; bake, hooks, alarms, breaker, stop."""

import pytest
import yaml
from botocore.exceptions import ClientError

from include.inventory import load
from include.inventory.loader import SHIPPED
from sandbox.aws.services.ecs.deployment_model import Breaker

VISITS, CLUSTER, WEB, WORKER = "visits/staging", "visits-staging", "visits-staging-web", "visits-staging-worker"
ALARM = "visits-staging-web-5xx"
GROUPS = {"visits-staging-web-a": "a", "visits-staging-web-b": "b"}
PAUSE = {
    "targetType": "PAUSE",
    "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
    "timeoutConfiguration": {"timeoutInMinutes": 30, "action": "ROLLBACK"},
}


@pytest.fixture(scope="session")
def small_inventory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    content = yaml.safe_load((SHIPPED / "visits.yaml").read_text())
    content["environments"] = {"staging": content["environments"]["staging"]}
    (folder / "visits.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


class Clinic:
    """The target, looked at over the API."""

    def __init__(self, cloud, control):
        self.cloud, self.control, self.ecs = cloud, control, cloud.client("ecs", VISITS)

    def configure(self, name=WEB, **configuration):
        self.ecs.update_service(cluster=CLUSTER, service=name, deploymentConfiguration=configuration)

    def deploy(self, name=WEB):
        """Deploy one more revision of what runs. Return its service deployment's ARN."""
        old = self.live(name)
        described = self.ecs.describe_task_definition(taskDefinition=old)["taskDefinition"]
        taken = ("family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory")
        new = self.ecs.register_task_definition(**{key: described[key] for key in taken})["taskDefinition"]
        self.ecs.update_service(cluster=CLUSTER, service=name, taskDefinition=new["taskDefinitionArn"])
        return self.newest(name)["serviceDeploymentArn"]

    def newest(self, name=WEB):
        return self.ecs.list_service_deployments(cluster=CLUSTER, service=name)["serviceDeployments"][0]

    def look(self, arn):
        (found,) = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
        return found

    def service(self, name=WEB):
        return self.ecs.describe_services(cluster=CLUSTER, services=[name])["services"][0]

    def live(self, name=WEB):
        return self.service(name)["taskDefinition"]

    def counts(self):
        """Return the deployments of the website: status, number of its revision, running tasks."""
        found = self.service()["deployments"]
        return [(each["status"], each["taskDefinition"].rsplit(":", 1)[1], each["runningCount"]) for each in found]

    def traffic(self):
        """Return the weights of the listener's rule, by target group."""
        elb = self.cloud.client("elbv2", VISITS)
        rule = self.service()["loadBalancers"][0]["advancedConfiguration"]["productionListenerRule"]
        (found,) = elb.describe_rules(RuleArns=[rule])["Rules"]
        weights = {}
        for each in found["Actions"][0]["ForwardConfig"]["TargetGroups"]:
            group = elb.describe_target_groups(TargetGroupArns=[each["TargetGroupArn"]])["TargetGroups"][0]
            weights[GROUPS[group["TargetGroupName"]]] = each["Weight"]
        return weights

    def stages(self, arn, until=3600, every=10):
        """Return the lifecycle stages a deployment goes through until it is over, with what the rule's weights were."""
        seen = []
        for _ in range(0, until, every):
            found = self.look(arn)
            if found["status"] not in ("PENDING", "IN_PROGRESS"):
                break
            step = (found.get("lifecycleStage"), self.traffic())
            if not seen or seen[-1] != step:
                seen.append(step)
            self.cloud.advance(every)
        return seen

    def until(self, arn, status):
        for _ in range(120):
            if self.look(arn)["status"] == status:
                return self.look(arn)
            self.cloud.advance(60)
        pytest.fail(f"{self.look(arn)['status']} at {self.look(arn).get('lifecycleStage')}, never {status}")

    def until_stage(self, arn, stage):
        for _ in range(60):
            found = self.look(arn)
            assert found["status"] in ("PENDING", "IN_PROGRESS"), found["statusReason"]
            if found.get("lifecycleStage") == stage:
                return
            self.cloud.advance(30)
        pytest.fail(f"never at {stage}")

    def inject(self, kind, **fields):
        answer = self.control.post("/faults", json={"kind": kind, "target": VISITS, **fields})
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()["id"]

    def injected(self, fault):
        faults = self.control.get("/faults").get_json()["faults"]
        return next(each["injected"] for each in faults if each["id"] == fault)


@pytest.fixture
def clinic(cloud, control):
    return Clinic(cloud, control)


def test_world_begins_with_a_successful_service_deployment(clinic):
    newest = clinic.newest()
    assert newest["status"] == "SUCCESSFUL"
    described = clinic.look(newest["serviceDeploymentArn"])
    assert described["deploymentConfiguration"]["strategy"] == "BLUE_GREEN"
    assert described["deploymentConfiguration"]["bakeTimeInMinutes"] == 5
    revision = clinic.ecs.describe_service_revisions(serviceRevisionArns=[newest["targetServiceRevisionArn"]])
    assert revision["serviceRevisions"][0]["taskDefinition"] == clinic.live()
    assert clinic.service()["currentServiceDeployment"] == newest["serviceDeploymentArn"]
    assert clinic.newest(WORKER)["status"] == "SUCCESSFUL"
    assert clinic.traffic() == {"a": 100}


def test_blue_green_passes_every_stage_and_both_revisions_run_while_it_bakes(clinic, cloud):
    arn = clinic.deploy()
    assert clinic.look(arn)["status"] == "PENDING"
    assert clinic.service()["currentServiceDeployment"] != arn  # outdated for a while, as ECS has it
    seen = clinic.stages(arn, until=420)
    assert [stage for stage, _ in seen][:4] == [None, "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT"]
    assert seen[-1] == ("BAKE_TIME", {"b": 100})
    service = clinic.service()
    assert clinic.counts() == [("PRIMARY", "2", 2), ("ACTIVE", "1", 2)]
    assert (service["runningCount"], service["desiredCount"]) == (4, 2)
    assert all("rolloutState" not in deployment for deployment in service["deployments"])
    cloud.advance(300)
    assert clinic.look(arn)["lifecycleStage"] == "CLEAN_UP"
    found = clinic.until(arn, "SUCCESSFUL")
    assert (clinic.counts(), clinic.traffic()) == ([("PRIMARY", "2", 2)], {"b": 100})
    assert found["targetServiceRevision"]["requestedProductionTrafficWeight"] == 100.0
    again = clinic.until(clinic.deploy(), "SUCCESSFUL")
    assert (again["status"], clinic.traffic()) == ("SUCCESSFUL", {"a": 100})


def test_canary_moves_a_share_first_and_linear_the_same_share_again_and_again(clinic):
    canary = {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 4}
    clinic.configure(strategy="CANARY", canaryConfiguration=canary)
    weights = [traffic for _, traffic in clinic.stages(clinic.deploy())]
    assert [each for i, each in enumerate(weights) if each != weights[i - 1]] == [
        {"a": 100},
        {"b": 10, "a": 90},
        {"b": 100},
    ]
    clinic.configure(strategy="LINEAR", linearConfiguration={"stepPercent": 40.0, "stepBakeTimeInMinutes": 2})
    weights = [traffic.get("a", 0) for _, traffic in clinic.stages(clinic.deploy())]
    assert [each for i, each in enumerate(weights) if each != weights[i - 1]] == [0, 40, 80, 100]
    assert clinic.newest()["status"] == "SUCCESSFUL"


def test_alarm_in_the_bake_sends_the_traffic_back(clinic, cloud):
    clinic.configure(alarms={"alarmNames": [ALARM], "enable": True, "rollback": True})
    arn = clinic.deploy()
    clinic.until_stage(arn, "BAKE_TIME")
    clinic.inject("alarm", name=ALARM)
    cloud.advance(10)
    assert clinic.look(arn)["status"] == "ROLLBACK_IN_PROGRESS"
    found = clinic.until(arn, "ROLLBACK_SUCCESSFUL")
    assert found["alarms"] == {"status": "TRIGGERED", "alarmNames": [ALARM], "triggeredAlarmNames": [ALARM]}
    assert found["rollback"]["reason"] == f"Service deployment rolled back because of the alarms {ALARM}."
    assert (clinic.counts(), clinic.traffic()) == ([("PRIMARY", "1", 2)], {"a": 100})
    assert clinic.newest()["serviceDeploymentArn"] == arn  # ECS makes no second one


def test_alarm_that_fires_before_is_not_watched(clinic):
    clinic.configure(alarms={"alarmNames": [ALARM], "enable": True, "rollback": True})
    clinic.inject("alarm", name=ALARM)
    assert clinic.until(clinic.deploy(), "SUCCESSFUL")["alarms"]["status"] == "DISABLED"


def test_new_tasks_that_never_get_healthy_trip_the_breaker(clinic):
    fault = clinic.inject("crash", service=WEB, after_seconds=5)
    found = clinic.until(clinic.deploy(), "ROLLBACK_SUCCESSFUL")
    assert (found["deploymentCircuitBreaker"]["status"], clinic.injected(fault) >= 3) == ("TRIGGERED", True)
    assert (clinic.counts(), clinic.traffic()) == ([("PRIMARY", "1", 2)], {"a": 100})


@pytest.mark.parametrize(
    ("threshold", "desired", "failures"),
    [
        ({}, 4, 3),
        ({}, 25, 13),
        ({}, 1000, 200),
        ({"kind": "BOUNDED_PERCENT", "value": 10}, 10, 3),
        ({"kind": "UNBOUNDED_PERCENT", "value": 10}, 10, 1),
        ({"kind": "UNBOUNDED_PERCENT", "value": 50}, 1000, 500),
        ({"kind": "COUNT", "value": 7}, 1000, 7),
    ],
)
def test_breakers_threshold(threshold, desired, failures):
    assert Breaker(enabled=True, **threshold).threshold(desired) == failures


def test_counted_threshold_decides_when_a_rolling_deployment_is_over(clinic):
    limit = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 6}}
    clinic.configure(strategy="ROLLING", deploymentCircuitBreaker=limit)
    fault = clinic.inject("crash", service=WEB, after_seconds=5)
    arn = clinic.deploy()
    clinic.until(arn, "ROLLBACK_IN_PROGRESS")
    clinic.control.delete(f"/faults/{fault}")
    found = clinic.until(arn, "ROLLBACK_SUCCESSFUL")
    breaker = found["deploymentCircuitBreaker"]
    assert (breaker["failureCount"], breaker["threshold"], breaker["status"]) == (6, 6, "TRIGGERED")
    assert clinic.live().endswith(":1")


def test_breaker_that_may_not_roll_back_only_stops(clinic):
    clinic.configure(strategy="ROLLING", deploymentCircuitBreaker={"enable": True, "rollback": False})
    clinic.inject("crash", service=WEB, after_seconds=5)
    clinic.until(clinic.deploy(), "STOPPED")
    assert clinic.live().endswith(":2")


@pytest.mark.parametrize("resets", [True, False])
def test_healthy_task_forgets_the_failed_ones_unless_the_breaker_keeps_them(clinic, cloud, resets):
    limit = {"type": "COUNT", "value": 10}
    breaker = {"enable": True, "rollback": True, "resetOnHealthyTask": resets, "thresholdConfiguration": limit}
    clinic.configure(deploymentCircuitBreaker=breaker)
    fault = clinic.inject("crash", service=WEB, after_seconds=5)
    arn = clinic.deploy()
    while clinic.look(arn)["deploymentCircuitBreaker"]["failureCount"] < 2:
        cloud.advance(10)
    clinic.control.delete(f"/faults/{fault}")
    clinic.until_stage(arn, "BAKE_TIME")
    assert (clinic.look(arn)["deploymentCircuitBreaker"]["failureCount"] == 0) is resets


def test_pause_waits_until_somebody_lets_it_go_on(clinic, cloud):
    clinic.configure(lifecycleHooks=[PAUSE])
    arn = clinic.deploy()
    cloud.advance(900)
    found = clinic.look(arn)
    (hook,) = found["lifecycleHookDetails"]
    assert (found["lifecycleStage"], hook["status"], hook["timeoutAction"]) == (
        "POST_TEST_TRAFFIC_SHIFT",
        "AWAITING_ACTION",
        "ROLLBACK",
    )
    assert clinic.traffic() == {"a": 100}
    with pytest.raises(ClientError, match="not in the AWAITING_ACTION state"):
        clinic.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId="ecs-pause-other", action="CONTINUE")
    clinic.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"], action="CONTINUE")
    clinic.until(arn, "SUCCESSFUL")


@pytest.mark.parametrize("answered", [True, False])
def test_pause_that_is_refused_or_left_alone_goes_back(clinic, cloud, answered):
    clinic.configure(lifecycleHooks=[PAUSE])
    arn = clinic.deploy()
    cloud.advance(900)
    if answered:
        hook = clinic.look(arn)["lifecycleHookDetails"][0]["hookId"]
        clinic.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, action="ROLLBACK")
    found = clinic.until(arn, "ROLLBACK_SUCCESSFUL")
    how = "failed" if answered else "timed out"
    assert found["statusReason"].endswith(f"a lifecycle hook at POST_TEST_TRAFFIC_SHIFT {how}.")
    assert clinic.traffic() == {"a": 100}


def test_function_that_fails_goes_back_and_one_that_hangs_holds_the_deployment_up(clinic, cloud):
    fault = clinic.inject("lifecycle_hook", service=WEB, how="fails")
    clinic.until(clinic.deploy(), "ROLLBACK_SUCCESSFUL")
    assert clinic.injected(fault) == 1
    clinic.control.delete(f"/faults/{fault}")
    fault = clinic.inject("lifecycle_hook", service=WEB, how="hangs")
    arn = clinic.deploy()
    cloud.advance(1800)
    found = clinic.look(arn)
    assert (found["lifecycleStage"], found["lifecycleHookDetails"][0]["status"]) == ("POST_SCALE_UP", "IN_PROGRESS")
    assert clinic.injected(fault) == 1
    clinic.until(arn, "ROLLBACK_SUCCESSFUL")  # after the hook's own hour


def test_deployment_is_stopped_by_going_back_and_once_it_is_over_no_more(clinic, cloud):
    arn = clinic.deploy()
    clinic.until_stage(arn, "BAKE_TIME")
    clinic.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert clinic.look(arn)["status"] == "ROLLBACK_REQUESTED"
    clinic.ecs.stop_service_deployment(serviceDeploymentArn=arn)  # continues
    cloud.advance(60)
    assert clinic.traffic() == {"a": 100}  # at once, the old tasks still run
    clinic.until(arn, "ROLLBACK_SUCCESSFUL")
    assert clinic.counts() == [("PRIMARY", "1", 2)]
    with pytest.raises(ClientError) as error:
        clinic.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert error.value.response["Error"]["Code"] == "ConflictException"
    with pytest.raises(ClientError) as error:
        clinic.ecs.stop_service_deployment(serviceDeploymentArn=f"{arn}x")
    assert error.value.response["Error"]["Code"] == "ServiceDeploymentNotFoundException"


def test_rolling_deployment_is_stopped_the_same_way(clinic, cloud):
    arn = clinic.deploy(WORKER)
    cloud.advance(20)
    clinic.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    clinic.until(arn, "ROLLBACK_SUCCESSFUL")
    assert clinic.live(WORKER).endswith(":1")


def test_rolling_deployment_bakes_too(clinic, cloud):
    clinic.configure(WORKER, bakeTimeInMinutes=10)
    arn = clinic.deploy(WORKER)
    cloud.advance(600)
    assert (clinic.look(arn)["status"], clinic.look(arn)["lifecycleStage"]) == ("IN_PROGRESS", "BAKE_TIME")
    assert clinic.service(WORKER)["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    clinic.until(arn, "SUCCESSFUL")


def test_newer_deployment_stops_the_one_before(clinic, cloud):
    first = clinic.deploy()
    cloud.advance(60)
    second = clinic.deploy()
    assert clinic.look(first)["status"] == "STOPPED"
    cloud.advance(30)
    assert clinic.look(second)["lifecycleStage"] == "RECONCILE_SERVICE"
    clinic.until(second, "SUCCESSFUL")
    assert clinic.counts() == [("PRIMARY", "3", 2)]


def test_rollback_that_fails_says_so(clinic, cloud):
    clinic.inject("rollback_fails", service=WEB)
    fault = clinic.inject("deployment_rolls_back", service=WEB, after_seconds=60)
    found = clinic.until(clinic.deploy(), "ROLLBACK_FAILED")
    assert found["rollback"]["reason"].endswith("the circuit breaker threshold was exceeded.")
    assert clinic.injected(fault) == 1


def test_list_is_filtered_by_status_and_time_and_has_pages(clinic, cloud):
    for _ in range(2):
        clinic.until(clinic.deploy(WORKER), "SUCCESSFUL")
    everything = clinic.ecs.list_service_deployments(cluster=CLUSTER, service=WORKER)["serviceDeployments"]
    assert len(everything) == 3
    after = {"after": everything[1]["createdAt"]}
    found = clinic.ecs.list_service_deployments(cluster=CLUSTER, service=WORKER, createdAt=after)
    assert [deployment["serviceDeploymentArn"] for deployment in found["serviceDeployments"]] == [
        each["serviceDeploymentArn"] for each in everything[:2]
    ]
    found = clinic.ecs.list_service_deployments(cluster=CLUSTER, service=WORKER, status=["IN_PROGRESS"])
    assert found["serviceDeployments"] == []
    page = clinic.ecs.list_service_deployments(cluster=CLUSTER, service=WORKER, maxResults=2)
    assert (len(page["serviceDeployments"]), "nextToken" in page) == (2, True)
    missing = clinic.ecs.describe_service_deployments(
        serviceDeploymentArns=["arn:aws:ecs:eu-west-1:1:service-deployment/x"]
    )
    assert missing["failures"][0]["reason"] == "MISSING"


@pytest.mark.parametrize(
    ("name", "configuration", "why"),
    [
        (WEB, {"strategy": "PURPLE"}, "PURPLE is not supported"),
        (WORKER, {"bakeTimeInMinutes": 1441}, "between 0 and 1440"),
        (WEB, {"lifecycleHooks": [{**PAUSE, "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"]}]}, "PAUSE hooks cannot"),
        (WEB, {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 1.0}}, "from 3.0 to 100"),
        (WEB, {"lifecycleHooks": [{"lifecycleStages": ["PRE_SCALE_UP"]}]}, "needs a hookTargetArn"),
    ],
)
def test_configuration_that_ecs_refuses_is_refused(clinic, name, configuration, why):
    with pytest.raises(ClientError, match=why):
        clinic.configure(name, **configuration)


def test_faults_of_a_shift_need_a_service_whose_traffic_shifts(clinic):
    for kind in ("lifecycle_hook", "rollback_fails"):
        answer = clinic.control.post("/faults", json={"kind": kind, "target": VISITS, "service": WORKER})
        assert "by the strategy ROLLING" in answer.get_json()["error"]
