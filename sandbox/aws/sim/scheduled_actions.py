"""Scheduled actions of Application Auto Scaling: when they fire, and how they change a service's desired count."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter
from moto.applicationautoscaling.models import applicationautoscaling_backends

from sandbox.aws.services.ecs.model import Service
from sandbox.aws.state.region import Region

DIMENSION = "ecs:service:DesiredCount"
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")  # 1 to 7 for AWS
UNITS = {"minute": 60, "hour": 3600, "day": 86400}


def names_of(region: Region, service: Service) -> list[str]:
    """Return the names of a service's scheduled actions."""
    return [action.scheduled_action_name for action in _actions(region, service)]


def fire(region: Region, service: Service, name: str) -> None:
    """Do what a scheduled action does at its time: set the bounds, and move the count into them."""
    action = next(each for each in _actions(region, service) if each.scheduled_action_name == name)
    least = int(action.scalable_target_action["MinCapacity"])
    most = int(action.scalable_target_action["MaxCapacity"])
    backend = applicationautoscaling_backends[region.account][region.name]
    target = backend.targets[DIMENSION][_resource(service)]
    target.min_capacity, target.max_capacity = least, most
    service.desired = min(max(service.desired, least), most)
    service.scheduled_changes += 1


def fire_due(region: Region, before: float, now: float) -> None:
    """Fire the scheduled actions whose time came after `before` and not after `now`."""
    backends = applicationautoscaling_backends.get(region.account)  # by [] moto would make one, and take longer
    found = backends.get(region.name) if backends is not None else None
    for action in found.scheduled_actions if found else ():
        key = (action.resource_id, action.scheduled_action_name, action.schedule, action.timezone)
        due = region.due.get(key)
        if due is None:
            due = next_fire(action.schedule, action.timezone, before, began=before)
        while due <= now:
            _fire_unless_suspended(region, action)
            due = next_fire(action.schedule, action.timezone, due, began=due)
        region.due[key] = due


def _fire_unless_suspended(region: Region, action: Any) -> None:
    _, cluster, name = action.resource_id.split("/")
    service = region.services.get((cluster, name))
    target = applicationautoscaling_backends[region.account][region.name].targets[DIMENSION].get(action.resource_id)
    suspended: Any = (target.suspended_state or {}) if target else {}
    if service and target and not suspended.get("ScheduledScalingSuspended"):
        fire(region, service, action.scheduled_action_name)


def next_fire(schedule: str, timezone: str | None, after: float, began: float) -> float:
    """Return the first moment after `after` at which a schedule fires, or infinity. Raises: ValueError if it is none.

    A rate counts from `began`. Local times follow the time zone through its changes to summer time and back.
    """
    try:
        zone = ZoneInfo(timezone or "UTC")
    except KeyError as error:
        raise ValueError(f"{timezone!r} is no time zone of the IANA database, such as Europe/London") from error
    kind, _, rest = schedule.rstrip(")").partition("(")
    if kind == "at":
        at = datetime.fromisoformat(rest).replace(tzinfo=zone).timestamp()
        return at if at > after else math.inf
    if kind == "rate" and (match := re.fullmatch(r"([1-9]\d*) (minute|hour|day)s?", rest)):
        every = int(match[1]) * UNITS[match[2]]
        return began + every * (math.floor((after - began) / every) + 1)
    if kind == "cron" and len(fields := rest.split()) == 6:
        try:
            return float(croniter(_translated(fields), datetime.fromtimestamp(after, zone)).get_next(float))
        except CroniterBadDateError:
            return math.inf
    raise ValueError(
        f"{schedule!r} is no schedule, such as cron(0 7 ? * MON-FRI *), rate(1 day) or at(2026-11-21T07:00:00)"
    )


def _translated(fields: list[str]) -> str:
    """Return AWS's six fields, whose week begins with 1 for Sunday, as croniter takes them."""
    minute, hour, day, month, weekday, year = (field.replace("?", "*") for field in fields)
    weekday = re.sub(r"([1-7])L", lambda found: f"L{int(found[1]) - 1}", weekday)
    weekday = re.sub(r"(?<![#/L\d])[1-7]", lambda found: DAYS[int(found[0]) - 1], weekday)
    return f"{minute} {hour} {day} {month} {weekday} 0 {year}"


def _resource(service: Service) -> str:
    return f"service/{service.cluster}/{service.name}"


def _actions(region: Region, service: Service) -> list[Any]:
    backend = applicationautoscaling_backends[region.account][region.name]
    return [action for action in backend.scheduled_actions if action.resource_id == _resource(service)]
