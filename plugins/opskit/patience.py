"""Keep trying what a retry of the task could not do again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from include.aws.clients import Clients

T = TypeVar("T")
ATTEMPTS = 8  # a minute and a half between the first and the last, besides the SDK's own tries
LONGEST = 20  # seconds between two of them

log = logging.getLogger(__name__)


def insist(clients: Clients, work: Callable[[], T]) -> T:
    """Return what `work` returns once AWS answers it; new credentials are asked for each time. Raises: AWS's last error."""

    def again(state: RetryCallState) -> None:
        assert state.outcome  # it failed
        log.warning("AWS did not take it, trying again: %s", state.outcome.exception())
        clients.renew()

    trying = Retrying(
        retry=retry_if_exception_type((BotoCoreError, ClientError)),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(max=LONGEST),
        before_sleep=again,
        reraise=True,
    )
    return trying(work)
