"""What an error of Terraform means: from what it really printed, and from what AWS answers as others have reported it."""

import json
from datetime import timedelta

import pytest

from include.errors import ApplyFailedError, PreconditionError, StoppedHalfwayError
from include.terraform.errors import (
    AccessLogsRefusedError,
    LockHeldError,
    StalePlanError,
    explain,
    explain_apply,
)
from include.terraform.events import read_events

REQUEST = "https response error StatusCode: 400, RequestID: 0a1b2c3d"


def line(kind, **more):
    return json.dumps({"@level": "error", "@message": "", "type": kind, **more}, separators=(",", ":"))


def error(summary, detail="", address=""):
    return line(
        "diagnostic", diagnostic={"severity": "error", "summary": summary, "detail": detail, "address": address}
    )


def hook(kind, address, action="create"):
    return line(kind, hook={"resource": {"addr": address, "resource_type": address.split(".")[-2]}, "action": action})


def begun(address="aws_lb.front", action="create"):
    return hook("apply_start", address, action)


def of(*lines, apply=False):
    return (explain_apply if apply else explain)(read_events("\n".join(lines)))


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("init_without_bucket.txt", PreconditionError, "The bucket core-gone does not exist; create it"),
        ("version.txt", PreconditionError, "The code does not accept version 1.11.4 of Terraform;"),
        ("version.jsonl", PreconditionError, "The code does not accept version 1.11.4 of Terraform;"),
        ("checksum.txt", PreconditionError, "A provider's package is another one than the lock file"),
        (
            "package_of_lock_file_missing.jsonl",
            PreconditionError,
            "The providers that are installed are not those of the lock file",
        ),
        (
            "plugins_not_installed.jsonl",
            PreconditionError,
            "The providers that are installed are not those of the lock file",
        ),
        (
            "other_lock_file.jsonl",
            StalePlanError,
            "The providers' lock file (.terraform.lock.hcl) is another one than that of the plan;",
        ),
        ("no_credentials.jsonl", PreconditionError, "Terraform found no AWS credentials;"),
        (
            "expired_credentials.jsonl",
            PreconditionError,
            "AWS does not accept the credentials: they are expired or wrong;",
        ),
        (
            "assume_role_denied.jsonl",
            PreconditionError,
            "The role arn:aws:iam::444455556666:role/deploy may not be assumed;",
        ),
        ("variable_missing.jsonl", PreconditionError, "The variable needed has no value;"),
        (
            "prevent_destroy.jsonl",
            PreconditionError,
            "terraform_data.kept may not be destroyed, the code sets prevent_destroy;",
        ),
        ("stale_plan.jsonl", StalePlanError, "The state has changed since the plan was made, so the plan is stale;"),
        ("provider_crash.jsonl", PreconditionError, "A provider or Terraform itself crashed"),
    ],
)
def test_error_that_terraform_printed_before_it_changed_anything_is_one_sentence(captured, name, kind, said):
    found = explain_apply(read_events(captured(f"errors/{name}")))
    assert type(found) is kind
    assert str(found).startswith(said)
    assert "Nothing was changed." in str(found)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("database_protected.jsonl", "core is protected against deletion in AWS; apply its protection as false first"),
        ("bucket_not_empty.jsonl", "bucket exports still holds objects, old versions or delete markers"),
        ("snapshot_exists.jsonl", "a snapshot core-final already exists, so the final snapshot cannot be made"),
    ],
)
def test_error_that_terraform_printed_after_it_began_says_where_it_stopped(captured, name, said):
    found = explain_apply(read_events(captured(f"errors/{name}")))
    assert type(found) is ApplyFailedError
    assert str(found).startswith("The apply stopped half way (0 of 1 done; failed: ")
    assert said in str(found)
    assert "this plan is stale" in str(found)
    assert "Nothing was changed" not in str(found)


@pytest.mark.parametrize("name", ["lock_dynamodb.jsonl", "lock_s3.jsonl", "errors/lock_dynamodb.txt"])
def test_lock_of_another_is_told_with_who_when_and_what(captured, name):
    found = explain_apply(read_events(captured(name)))
    assert isinstance(found, LockHeldError)
    assert found.lock.kind == ("s3" if "s3" in name else "dynamodb")
    assert f"is locked by root@vm since 2026-11-27 12:01 UTC (apply, lock id {found.lock.id});" in str(found)
    assert len(found.lock.id) == 36


def test_lock_that_says_nothing_of_its_holder_is_a_lock_all_the_same():
    found = of(error("Error acquiring the state lock", "Error message: resource temporarily unavailable"))
    assert isinstance(found, LockHeldError)
    assert str(found).startswith("The state is locked, and nobody says by whom;")


def test_state_that_could_not_be_written_comes_before_every_other_error(captured):
    events = read_events(captured("errors/state_not_saved.jsonl"))
    found = explain_apply((*read_events(error("BucketNotEmpty")), *events))
    assert isinstance(found, ApplyFailedError)
    assert "Terraform could not write its state to the bucket, so it is in the file errored.tfstate" in str(found)
    assert "There are 2 more errors in its output." in str(found)


@pytest.mark.parametrize(
    "summary",
    [
        "modifying ELBv2 Load Balancer (front) attributes: operation error Elastic Load Balancing v2: ModifyLoadBalancerAttributes, "
        f"{REQUEST}, api error InvalidConfigurationRequest: Access Denied for bucket: core-logs. Please check S3bucket permission",
        "failure configuring LB attributes: InvalidConfigurationRequest: Access Denied for bucket: core-logs. Please check S3bucket "
        "permission\n\tstatus code: 400, request id: 069b9db6",
    ],
)
def test_access_logs_that_are_refused_may_be_tried_again_a_limited_number_of_times(summary):
    found = of(begun(), error(summary, address="aws_lb.front"), apply=True)
    assert isinstance(found, AccessLogsRefusedError)
    assert (found.wait, found.attempts) == (timedelta(seconds=60), 5)
    assert "the load balancer aws_lb.front may not write its access logs to bucket core-logs yet" in str(found)


def test_access_logs_that_are_not_all_that_is_wrong_are_not_tried_again():
    refused = error(
        "modifying ELBv2 Load Balancer (front) attributes: operation error Elastic Load Balancing v2: ModifyLoadBalancerAttributes, "
        f"{REQUEST}, api error InvalidConfigurationRequest: Access Denied for bucket: core-logs. Please check S3bucket permission"
    )
    quota = error(f"creating EC2 VPC: operation error EC2: CreateVpc, {REQUEST}, api error VpcLimitExceeded: no more")
    assert isinstance(of(begun(), refused, refused, apply=True), AccessLogsRefusedError)
    found = of(begun(), refused, quota, apply=True)
    assert type(found) is ApplyFailedError
    assert "may not write its access logs to bucket core-logs yet" in str(found)


def test_denied_access_to_another_bucket_is_not_taken_for_access_logs():
    found = of(
        begun(),
        error(f"reading S3 Object: operation error S3: HeadObject, {REQUEST}, api error AccessDenied: no"),
        apply=True,
    )
    assert not isinstance(found, AccessLogsRefusedError)
    assert "the role may not do what it was asked to" in str(found)


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (
            f"creating Secrets Manager Secret (TOKEN): operation error Secrets Manager: CreateSecret, {REQUEST}, InvalidRequestException: "
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
            "the secret TOKEN is still scheduled for deletion, so its name is taken",
        ),
        (
            f"deleting RDS DB Instance (core): operation error RDS: DeleteDBInstance, {REQUEST}, SnapshotQuotaExceeded: Cannot create more "
            "than 100 manual snapshots",
            "as many manual snapshots of databases as it may have",
        ),
        (
            f"deleting ELBv2 Load Balancer (front): operation error Elastic Load Balancing v2: DeleteLoadBalancer, {REQUEST}, "
            "OperationNotPermitted: Load balancer 'arn:lb' cannot be deleted because deletion protection is enabled",
            "front is protected against deletion in AWS",
        ),
        (
            f"creating CloudFront Distribution: operation error CloudFront: CreateDistribution, {REQUEST}, InvalidViewerCertificate: The "
            "specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid chain.",
            "CloudFront does not accept the certificate of aws_lb.front: it is not issued yet",
        ),
        (
            f"creating EC2 EIP: operation error EC2: AllocateAddress, {REQUEST}, api error AddressLimitExceeded: The maximum number of "
            "addresses has been reached.",
            "because of a quota (AddressLimitExceeded)",
        ),
        (
            f"creating RDS DB Instance (core): operation error RDS: CreateDBInstance, {REQUEST}, api error AccessDenied: User: arn:x "
            "is not authorized to perform: rds:CreateDBInstance on resource: arn:y",
            "the role may not do rds:CreateDBInstance",
        ),
    ],
)
def test_answer_of_aws_is_known_by_its_code(summary, said):
    found = of(begun(), error(summary, address="aws_lb.front"), apply=True)
    assert type(found) is ApplyFailedError
    assert said in str(found)


def test_every_resource_that_may_not_be_destroyed_is_named():
    texts = [
        error(
            "Instance cannot be destroyed",
            f"Resource aws_db_instance.{name} has lifecycle.prevent_destroy set, but the plan calls for",
        )
        for name in ("main", "replica")
    ]
    assert str(of(*texts)).startswith("aws_db_instance.main, aws_db_instance.replica may not be destroyed")


def test_lock_file_without_a_provider_asks_for_init():
    found = of(
        error(
            "Inconsistent dependency lock file",
            "The following dependency selections recorded in the lock file are inconsistent",
        )
    )
    assert str(found).startswith("The providers that are installed are not those of the lock file")


@pytest.mark.parametrize(
    "text",
    ["panic: runtime error: CANARY\n\ngoroutine 1 [running]:", "!!!!!!! TERRAFORM CRASH !!!!!!!", "fatal error: oom"],
)
def test_crash_is_known_by_its_plain_text_and_keeps_it_to_itself(text):
    found = of(begun(), text, apply=True)
    assert "a provider or Terraform itself crashed" in str(found)
    assert "CANARY" not in str(found)


def test_error_for_people_is_read_through_its_border_and_colours():
    text = (
        "\x1b[31m╷\x1b[0m\n\x1b[31m│\x1b[0m \x1b[31mError: \x1b[0mNo value for required variable\n"
        '│\n│   on main.tf line 1:\n│    1: variable "needed" {}\n│\n│ The root module input variable "needed" is not set\n╵\n'
    )
    assert str(of(text)).startswith("The variable needed has no value;")


def test_error_that_is_not_known_is_told_by_address_and_code_without_what_aws_repeats():
    summary = (
        f"creating SSM Parameter (/app/token): operation error SSM: PutParameter, {REQUEST}, api error ValidationException: Value "
        "'CANARY' at 'value' failed to satisfy constraint"
    )
    found = of(begun(), error(summary, "CANARY", "module.app.aws_ssm_parameter.token"), apply=True)
    said = "creating SSM Parameter (/app/token): AWS answers ValidationException to SSM PutParameter"
    assert f"Terraform met an error at module.app.aws_ssm_parameter.token ({said})" in str(found)
    assert "CANARY" not in str(found)


def test_service_that_could_not_be_reached_is_named_with_the_reason():
    summary = (
        'Unable to list objects in S3 bucket "core-tf-state": operation error S3: ListObjectsV2, https response error StatusCode: 0, '
        'RequestID: , HostID: , request send failed, Get "http://core-tf-state.world:4566/?list-type=2": dial tcp: lookup '
        "core-tf-state.world on 10.0.0.53:53: no such host"
    )
    said = (
        'Unable to list objects in S3 bucket "core-tf-state": AWS could not be asked for S3 ListObjectsV2: no such host'
    )
    assert f"Terraform met an error ({said})" in str(of(error(summary)))


def test_error_in_the_words_of_older_providers_is_cut_at_its_code():
    found = of(
        error("error creating Thing (x): SomeException: Value 'CANARY' is wrong\n\tstatus code: 400, request id: 1")
    )
    assert "(error creating Thing (x): AWS answers SomeException)" in str(found)
    assert "CANARY" not in str(found)


def test_provisioner_that_failed_is_told_without_its_output(captured):
    text = captured("apply_that_fails.jsonl")
    assert "CANARY" in text
    found = explain_apply(read_events(text))
    assert str(found).startswith(
        "The apply stopped half way (2 of 4 done; failed: terraform_data.fails): Terraform met an error at"
    )
    assert "CANARY" not in str(found)


def test_known_error_comes_before_one_that_is_not_known():
    found = of(error("something else"), error("BucketNotEmpty", address="aws_s3_bucket.a"))
    assert str(found) == (
        "Bucket of aws_s3_bucket.a still holds objects, old versions or delete markers, so AWS does not delete it; empty it, with its "
        "versions. Nothing was changed. There is one more error in its output."
    )


def test_output_without_an_error_and_without_an_end_is_not_taken_for_unchanged():
    for text in ("", begun(), '{"@level":"info","@message":"aws_lb.front: Cre'):
        found = of(text, apply=True)
        assert isinstance(found, StoppedHalfwayError)
        assert "Nothing was changed" not in str(found)


def test_plan_that_failed_has_changed_nothing():
    assert type(of(hook("apply_start", "data.aws_vpc.a", "read"), error("x"))) is PreconditionError
    assert type(of(hook("apply_start", "data.aws_vpc.a", "read"), error("x"), apply=True)) is PreconditionError


def test_every_error_of_an_apply_that_made_something_says_how_far_it_came():
    found = of(
        line("change_summary", changes={"add": 3, "change": 0, "remove": 0, "import": 0, "operation": "plan"}),
        begun("aws_route.a"),
        hook("apply_complete", "aws_route.a"),
        begun(),
        hook("apply_errored", "aws_lb.front"),
        error("no"),
        apply=True,
    )
    assert str(found).startswith("The apply stopped half way (1 of 3 done; failed: aws_lb.front): ")


def test_what_was_begun_and_not_ended_is_not_said_to_be_in_progress():
    found = of(begun("aws_route.a"), apply=True)
    assert "(0 of 1 done; begun, and not known whether done: aws_route.a)" in str(found)
