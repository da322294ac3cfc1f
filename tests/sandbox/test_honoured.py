"""Every operation of AWS and every member of its request is honoured or refused by name: nothing is ignored without a word."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore import serialize
from botocore.exceptions import ClientError
from botocore.session import get_session

from sandbox.aws.http.honoured import HONOURED
from sandbox.aws.http.honouring import refusal_of
from sandbox.aws.http.requests import read_call

MODELS = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "tagging": "resourcegroupstaggingapi",
}  # where the signing name is not botocore's
IN_PATH = {"Bucket": "bucket", "Key": "key", "RequestRoute": "route", "RequestToken": "token"}
OF_ANOTHER_ENDPOINT = {"ListDirectoryBuckets"}  # S3 Express signs for another service, and there it is told by its host
SAME_ON_THE_WIRE = {"GetBucketLifecycle"}  # the older name of a request that is in the table under its newer one
SAMPLES = {
    "string": "text",
    "character": "t",
    "integer": 7,
    "long": 7,
    "boolean": True,
    "timestamp": 0,
    "blob": b"text",
    "double": 1.5,
    "float": 1.5,
}
CLUSTER, GROUP = "ecsStagingCluster", "asgStagingContainerInstance"


@cache
def model_of(service: str) -> Any:
    return get_session().get_service_model(MODELS.get(service, service))


def leaves(
    shape: Any, path: tuple[str, ...] = (), inside: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every member below a shape with a sample that gives it alone. A shape inside itself is entered once."""
    if shape.type_name == "structure":
        for name, member in shape.members.items() if shape.name not in inside else ():
            for below, sample in leaves(member, (*path, name), (*inside, shape.name)):
                yield below, {name: sample}
    elif shape.type_name == "list":
        for below, sample in leaves(shape.member, path, inside):
            yield below, [sample]
    elif shape.type_name == "map":
        for _, sample in list(leaves(shape.value, path, inside))[:1]:
            yield path, {"name": sample}
    else:
        yield path, SAMPLES[shape.type_name]


def asked(service: str, action: str, params: dict[str, Any]) -> str:
    """Return why a request is refused that gives these parameters, "" if it is not."""
    model = model_of(service)
    operation = model.operation_model(action)
    serializer = serialize.create_serializer(model.metadata["protocol"], include_validation=False)
    given = _named_in_s3(operation.input_shape) if service == "s3" and operation.input_shape else {}
    request = serializer.serialize_to_request({**given, **params}, operation)
    body, headers = request["body"], {name.lower(): str(value) for name, value in request["headers"].items()}
    if isinstance(body, dict):
        body, headers["content-type"] = urlencode(body, doseq=True), "application/x-www-form-urlencoded"
    data = body.encode() if isinstance(body, str) else bytes(body or b"")
    path = request["url_path"].split("?")[0]
    query = request["query_string"]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request["method"],
        "PATH_INFO": f"/bucket{path}" if "Bucket" in given and not path.startswith("/bucket") else path,
        "QUERY_STRING": query if isinstance(query, str) else urlencode(query),
        "CONTENT_LENGTH": str(len(data)),
        "CONTENT_TYPE": headers.get("content-type", ""),
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=KEY/20261121/us-east-1/{service}/aws4_request",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    if "?" in request["url_path"]:
        environ["QUERY_STRING"] = "&".join(filter(None, (request["url_path"].split("?")[1], environ["QUERY_STRING"])))
    environ["wsgi.input"] = _Input(data)
    return refusal_of(read_call(environ)[0], environ)


def _named_in_s3(shape: Any) -> dict[str, Any]:
    """Return what makes a request to S3 one for this operation: its path, and the query parameters that it needs."""
    needed = [
        name
        for name in shape.required_members
        if shape.members[name].serialization.get("location") in ("querystring", "header")
    ]
    samples = {name: SAMPLES.get(shape.members[name].type_name, "text") for name in needed}
    return {**samples, **{name: value for name, value in IN_PATH.items() if name in shape.members}}


class _Input:
    def __init__(self, data: bytes):
        self._data = data

    def read(self, size: int = -1) -> bytes:
        return self._data


def wire_name(service: str, action: str, path: tuple[str, ...]) -> str:
    """Return the name by which the table and a refusal know a member: EC2 and S3 have other names on the wire."""
    shape = model_of(service).operation_model(action).input_shape
    if service not in ("ec2", "s3"):
        return ".".join(path)
    names = []
    for each in path:
        while shape.type_name == "list":
            shape = shape.member
        shape = shape.members[each]
        serialization = shape.serialization
        name = serialization.get("queryName") or serialization.get("name") or each
        if service == "ec2":
            name = name[0].upper() + name[1:]
        names.append(name.lower() if serialization.get("location") == "header" else name)
        if service == "s3":
            break
    return ".".join(names)


def is_gated(action: str, path: tuple[str, ...]) -> bool:
    """Tell whether a member of S3 decides what a request asks for: not what is stored, and not what is in its body or its path."""
    member = model_of("s3").operation_model(action).input_shape.members[path[0]]
    name = member.serialization.get("name", "").lower()
    where = member.serialization.get("location")
    free = ("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-content-", "x-amz-meta-")
    about = ("x-amz-request-payer", "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner")
    gated = name.startswith(("x-amz-", "if-")) or name == "range"
    return where == "querystring" or (where == "header" and gated and not name.startswith(free) and name not in about)


def is_honoured(service: str, action: str, name: str) -> bool:
    known = HONOURED[service][action].split()
    return any(name == each or name.startswith(f"{each}.") for each in known)


@pytest.mark.parametrize("service", sorted(HONOURED))
def test_every_operation_that_is_not_in_the_table_is_refused_by_name(service):
    operations = model_of(service).operation_names
    assert set(HONOURED[service]) <= set(operations), "the table names an operation that AWS does not have"
    for action in sorted(set(operations) - set(HONOURED[service]) - OF_ANOTHER_ENDPOINT - SAME_ON_THE_WIRE):
        refusal = asked(service, action, {})
        # a request to S3 does not name its operation, so what is refused may be the part by which it differs from another
        assert refusal == f"The sandbox does not know {action}." or (service == "s3" and refusal), action


@pytest.mark.parametrize("service", sorted(HONOURED))
def test_every_member_of_a_request_is_honoured_or_refused_by_name(service):
    walked = 0
    for action in sorted(HONOURED[service]):
        shape = model_of(service).operation_model(action).input_shape
        for path, sample in leaves(shape) if shape else ():
            if service == "s3" and not is_gated(action, path):
                continue
            name = wire_name(service, action, path)
            refusal = asked(service, action, sample)
            if is_honoured(service, action, name):
                assert refusal == "", (action, name)
            else:
                # the query protocols name the items of some lists once more
                known = name if model_of(service).metadata["protocol"] == "json" else name.split(".")[0]
                assert refusal.startswith(f"The sandbox does not honour {known}"), (action, name)
                assert refusal.endswith(f" of {action}; leave it out."), (action, name)
            walked += 1
    assert walked or service == "sts"


@pytest.mark.parametrize("service", sorted(set(HONOURED) - {"s3"}))
def test_every_member_in_the_table_is_one_of_aws(service):
    for action, members in HONOURED[service].items():
        shape = model_of(service).operation_model(action).input_shape
        known = {wire_name(service, action, path) for path, _ in leaves(shape)} if shape and shape.members else set()
        for name in members.split():
            assert any(each == name or each.startswith(f"{name}.") for each in known), (action, name)


# What was wrong without an error


def test_task_definitions_are_listed_in_the_order_asked_for_and_in_pages(cloud):
    ecs = cloud.client("ecs")
    container = {"name": "app", "image": "nginx", "memory": 64}
    for family in ("zebra", *["ant"] * 11):
        ecs.register_task_definition(family=family, containerDefinitions=[container])

    def listed(**asked):
        arns = ecs.get_paginator("list_task_definitions").paginate(**asked)
        return [arn.rsplit("/", 1)[-1] for page in arns for arn in page["taskDefinitionArns"]]

    ascending = [f"ant:{number}" for number in range(1, 12)]
    assert listed(familyPrefix="ant") == ascending
    assert listed(familyPrefix="ant", sort="DESC") == ascending[::-1]
    assert listed(familyPrefix="ant", sort="DESC", PaginationConfig={"PageSize": 4}) == ascending[::-1]
    assert [name for name in listed(sort="DESC") if name.startswith(("ant", "zebra"))] == ["zebra:1", *ascending[::-1]]
    ecs.deregister_task_definition(taskDefinition="ant:11")
    assert listed(familyPrefix="ant", sort="DESC")[0] == "ant:10"
    assert listed(familyPrefix="ant", status="INACTIVE") == ["ant:11"]


def test_registered_tags_are_in_the_answer_and_in_a_description(cloud):
    ecs, tags = cloud.client("ecs"), [{"key": "team", "value": "maps"}]
    given = {"family": "tagged", "containerDefinitions": [{"name": "app", "image": "nginx", "memory": 64}]}
    assert ecs.register_task_definition(**given, tags=tags)["tags"] == tags
    assert ecs.describe_task_definition(taskDefinition="tagged", include=["TAGS"])["tags"] == tags
    assert "tags" not in ecs.register_task_definition(**given)


def test_groups_without_tags_answer_no_filter_by_tag(cloud):
    groups = cloud.client("autoscaling")

    def found(name):
        answer = groups.describe_auto_scaling_groups(Filters=[{"Name": name, "Values": ["x"]}])
        return answer["AutoScalingGroups"]

    assert [found(name) for name in ("tag:team", "tag-key", "tag-value")] == [[], [], []]
    with pytest.raises(ClientError, match="ValidationError"):
        found("instance-id")


def test_groups_and_their_instances_come_in_pages(cloud):
    groups = cloud.client("autoscaling")
    one = groups.describe_auto_scaling_instances(MaxRecords=1)
    two = groups.describe_auto_scaling_instances(MaxRecords=1, NextToken=one["NextToken"])
    first, second = one["AutoScalingInstances"], two["AutoScalingInstances"]
    assert first[0]["InstanceId"] != second[0]["InstanceId"]
    assert "NextToken" not in groups.describe_auto_scaling_groups(MaxRecords=1)


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("ec2", "describe_instances", {}),
        ("elbv2", "describe_load_balancers", {}),
        ("elb", "describe_load_balancers", {}),
        ("ecs", "describe_tasks", {"cluster": CLUSTER, "tasks": ["x"], "include": ["TAGS"]}),
        ("ecs", "list_container_instances", {"cluster": CLUSTER, "filter": "agentConnected==false"}),
        ("autoscaling", "describe_auto_scaling_groups", {"IncludeInstances": True}),
        ("autoscaling", "describe_launch_configurations", {}),
        ("iam", "list_roles", {}),
        ("s3", "list_objects", {"Bucket": "districtbuilder-staging-data"}),
        ("cloudwatch", "describe_alarms", {"ActionPrefix": "arn:"}),
        ("rds", "describe_db_snapshots", {"SnapshotType": "automated"}),
    ],
)
def test_what_would_be_an_empty_or_a_partial_truth_is_refused(cloud, service, operation, asked):
    with pytest.raises(ClientError) as caught:
        getattr(cloud.client(service), operation)(**asked)
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_alarms_satisfy_every_condition(cloud, control):
    alarms = cloud.client("cloudwatch", "core/staging")
    names = [alarm["AlarmName"] for alarm in alarms.describe_alarms()["MetricAlarms"]][:2]
    alarms.set_alarm_state(AlarmName=names[0], StateValue="ALARM", StateReason="a test")
    found = alarms.describe_alarms(AlarmNames=names, StateValue="ALARM")["MetricAlarms"]
    assert [each["AlarmName"] for each in found] == [names[0]]
