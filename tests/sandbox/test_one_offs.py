"""One-off tasks and alarms: how they end, which calls are refused, and that each fault is counted when it took effect."""

import pytest
from botocore.exceptions import ClientError

HOUSING, DATA, APP, AD_HOC = "core/staging", "planning-data/staging", "core-staging-app", "core-staging-ad-hoc"
MIGRATE = {"containerOverrides": [{"name": "app", "command": ["bundle", "exec", "rake", "db:migrate"]}]}


@pytest.fixture
def ecs(cloud):
    return cloud.client("ecs", HOUSING)


def inject(control, kind, target=HOUSING, **fields):
    answer = control.post("/faults", json={"kind": kind, "target": target, **fields})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["id"]


def injected(control, fault):
    return next(each["injected"] for each in control.get("/faults").get_json()["faults"] if each["id"] == fault)


def run(ecs, **more):
    network = ecs.describe_services(cluster=APP, services=[APP])["services"][0]["networkConfiguration"]
    return ecs.run_task(
        **{
            "cluster": APP,
            "taskDefinition": AD_HOC,
            "launchType": "FARGATE",
            "networkConfiguration": network,
            "overrides": MIGRATE,
            **more,
        }
    )


def start(ecs, **more):
    (task,) = run(ecs, **more)["tasks"]
    return task["taskArn"]


def look(ecs, arn):
    return ecs.describe_tasks(cluster=APP, tasks=[arn])["tasks"][0]


def said(cloud, arn):
    logs, name = cloud.client("logs", HOUSING), f"{AD_HOC}/app/{arn.rsplit('/', 1)[-1]}"
    found = logs.get_log_events(logGroupName=APP, logStreamName=name, startFromHead=True)
    return [event["message"] for event in found["events"]]


def test_failed_command_tells_its_code_and_its_log_the_error(cloud, control, ecs):
    fault = inject(control, "one_off_exits", exit_code=3, times=1)
    arn = start(ecs)
    assert injected(control, fault) == 0
    cloud.advance(120)
    task = look(ecs, arn)
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 3)
    assert said(cloud, arn) == [
        "started: bundle exec rake db:migrate",
        "StandardError: An error has occurred, this and all later steps canceled:",
        "ended with exit code 3",
    ]
    assert injected(control, fault) == 1
    arn = start(ecs)
    cloud.advance(120)
    assert (look(ecs, arn)["containers"][0]["exitCode"], injected(control, fault)) == (0, 1)


def test_task_that_cannot_be_placed_is_a_failure_not_an_error(control, ecs):
    fault = inject(control, "one_off_cannot_be_placed", times=1)
    assert injected(control, fault) == 0
    answer = run(ecs)
    assert answer["tasks"] == []
    assert [failure["reason"] for failure in answer["failures"]] == [
        "Capacity is unavailable at this time. Please try again later or in a different availability zone"
    ]
    assert injected(control, fault) == 1
    assert len(run(ecs)["tasks"]) == 1


def test_command_may_take_hours_and_says_that_it_is_at_work(cloud, control, ecs):
    fault = inject(control, "one_off_slow", seconds=3 * 3600)
    arn = start(ecs)
    cloud.advance(60)
    assert injected(control, fault) == 0, "it would not have ended yet"
    cloud.advance(3 * 3600 - 120)
    assert (look(ecs, arn)["lastStatus"], injected(control, fault)) == ("RUNNING", 1)
    assert said(cloud, arn)[-1] == "still at work after 170 minutes"
    cloud.advance(240)
    assert (look(ecs, arn)["lastStatus"], look(ecs, arn)["containers"][0]["exitCode"]) == ("STOPPED", 0)


def test_command_that_a_fault_keeps_at_work_ends_once_the_fault_is_removed(cloud, control, ecs):
    fault = inject(control, "one_off_slow", seconds=3 * 3600)
    arn = start(ecs)
    cloud.advance(600)
    assert (look(ecs, arn)["lastStatus"], injected(control, fault)) == ("RUNNING", 1)
    assert control.delete(f"/faults/{fault}").status_code == 200
    cloud.advance(60)
    assert (look(ecs, arn)["lastStatus"], look(ecs, arn)["containers"][0]["exitCode"]) == ("STOPPED", 0)


@pytest.mark.parametrize(
    ("code", "exit_code"), [("SpotInterruption", 143), ("TerminationNotice", 143), ("TaskFailedToStart", None)]
)
def test_task_stopped_by_aws_tells_why_and_may_have_no_exit_code(cloud, control, ecs, code, exit_code):
    fault = inject(control, "one_off_stopped_by_aws", code=code)
    arn = start(ecs)
    cloud.advance(15)
    assert injected(control, fault) == 0
    cloud.advance(120)
    task = look(ecs, arn)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", code)
    assert task["containers"][0].get("exitCode") == exit_code
    assert injected(control, fault) == 1


def test_fault_of_one_offs_spares_the_services(cloud, control, ecs):
    fault = inject(control, "one_off_stopped_by_aws", after_seconds=0)
    ecs.update_service(cluster=APP, service=APP, forceNewDeployment=True)
    cloud.advance(1200)
    assert injected(control, fault) == 0
    service = ecs.describe_services(cluster=APP, services=[APP])["services"][0]
    assert [deployment["failedTasks"] for deployment in service["deployments"]] == [0]


def test_one_client_token_is_one_task_and_never_two_different_ones(cloud, ecs):
    first = start(ecs, clientToken="a" * 32, startedBy="production_release")
    assert start(ecs, clientToken="a" * 32, startedBy="production_release") == first
    cloud.advance(300)
    assert start(ecs, clientToken="a" * 32, startedBy="production_release") == first, "although it has ended"
    with pytest.raises(ClientError, match="ConflictException"):
        run(ecs, clientToken="a" * 32, startedBy="another")
    assert start(ecs, clientToken="b" * 32, startedBy="another") != first


def test_tasks_are_found_by_who_started_them_and_by_their_group(cloud, ecs):
    mine = start(ecs, startedBy="run-1", group="migrations")
    start(ecs, startedBy="run-2")
    assert ecs.list_tasks(cluster=APP, startedBy="run-1")["taskArns"] == [mine]
    assert look(ecs, mine)["group"] == "migrations"
    assert len(ecs.list_tasks(cluster=APP, family=AD_HOC)["taskArns"]) == 2
    cloud.advance(300)
    assert ecs.list_tasks(cluster=APP, startedBy="run-1")["taskArns"] == []
    assert ecs.list_tasks(cluster=APP, startedBy="run-1", desiredStatus="STOPPED")["taskArns"] == [mine]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"overrides": {**MIGRATE, "cpu": "1024", "memory": "1024"}},
            "No Fargate configuration exists for given values",
        ),
        ({"overrides": {**MIGRATE, "cpu": "one"}}, "CPU or memory is no whole number"),
        ({"overrides": {"containerOverrides": [{"name": "web"}]}}, "is not a container in the TaskDefinition"),
        (
            {"overrides": {"containerOverrides": [{"name": "app", "command": ["x" * 9000]}]}},
            "length must be at most 8192",
        ),
        ({"startedBy": "x" * 129}, "startedBy must be at most 128 characters"),
        ({"taskDefinition": "nothing"}, "Unable to describe task definition"),
    ],
)
def test_impossible_task_is_refused(ecs, more, words):
    with pytest.raises(ClientError, match=words):
        run(ecs, **more)


def test_override_of_the_size_is_the_tasks(ecs):
    (task,) = run(ecs, overrides={**MIGRATE, "cpu": "2048", "memory": "8192"})["tasks"]
    assert (task["cpu"], task["memory"]) == ("2048", "8192")


# --- alarms -----------------------------------------------------------------------------------------------------------


def alarm_of(cloud, name="core-staging-rds-cpu", target=HOUSING):
    (alarm,) = cloud.client("cloudwatch", target).describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm


def test_alarms_of_the_inventory_are_ok_at_first(cloud):
    names = cloud.inventory.target(HOUSING).environment.alarms
    found = cloud.client("cloudwatch", HOUSING).describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    assert {each["AlarmName"] for each in found} == set(names)
    assert {each["StateValue"] for each in found} == {"OK"}


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA"])
def test_alarm_is_set_at_once_and_given_back(cloud, control, state):
    fault = inject(control, "alarm", name="core-staging-rds-cpu", state=state)
    assert alarm_of(cloud)["StateValue"] == state
    assert abs(alarm_of(cloud)["StateUpdatedTimestamp"].timestamp() - cloud.world.clock.now()) < 2
    assert injected(control, fault) == 1
    control.delete(f"/faults/{fault}")
    assert alarm_of(cloud)["StateValue"] == "OK"


def test_alarm_waits_for_a_new_deployment(cloud, control, ecs):
    fault = inject(control, "alarm", name="core-staging-rds-cpu", when="deployment", after_seconds=120)
    cloud.advance(600)
    assert (alarm_of(cloud)["StateValue"], injected(control, fault)) == ("OK", 0)
    ecs.update_service(cluster=APP, service=APP, forceNewDeployment=True)
    cloud.advance(60)
    assert (alarm_of(cloud)["StateValue"], injected(control, fault)) == ("OK", 0)
    cloud.world.clock.advance(120)  # a read of the alarm is enough to move the world on
    assert (alarm_of(cloud)["StateValue"], injected(control, fault)) == ("ALARM", 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"kind": "alarm", "target": HOUSING, "name": "smoke"},
            "has no alarm 'smoke'; it has core-staging-app-average",
        ),
        ({"kind": "alarm", "target": HOUSING, "state": "RED"}, "state must be one of ALARM, INSUFFICIENT_DATA, OK"),
        ({"kind": "alarm", "target": "districtbuilder/staging"}, "names no alarms for districtbuilder/staging"),
        ({"kind": "one_off_slow", "target": HOUSING, "seconds": 30}, "more seconds than the 45 it usually takes"),
        ({"kind": "one_off_exits", "target": DATA}, "has no one-off tasks, so one_off_exits cannot apply"),
        ({"kind": "one_off_stopped_by_aws", "target": HOUSING, "code": "Whim"}, "code must be one of SpotInterruption"),
    ],
)
def test_wrong_fault_is_refused_in_one_sentence(control, body, words):
    answer = control.post("/faults", json=body)
    assert answer.status_code == 400
    assert words in answer.get_json()["error"]


def test_performance_test_prints_what_it_measured_and_a_fault_slows_the_pages(cloud, control, ecs):
    measured = {
        "containerOverrides": [{"name": "app", "command": ["bash", "-c", "sh ./lib/tasks/performance_test.sh"]}]
    }
    quick = start(ecs, overrides=measured)
    cloud.advance(120)
    fault = inject(control, "slow_pages", milliseconds=700)
    slow = start(ecs, overrides=measured)
    cloud.advance(120)
    for arn, milliseconds in ((quick, "24.000"), (slow, "700.000")):
        lines = said(cloud, arn)
        assert "Document Path:          /lettings-logs" in lines
        assert f"Time per request:       {milliseconds} [ms] (mean, across all concurrent requests)" in lines
    assert injected(control, fault) == 1
