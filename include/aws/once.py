"""Calls that would do their work twice if they were repeated: made again only where AWS says that it did nothing."""

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

T = TypeVar("T")
ATTEMPTS = 8
LONGEST = 20  # seconds between two of them
THROTTLED = ("ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException")


def ask_once(call: Callable[[], T]) -> T:
    """Return what the call of a client that repeats nothing returns; only one refused for its rate is made again.

    Raises: whatever the call raised last.
    """
    again = Retrying(
        retry=retry_if_exception(_was_throttled),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(max=LONGEST),
        reraise=True,
    )
    return again(call)


def _was_throttled(error: BaseException) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in THROTTLED
