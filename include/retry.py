"""Retry policies by name: which calls are retried, and why."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay

from include.errors import ServiceUnavailableError

T = TypeVar("T")
THROTTLED = ("ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException")
DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "NotAuthorized",
    "403",
)
# AWS refuses credentials that look valid here: they were revoked, or the clock is wrong. New ones may be accepted
EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "RequestExpired", "UnrecognizedClientException"}
)
# further codes with a status below 500 of calls that succeed later: other limits of the rate, time-outs, and work of others at
# that very moment
PASSING = frozenset(
    {
        *THROTTLED,
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "InternalError",
        "InternalFailure",
        "OperationAborted",
        "OperationAbortedException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceContention",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
AT_ONCE = "Too many concurrent attempts"  # ECS says so in a ClientException, of two registrations at the same moment
# errors of the SDK itself, which has sent nothing and would not the next time either
UNSENT = (NoCredentialsError, NoRegionError, ParamValidationError, PartialCredentialsError)


def _never(error: BaseException) -> bool:
    return False


@dataclass(frozen=True)
class Policy:
    """How often a call is retried, and with what pauses.

    `again` selects the errors. A pause is `first` seconds long, then twice that, up to `longest`. `spread` adds jitter: any
    length below the pause ("full"), or up to `first` seconds longer ("added"), so that many callers do not retry at once. No call
    is made after `time_limit` seconds. If an error asks for a longer pause, that pause is kept.
    """

    attempts: int
    first: float
    longest: float
    spread: Literal["none", "full", "added"] = "none"
    time_limit: float = math.inf
    again: Callable[[BaseException], bool] = _never

    def run(self, call: Callable[[], T], before_again: Callable[[BaseException], None] = lambda error: None) -> T:
        """Return what the call returns. `before_again` is called with each error before a retry.

        Raises: whatever the call raised last.
        """

        def told(state: RetryCallState) -> None:
            before_again(_error_of(state))

        def wait(state: RetryCallState) -> float:
            error = _error_of(state)
            asked = error.wait if isinstance(error, ServiceUnavailableError) else 0.0
            return max(asked, self.pause(state.attempt_number))

        trying = Retrying(
            retry=retry_if_exception(self.again),
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.time_limit),
            wait=wait,
            before_sleep=told,
            reraise=True,
        )
        return trying(call)

    def tries(self) -> Iterator[int]:
        """Yield the numbers of the attempts, with the pauses between them, for work that fails without an exception."""
        for number in range(self.attempts):
            if number:
                time.sleep(self.pause(number))
            yield number

    def pause(self, number: int) -> float:
        """Return how many seconds to wait after an attempt. The first attempt is number 1."""
        grown = min(self.longest, self.first * 2.0 ** (number - 1))
        if self.spread == "full":
            return random.uniform(0, grown)  # noqa: S311  # no secret
        if self.spread == "added":
            return min(self.longest, grown + random.uniform(0, self.first))  # noqa: S311  # no secret
        return grown


def _error_of(state: RetryCallState) -> BaseException:
    assert state.outcome  # called only after a failed attempt
    error = state.outcome.exception()
    assert error
    return error


def _was_throttled(error: BaseException) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in THROTTLED


def may_pass(error: BaseException) -> bool:
    """Tell whether an error of AWS, or of the way there, may pass. An answered refusal does not, unless its code says so."""
    if isinstance(error, ClientError):
        told, status = error.response["Error"], error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return status >= 500 or told["Code"] in PASSING | EXPIRED or told.get("Message", "").startswith(AT_ONCE)
    return isinstance(error, BotoCoreError) and not isinstance(error, UNSENT)


def _is_away(error: BaseException) -> bool:
    return isinstance(error, ServiceUnavailableError)


# The SDK itself retries every call to AWS, in its standard mode: it knows which errors are temporary.
AWS_CALL = Policy(attempts=6, first=1, longest=20, spread="full")

# A write that would be made twice if its answer were lost is retried only if AWS says that it did nothing.
AWS_WRITE_ONCE = Policy(attempts=8, first=1, longest=20, spread="full", again=_was_throttled)

# A person's answer is stored despite temporary errors of AWS: a retry of the task would have to ask the person again.
# The retries take a minute and a half in all, besides the SDK's own.
PERSONS_ANSWER = Policy(attempts=8, first=1, longest=20, again=may_pass)

# A conditional write fails only if another one succeeds, so this many failures in a row mean a defect. The pauses spread
# a hundred concurrent writes.
CONDITIONAL_WRITE = Policy(attempts=50, first=0.01, longest=1, spread="full")

# A read of GitHub, Jira or Google Sheets changes nothing. The task's own retry covers longer outages.
EXTERNAL_SERVICE = Policy(attempts=5, first=0.5, longest=8, spread="added", time_limit=30, again=_is_away)

# One request of a copy: the copy's own loop retries it, since each failure also changes the rate of all its requests. `attempts`
# limits temporary failures; S3 may answer SlowDown to one request for as long as `time_limit`.
S3_REQUEST = Policy(attempts=8, first=0.1, longest=20, time_limit=600)


def is_denied(call: Callable[[], object]) -> bool:
    """Make a harmless call, and tell whether AWS says that the role may not make it. No other refusal is a denial."""
    try:
        call()
    except ClientError as error:
        return str(error.response.get("Error", {}).get("Code", "")) in DENIED
    return False
