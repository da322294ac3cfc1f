"""AWS's clock: task start times are compared with it, never with the clock of a worker."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any


def answered_at(response: Mapping[str, Any]) -> datetime:
    """Return the time in a response's Date header: AWS's clock in whole seconds, rounded down."""
    return parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])
