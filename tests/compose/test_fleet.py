"""The runbooks on the processes of the compose file: two Celery workers, and what dies or is wrong among them."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include.inventory import load
from sandbox.external_services.github.infrastructure import BASE, sha_of
from tests.journey import test_region_data as region_data
from tests.support.compose_file import ROOT
from tests.support.containers import Container, missing
from tests.support.fleet import PROVIDERS, Fleet, prepared, running, with_dags, with_providers
from tests.support.history import check_history, stored, world
from tests.support.kills import PatientTransport
from tests.support.releasing import deploy, published, release
from tests.support.sandbox_client import Run, wait_for
from tests.support.scenes import Scene, write_inventory

SURGED = "districtbuilder/staging"
LATER = "surge.await_new_tasks_healthy"
SCENES = {"parish": {"strategy": "release"}, "county": {"strategy": "mapped"}}  # systems beside those of the inventory
LONG = 420.0  # seconds without progress
BUILT, CODE = "staff-device-logging/development", "example-devices/staff-device-logging"  # by the real Terraform
PREFIX = "staff-device-development-infra"  # of the names of what is built
# the calls that make what the code describes
MADE = {"CreateBucket": 2, "CreateLogGroup": 1, "CreateRole": 1, "CreateTopic": 2, "PutParameter": 3}
NOT_FOUND = 127  # exit code of env for a program that there is not
NEEDS_TERRAFORM = "restart_that_needs_terraform"  # a restart that plans in the queue terraform


@pytest.fixture(scope="module")
def one_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    if lacking := missing():
        pytest.skip(f"needs {', '.join(lacking)}; .ci/run installs programs")
    inventory = tmp_path_factory.mktemp("inventory") / "systems"
    shutil.copytree(ROOT / "include" / "inventory" / "systems", inventory)
    write_inventory(inventory, SCENES)
    described, users = prepared(RUNBOOK_INVENTORY_FOLDER=str(inventory))
    dags = tmp_path_factory.mktemp("code") / "dags"
    shutil.copytree(ROOT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    restart = (dags / "service_restart.py").read_text()
    assert restart.endswith("hand_back=hand_back_group,\n)\n")
    needing = restart[:-2] + '    plan_queue=TERRAFORM,\n    page="service_restart",\n)\n'
    (dags / f"{NEEDS_TERRAFORM}.py").write_text(f"from opskit.queues import TERRAFORM\n{needing}")
    described = with_providers(with_dags(described, dags), tmp_path_factory.mktemp("terraform"))
    with running(tmp_path_factory.mktemp("fleet"), described, users) as fleet:
        fleet.sandbox.transport = PatientTransport()
        fleet.inventory = load(inventory)
        yield fleet


@pytest.fixture
def fleet(one_fleet: Fleet) -> Iterator[Fleet]:
    for name in ("worker-1", "worker-2"):  # a test that failed may have left them stopped
        if not (worker := one_fleet.engine.containers[name]).members():
            one_fleet.engine.start(worker)
            one_fleet.engine.await_healthy(worker)
    one_fleet.sandbox.reset()
    before = world(one_fleet.sandbox)
    yield one_fleet
    check_history(one_fleet.sandbox, before, one_fleet.inventory)


def ends_well(fleet: Fleet, run: Run) -> None:
    assert run.wait() == "success", run.describe()
    assert fleet.sandbox.service(SURGED)["healthy"] == fleet.sandbox.service(SURGED)["desired"]


def worker_of(fleet: Fleet, run: Run, task: str) -> Container:
    """Return the worker that a task was given to."""
    return fleet.engine.containers[fleet.hosts(run)[task]]


def waiting(fleet: Fleet) -> Run:
    """Return an approved surge that waits for its new tasks."""
    run = fleet.sandbox.restart(SURGED)
    run.approve()
    run.wait_for_task(LATER, "deferred")
    return run


def tries(run: Run, task: str) -> int:
    return int(run.get(f"/taskInstances/{task}")["try_number"])


def test_restart_is_carried_out_by_two_workers_for_people_of_fab(fleet: Fleet):
    run = fleet.sandbox.restart("core/production")
    run.wait_until_asked()
    assert run.answer("Approve", "operator").status_code == 403
    run.approve("approver")
    run.wait_until_asked("approve_restart_second")
    assert run.answer("Approve", "approver", "approve_restart_second").status_code == 403
    run.approve("second_approver", "approve_restart_second")
    assert run.wait() == "success", run.describe()
    assert set(fleet.hosts(run).values()) == {"worker-1", "worker-2"}
    answered = run.get("/taskInstances/approve_restart/-1/hitlDetails")["responded_by_user"]
    assert answered["name"] == "approver"


def scene(fleet: Fleet, name: str) -> Scene:
    return Scene(fleet.sandbox, name, fleet.inventory)


def test_commit_goes_to_staging_and_then_to_production_by_two_workers(fleet: Fleet):
    parish = scene(fleet, "parish")
    before = published(parish)
    staged = deploy(parish)
    assert staged.wait(LONG) == "success", staged.describe()
    run = release(parish)
    assert run.wait(LONG) == "success", run.describe()
    assert set(published(parish)) - set(before) == {"v0.6.15"}
    assert set(fleet.hosts(run).values()) == {"worker-1", "worker-2"}


def test_region_data_is_updated_by_two_workers(fleet: Fleet):
    county, region = scene(fleet, "county"), region_data.CO
    old = region_data.live(county, region)
    run = region_data.update(county, region)
    region_data.look(run, region)
    assert run.wait(LONG) == "success", run.describe()
    region_data.ensure_new(county, region, old)
    assert set(fleet.hosts(run).values()) == {"worker-1", "worker-2"}


def start_without_terraform(fleet: Fleet) -> Container:
    """Start one more worker, which has no Terraform and does not serve its queue."""
    service = fleet.engine.services["worker"]
    worker = fleet.engine.scale(
        "worker",
        len(fleet.engine.containers),
        command=["default" if word == "default,terraform" else word for word in service.command],
        environment={**service.environment, "PATH": "/opt/venv/bin:/usr/bin:/bin"},
    )
    fleet.engine.await_healthy(worker)
    assert fleet.engine.run_inside(worker, ["terraform", "version"]).returncode == NOT_FOUND
    return worker


def test_step_that_needs_terraform_is_left_to_the_workers_that_have_it(fleet: Fleet):
    """Nobody serves its queue at first, and the run says so. Then a worker without the queue is beside those that serve it."""
    without = start_without_terraform(fleet)
    serving = [fleet.engine.containers[name] for name in ("worker-1", "worker-2")]
    for worker in serving:
        fleet.engine.stop(worker)
    asked = {"target": SURGED, "reason": "a step that needs Terraform", "plan_only": False}
    run = fleet.sandbox.trigger(NEEDS_TERRAFORM, asked)
    assert run.wait() == "failed"
    hosts = fleet.hosts(run)
    assert hosts["record_restart"] == without.name
    assert "plan_restart" not in hosts
    # what Airflow knows of the loss may come before the record or after it
    assert re.search(r"no worker (took it from|serves) the queue terraform", run.log("record_restart"))
    for worker in serving:
        fleet.engine.start(worker)
        fleet.engine.await_healthy(worker)
    run = fleet.sandbox.trigger(NEEDS_TERRAFORM, asked)
    run.approve()
    ends_well(fleet, run)
    hosts = fleet.hosts(run)
    assert {hosts[task] for task in ("plan_restart", "confirm_plan_unchanged")} <= {each.name for each in serving}
    fleet.engine.kill(without)


@pytest.fixture
def without(fleet: Fleet) -> Iterator[Container]:
    """Give a third worker, which has no Terraform."""
    if PROVIDERS not in fleet.engine.services["worker"].volumes:
        pytest.skip("needs a mirror of Terraform's AWS provider (SANDBOX_TERRAFORM_MIRROR)")
    worker = start_without_terraform(fleet)
    yield worker
    fleet.engine.kill(worker)


def build(fleet: Fleet) -> Run:
    """Return an approved run that builds an environment by Terraform."""
    asked = {"target": BUILT, "reason": "an environment by the fleet", "commit": sha_of(CODE, BASE)}
    run = fleet.sandbox.trigger("infrastructure_change", asked)
    run.approve(task="approve_change")
    return run


def record_of(fleet: Fleet, run: Run) -> dict[str, Any]:
    """Return the run's record in the operations table of its target."""
    name = f"infrastructure_change/{run.run_id}"
    documents = [document for _, _, document in stored(fleet.sandbox, fleet.inventory.target(BUILT))]
    [record] = [each for each in documents if "outcome" in each and each.get("run") == name]
    return record


def ensure_built(fleet: Fleet) -> None:
    """Ensure that everything that the code describes is in AWS and in the state, and that nothing was made twice."""
    calls = [call for call in fleet.sandbox.calls() if call["agent"] == "terraform" and call["status"] < 300]
    made = Counter(call["action"] for call in calls)
    assert {action: made[action] for action in MADE} == MADE
    s3, sns, logs = (fleet.sandbox.aws(BUILT, service) for service in ("s3", "sns", "logs"))
    buckets = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert {f"{PREFIX}-log-archive", f"{PREFIX}-functionbeat-artifacts"} <= buckets
    topics = {topic["TopicArn"].rpartition(":")[2] for topic in sns.list_topics()["Topics"]}
    assert {f"{PREFIX}-alerts", f"{PREFIX}-logs-dead-letters"} <= topics
    [group] = logs.describe_log_groups(logGroupNamePrefix=f"{PREFIX}-syslog")["logGroups"]
    assert group["retentionInDays"] == 30
    place = {"Bucket": "staff-device-development-tf-state", "Key": "env:/development/terraform.development.state"}
    state = json.load(s3.get_object(**place)["Body"])
    assert sum(len(resource["instances"]) for resource in state["resources"] if resource["mode"] == "managed") == 12


def test_environment_is_built_by_the_workers_that_have_terraform(fleet: Fleet, without: Container):
    run = build(fleet)
    assert run.wait(LONG) == "success", run.describe()
    hosts = fleet.hosts_with_terraform(run)
    assert {"plan_change", "confirm_plan_unchanged", "apply_plan", "verify_nothing_left"} <= set(hosts)
    assert without.name not in hosts.values()
    ensure_built(fleet)
    record = record_of(fleet, run)
    assert record["outcome"] == "success"
    assert record["text"].startswith("12 added, 0 changed, 0 destroyed; a new plan of commit ")
    assert "Create aws_s3_bucket.archive" in [change["what"] for change in record["plan"]["changes"]]


def test_worker_killed_in_an_apply_takes_it_up_again_when_it_is_back(fleet: Fleet, without: Container):
    """Its Terraform has died with it, and nobody else can know that. The other worker gives the step back until it comes."""
    held = fleet.sandbox.fault("hang", BUILT, seconds=600, times=1, action="CreateTopic")
    run = build(fleet)
    wait_for("Terraform to make a topic", lambda: fleet.sandbox.injected(held), LONG)
    killed = worker_of(fleet, run, "apply_plan")
    [other] = {"worker-1", "worker-2"} - {killed.name}
    fleet.engine.kill(killed)
    wait_for(run.describe, lambda: fleet.hosts(run)["apply_plan"] == other, LONG)
    run.wait_for_task("apply_plan", "up_for_reschedule")
    fleet.engine.start(killed)
    fleet.engine.await_healthy(killed)
    assert run.wait(LONG) == "failed"
    hosts = fleet.hosts(run)
    assert (hosts["apply_plan"], hosts["settle_apply"], tries(run, "apply_plan")) == (killed.name, killed.name, 2)
    text = record_of(fleet, run)["text"]
    assert f"Terraform was killed on {killed.name}" in text
    assert "of this run's Terraform, which is gone, was released" in text
    assert f"made, and in no state: aws_cloudwatch_log_group.syslog ({PREFIX}-syslog)" in text
    again = build(fleet)
    assert again.wait(LONG) == "success", again.describe()
    ensure_built(fleet)
    assert record_of(fleet, again)["outcome"] == "success"


def test_worker_killed_in_a_step_is_replaced_by_the_other_one(fleet: Fleet):
    held = fleet.sandbox.fault("hang", SURGED, seconds=600, times=1, action="UpdateService")
    run = fleet.sandbox.restart(SURGED)
    run.approve()
    wait_for("the step to call AWS", lambda: fleet.sandbox.injected(held))
    fleet.engine.crash(worker_of(fleet, run, "surge.raise_desired_count"))
    ends_well(fleet, run)
    assert tries(run, "surge.raise_desired_count") == 2


def test_workers_killed_in_a_wait_are_not_missed_and_the_triggerer_waits_on(fleet: Fleet):
    run = waiting(fleet)
    for worker in fleet.workers:
        fleet.engine.crash(worker)
    ends_well(fleet, run)
    assert tries(run, LATER) == 1


def test_triggerer_killed_with_a_wait_takes_it_up_again(fleet: Fleet):
    run = waiting(fleet)
    fleet.engine.crash(fleet.engine.containers["triggerer"])
    ends_well(fleet, run)


def test_worker_killed_in_the_hand_back_leaves_no_group_held(fleet: Fleet):
    run = fleet.sandbox.restart(SURGED)
    run.approve()
    run.wait_for_task("surge.await_count_restored", "deferred", "success")
    held = fleet.sandbox.fault("hang", SURGED, seconds=600, times=1, action="ResumeProcesses")
    wait_for("the hand-back to call AWS", lambda: fleet.sandbox.injected(held))
    fleet.engine.crash(worker_of(fleet, run, "hand_back_group"))
    ends_well(fleet, run)
    assert tries(run, "hand_back_group") == 2


def test_redis_gone_and_back_empty_loses_no_step(fleet: Fleet):
    run = fleet.sandbox.restart(SURGED)
    run.wait_until_asked()
    redis = fleet.engine.containers["redis"]
    fleet.engine.kill(redis)
    run.approve()
    wait_for("a step to be queued in vain", lambda: "queued" in run.tasks().values())
    fleet.engine.start(redis)
    fleet.engine.await_healthy(redis)
    ends_well(fleet, run)


def test_postgresql_restarted_in_a_run_is_waited_for(fleet: Fleet):
    run = waiting(fleet)
    fleet.engine.crash(fleet.engine.containers["postgres"])
    fleet.engine.await_healthy(fleet.engine.containers["postgres"])
    ends_well(fleet, run)


def test_scheduler_killed_in_a_run_goes_on_where_it_was(fleet: Fleet):
    run = waiting(fleet)
    fleet.engine.crash(fleet.engine.containers["scheduler"])
    ends_well(fleet, run)


def test_one_of_two_schedulers_killed_leaves_its_tasks_to_the_other(fleet: Fleet):
    second = fleet.engine.scale("scheduler", 2)
    fleet.engine.await_healthy(second)
    run = waiting(fleet)
    fleet.engine.kill(fleet.engine.containers["scheduler"])
    ends_well(fleet, run)
    fleet.engine.start(fleet.engine.containers["scheduler"])
    fleet.engine.await_healthy(fleet.engine.containers["scheduler"])
    fleet.engine.kill(second)


def test_worker_with_an_older_checkout_is_refused_by_the_guard(fleet: Fleet, tmp_path: Path):
    older = tmp_path / "plugins"
    shutil.copytree(ROOT / "plugins", older)
    with (older / "opskit" / "step.py").open("a") as file:
        file.write("# of an older checkout\n")
    run = fleet.sandbox.restart(SURGED)
    run.wait_until_asked()
    service = fleet.engine.services["worker"]
    assert service.image
    image = replace(service.image, copies={**service.image.copies, "/opt/runbooks/plugins": str(older)})
    odd = fleet.engine.scale("worker", len(fleet.engine.containers), image=image)
    fleet.engine.await_healthy(odd)
    for worker in fleet.workers:
        if worker is not odd:
            fleet.engine.kill(worker)
    run.approve()
    assert run.wait() == "failed"
    assert "code" in run.log("confirm_plan_unchanged")
    assert fleet.sandbox.writes() == []
    for worker in fleet.workers:
        if worker is not odd and worker.name in ("worker-1", "worker-2"):
            fleet.engine.start(worker)
            fleet.engine.await_healthy(worker)
    fleet.engine.kill(odd)


def test_worker_that_is_stopped_ends_its_step_first(fleet: Fleet):
    held = fleet.sandbox.fault("hang", SURGED, seconds=600, times=1, action="UpdateService")
    run = fleet.sandbox.restart(SURGED)
    run.approve()
    wait_for("the step to call AWS", lambda: fleet.sandbox.injected(held))
    worker = worker_of(fleet, run, "surge.raise_desired_count")
    assert fleet.engine.stop(worker) < worker.service.grace
    ends_well(fleet, run)
    assert tries(run, "surge.raise_desired_count") == 1
    fleet.engine.start(worker)
    fleet.engine.await_healthy(worker)
