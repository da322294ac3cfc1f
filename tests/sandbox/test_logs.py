"""CloudWatch Logs finds the log lines of tasks."""

import pytest
from botocore.exceptions import ClientError

CLUSTER, SERVICE, GROUP = "ecsStagingCluster", "StagingApp_EC2LaunchType", "logStagingApp"


@pytest.fixture
def logs(cloud):
    """Return a client, after an hour in which two tasks wrote a line every five minutes."""
    cloud.advance(3600)
    return cloud.client("logs")


def find(logs, **asked):
    return logs.filter_log_events(logGroupName=GROUP, **asked)["events"]


def streams(cloud):
    tasks = cloud.client("ecs").list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"]
    return sorted(f"StagingApp/app/{arn.rsplit('/', 1)[-1]}" for arn in tasks)


def test_each_task_writes_into_a_stream_of_its_own(cloud, logs):
    assert sorted({each["logStreamName"] for each in find(logs)}) == streams(cloud)


def test_only_the_streams_asked_for_are_searched(cloud, logs):
    one = streams(cloud)[0]
    assert {each["logStreamName"] for each in find(logs, logStreamNames=[one])} == {one}
    assert {each["logStreamName"] for each in find(logs, logStreamNamePrefix=one)} == {one}
    assert find(logs, logStreamNamePrefix="Other/") == []


def test_one_stream_that_does_not_exist_fails_the_whole_call(cloud, logs):
    with pytest.raises(ClientError, match="log stream does not exist") as caught:
        find(logs, logStreamNames=[*streams(cloud), "StagingApp/app/none"])
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_group_that_does_not_exist_is_refused(logs):
    with pytest.raises(ClientError, match="log group does not exist"):
        logs.filter_log_events(logGroupName="nobody")


def test_lines_from_before_the_start_time_are_left_out(cloud, logs):
    since = int((cloud.world.clock.now() - 600) * 1000)
    found = find(logs, startTime=since)
    assert 2 <= len(found) <= 4
    assert min(each["timestamp"] for each in found) >= since
    assert len(found) < len(find(logs))


def test_lines_of_all_streams_come_oldest_first_and_in_pages(logs):
    everything = [each["eventId"] for each in find(logs)]
    assert len(everything) > 20
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, limit=7))
    assert [len(page["events"]) for page in pages[:-1]] == [7] * (len(pages) - 1)
    assert [event["eventId"] for page in pages for event in page["events"]] == everything
    times = [each["timestamp"] for each in find(logs)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("HealthCheckService topology", True),
        ("HealthCheckService nonsense", False),
        ("healthcheckservice", False),
        ('"\\"status\\": \\"up\\""', True),
        ("?nonsense ?topology", True),
        ("HealthCheckService -topology", False),
    ],
)
def test_terms_of_a_pattern_are_matched_as_aws_does(logs, pattern, found):
    assert bool(find(logs, filterPattern=pattern)) == found


@pytest.mark.parametrize("pattern", ["Failed: load", '"never closed'])
def test_pattern_with_unquoted_punctuation_is_refused(logs, pattern):
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        find(logs, filterPattern=pattern)


def test_pattern_the_sandbox_cannot_match_is_refused_rather_than_matching_everything(logs):
    with pytest.raises(ClientError) as caught:
        find(logs, filterPattern="{ $.status = 500 }")
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
