"""What time AWS says it is: task start times are compared with its clock, never with ours."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any


def answered_at(response: Mapping[str, Any]) -> datetime:
    """Return the time in a response's Date header: AWS's clock, whole seconds, rounded down."""
    return parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])
