"""Retry work that a retry of its task could not repeat."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from include.aws.clients import Clients
from include.retry import PERSONS_ANSWER

T = TypeVar("T")
log = logging.getLogger(__name__)


def retry(clients: Clients, work: Callable[[], T]) -> T:
    """Return what `work` returns once AWS answers. Each attempt asks for new credentials. Raises: AWS's last error."""

    def renew(error: BaseException) -> None:
        log.warning("AWS did not take it, trying again: %s", error)
        clients.renew()

    return PERSONS_ANSWER.run(work, before_again=renew)
