"""AWS's answered refusals become one sentence with the way out, and what may pass is left to the retries."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from include.aws.refusals import refusal_of, refusal_of_write, translated
from include.errors import RefusedError, ServiceUnavailableError


def error(code: str, said: str = "no", *, status: int = 400, repeated: int = 0, call: str = "RunTask") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": said}}
    answer["ResponseMetadata"] = {"HTTPStatusCode": status, "RetryAttempts": repeated}
    return ClientError(answer, call)


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (
            error("AccessDeniedException", "User: arn:x is not\nauthorized to perform: ecs:RunTask"),
            "AWS refuses RunTask (AccessDeniedException: User: arn:x is not authorized to perform: ecs:RunTask); give the role of "
            "the target's Airflow connection that right, then start again.",
        ),
        (
            error("SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots", call="CreateDBSnapshot"),
            "AWS refuses CreateDBSnapshot (SnapshotQuotaExceeded: Cannot create more than 100 manual snapshots); remove what is no "
            "longer needed there or have the quota raised, then start again.",
        ),
        (
            error("ServiceNotActiveException", "Service was not ACTIVE.", call="UpdateService"),
            "AWS refuses UpdateService (ServiceNotActiveException: Service was not ACTIVE); create it, or correct its name in the "
            "inventory, then start again.",
        ),
        (
            error("ResourceInUse", "busy", call="UpdateAutoScalingGroup"),
            "AWS refuses UpdateAutoScalingGroup (ResourceInUse: busy); wait until that is over or put it right there, then start "
            "again.",
        ),
        (
            error("InvalidParameterValue", "", call="CreateDBSnapshot"),
            "AWS refuses CreateDBSnapshot (InvalidParameterValue: no reason given); correct what it names, then start again.",
        ),
        (
            error("SignatureDoesNotMatch", "wrong", status=403),
            "AWS refuses RunTask (SignatureDoesNotMatch: wrong); correct the secret in the target's Airflow connection, or the clock "
            "of this machine, then start again.",
        ),
        (
            ParamValidationError(report="Invalid length"),
            "Nothing was sent to AWS: Parameter validation failed: Invalid length; correct what it names, then start again.",
        ),
    ],
)
def test_refusal_is_one_sentence_with_both_sides_and_the_way_out(refused: Exception, sentence: str):
    assert str(refusal_of(refused)) == sentence


@pytest.mark.parametrize(
    "passing",
    [
        error("ThrottlingException"),
        error("RequestLimitExceeded", status=503),
        error("InternalFailure", status=500),
        error("AccessDenied", status=500),
        error("ResourceContention"),
        error("ExpiredTokenException", status=403),
        error("ClientException", "Too many concurrent attempts to create a new revision of the specified family."),
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "RunTask"),  # without a status
        ReadTimeoutError(endpoint_url="http://aws"),
        OSError("no route"),
    ],
)
def test_what_may_pass_is_no_refusal(passing: Exception):
    assert refusal_of(passing) is None
    assert refusal_of_write(passing) is None


def test_message_of_any_length_stays_one_short_sentence():
    told = str(refusal_of(error("UnauthorizedOperation", "Encoded authorization failure message: " + "x" * 5_000)))
    assert len(told) < 600
    assert told.endswith("...); give the role of the target's Airflow connection that right, then start again.")


def test_write_refused_at_once_was_not_made_and_after_a_repetition_nobody_knows():
    assert isinstance(refusal_of_write(error("AccessDeniedException")), RefusedError)
    unsure = refusal_of_write(error("AccessDeniedException", repeated=1))
    assert isinstance(unsure, ServiceUnavailableError)
    assert str(unsure).endswith("It was sent 2 times, so it is looked for before that.")
    assert isinstance(refusal_of_write(error("LimitExceededException", repeated=5)), RefusedError)


def test_translated_block_raises_ours_and_leaves_the_rest():
    with pytest.raises(RefusedError, match="AWS refuses RunTask"), translated():
        raise error("AccessDenied")
    with pytest.raises(ClientError, match="Throttling"), translated():
        raise error("Throttling")
