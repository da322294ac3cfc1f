"""Preconditions of every plan that changes a target, whatever it changes."""

from datetime import datetime
from zoneinfo import ZoneInfo

from include.errors import PreconditionError
from include.inventory import Target
from include.inventory.models import Hours


def refuse_other_account(target: Target, account: str) -> None:
    """Refuse a connection to another account. Raises: PreconditionError."""
    if account != target.environment.account:
        raise PreconditionError(
            f"Connection {target.aws_conn_id} leads to account {account}, but {target.name} is in {target.environment.account}; "
            "correct the connection's role."
        )


def refuse_outside_hours(target: str, hours: Hours | None, now: datetime) -> None:
    """Refuse a time at which disruptive runbooks may not run. Raises: PreconditionError."""
    if hours is None:
        return
    local = now.astimezone(ZoneInfo(hours.timezone))
    if local.strftime("%a") not in hours.days or not hours.start <= local.time() < hours.end:
        raise PreconditionError(
            f"{target} may be changed on {', '.join(hours.days)} from {hours.start:%H:%M} to {hours.end:%H:%M} "
            f"{hours.timezone}, and there it is {local:%a %H:%M}; start the run within these hours."
        )
