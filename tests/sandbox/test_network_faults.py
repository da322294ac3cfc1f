"""Network faults between a caller and AWS, as boto3 sees them."""

import threading

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from include.aws.cluster_tasks import list_cluster_tasks
from include.aws.ecs import list_tasks
from tests.sandbox.conftest import ECS_MAPS
from tests.sandbox.test_faults import HOUSING, MAPS, inject, injected

CLUSTER, SERVICE, GROUP = ECS_MAPS["cluster"], ECS_MAPS["service"], ECS_MAPS["group"]


def describe(cloud, **different):
    return cloud.client("ecs", **different).describe_services(cluster=CLUSTER, services=[SERVICE])["services"][0]


def code_of(error) -> str:
    return error.value.response["Error"]["Code"]


def test_every_third_call_is_throttled_and_has_no_effect(cloud, control):
    fault = inject(control, "throttle", MAPS, every=3)
    ecs = cloud.client("ecs")
    for count in (3, 4):
        ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=count)
    with pytest.raises(ClientError) as error:
        ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=5)
    assert code_of(error) == "ThrottlingException"
    assert describe(cloud)["desiredCount"] == 4
    assert injected(control, fault) == 1


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("ecs", "list_clusters", {}),
        ("autoscaling", "describe_auto_scaling_groups", {}),
        ("elbv2", "describe_target_groups", {}),
        ("logs", "describe_log_groups", {}),
        ("sts", "get_caller_identity", {}),
        ("application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "ecs"}),
        ("dynamodb", "list_tables", {}),
    ],
)
@pytest.mark.parametrize(("kind", "status"), [("throttle", 400), ("server_error", 500)])
def test_boto3_understands_each_services_refusal_and_tries_again(
    cloud, control, service, operation, arguments, kind, status
):
    inject(control, kind, MAPS)
    client = cloud.client(service)
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(**arguments)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    control.delete("/faults")
    fault = inject(control, kind, MAPS, every=2)
    patient = cloud.new_client(service, attempts=2)
    for _ in range(3):
        getattr(patient, operation)(**arguments)
    assert injected(control, fault) == 2


def test_only_the_targets_account_is_struck(cloud, control):
    inject(control, "throttle", HOUSING)
    assert describe(cloud)["serviceName"] == SERVICE


def test_only_the_named_action_is_struck(cloud, control):
    fault = inject(control, "access_denied", MAPS, api="ecs", action="UpdateService")
    assert describe(cloud)["desiredCount"] == 2
    with pytest.raises(ClientError) as error:
        cloud.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=5)
    assert code_of(error) == "AccessDeniedException"
    assert "is not authorized to perform: ecs:UpdateService" in str(error.value)
    assert (describe(cloud)["desiredCount"], injected(control, fault)) == (2, 1)


def test_lost_answer_comes_after_the_effect(cloud, control):
    fault = inject(control, "lost_answer", MAPS, api="ecs")
    with pytest.raises(ConnectionClosedError):
        cloud.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=4)
    assert describe(cloud)["desiredCount"] == 4
    assert injected(control, fault) == 1


def test_hanging_call_hangs_alone_until_its_own_fault_is_removed_and_has_no_effect(cloud, control):
    other = inject(control, "hang", MAPS, seconds=600, api="ecs", action="StopTask")
    fault = inject(control, "hang", MAPS, seconds=600, api="ecs", action="UpdateService")
    failures = []

    def call():
        try:
            cloud.new_client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=4)
        except ClientError as error:
            failures.append(error.response["Error"]["Code"])

    hanging = threading.Thread(target=call)
    hanging.start()
    while not injected(control, fault):
        assert hanging.is_alive()
    assert describe(cloud)["desiredCount"] == 2, "others are served meanwhile"
    control.delete(f"/faults/{other}")
    hanging.join(timeout=0.5)
    assert hanging.is_alive()
    control.delete(f"/faults/{fault}")
    hanging.join(timeout=30)
    assert failures == ["ServiceUnavailable"]
    assert describe(cloud)["desiredCount"] == 2


def test_tasks_of_a_whole_cluster_are_those_of_each_of_its_services(cloud):
    client = cloud.client("ecs")
    found = list_cluster_tasks(client, CLUSTER)
    assert found[SERVICE] == list_tasks(client, CLUSTER, SERVICE)
    assert len(found[SERVICE]) == 2


def test_call_that_hung_when_the_world_was_reset_is_no_call_of_the_new_one(cloud, control):
    fault = inject(control, "hang", MAPS, seconds=600, api="ecs", action="UpdateService")
    refused = []

    def call():
        try:
            cloud.new_client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=4)
        except ClientError as error:
            refused.append(error.response["Error"]["Code"])

    hanging = threading.Thread(target=call)
    hanging.start()
    while not injected(control, fault):
        assert hanging.is_alive()
    assert control.post("/reset").status_code == 200
    hanging.join(timeout=30)
    assert refused == ["ServiceUnavailable"]
    assert control.get("/calls").get_json()["calls"] == []


def test_short_pages_hide_what_is_on_the_next(cloud, control):
    fault = inject(control, "partial_page", MAPS)
    ecs = cloud.client("ecs")
    first = ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)
    assert (len(first["taskArns"]), "nextToken" in first) == (1, True)
    pages = ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, serviceName=SERVICE)
    assert sum(len(page["taskArns"]) for page in pages) == 2
    assert injected(control, fault) == 2


def test_short_pages_of_a_table(cloud, control):
    table = cloud.inventory.target(MAPS).environment.operations_table
    db = cloud.client("dynamodb")
    for number in range(3):
        db.put_item(TableName=table, Item={"pk": {"S": "run#x"}, "sk": {"S": f"event#{number}"}})
    fault = inject(control, "partial_page", MAPS)
    query = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "run#x"}},
    }
    assert len(db.query(**query)["Items"]) == 1
    assert sum(len(page["Items"]) for page in db.get_paginator("query").paginate(**query)) == 3
    assert injected(control, fault) >= 3


def test_reads_are_those_of_before_the_write_for_a_while(cloud, control):
    fault = inject(control, "stale_reads", MAPS, seconds=600)
    assert describe(cloud)["desiredCount"] == 2
    cloud.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=4)
    assert describe(cloud)["desiredCount"] == 2
    assert injected(control, fault) == 1
    control.delete(f"/faults/{fault}")
    assert describe(cloud)["desiredCount"] == 4


def test_expired_credentials_stay_expired_and_new_ones_work(cloud, control):
    ecs = cloud.new_client("ecs")
    fault = inject(control, "expired_credentials", MAPS)
    for _ in range(2):
        with pytest.raises(ClientError) as error:
            ecs.list_clusters()
        assert code_of(error) == "ExpiredTokenException"
    assert cloud.new_client("ecs").list_clusters()
    assert injected(control, fault) == 2


def test_rate_limits_are_those_ecs_documents(cloud, control):
    fault = inject(control, "rate_limits", MAPS)
    ecs, throttled = cloud.client("ecs"), 0
    for _ in range(80):
        try:
            ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=2)
        except ecs.exceptions.ClientError:
            throttled += 1
    assert injected(control, fault) == throttled > 0
    assert cloud.client("ecs").list_tasks(cluster=CLUSTER)["taskArns"], "another bucket"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "throttle", "target": MAPS, "every": 0}, "every must be a whole number from 1 to 1000, not 0"),
        ({"kind": "hang", "target": MAPS}, "Fault hang needs the field 'seconds'"),
        ({"kind": "throttle", "target": MAPS, "action": 3}, "action must be the name of an API action"),
    ],
)
def test_wrong_fields_are_refused(control, body, words):
    answer = control.post("/faults", json=body)
    assert answer.status_code == 400
    assert words in answer.get_json()["error"]
