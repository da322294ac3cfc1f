"""Daemons: services that run one task on each instance, where ECS stops the old task before it starts the new one."""

import math

from include.aws.ecs import Service

DAEMON = "DAEMON"


def stopped_at_once(service: Service) -> int:
    """Return how many of a daemon's tasks ECS may have stopped at a time during a deployment."""
    return service.desired - math.ceil(service.desired * service.minimum_healthy_percent / 100)


def why_not_replaceable(service: Service) -> str:
    """Return why the tasks of a daemon must not, or cannot, be replaced in place, in one sentence, or "" if they can."""
    if service.scheduling != DAEMON or not service.desired:
        return ""
    at_once, least = stopped_at_once(service), service.minimum_healthy_percent
    if at_once < 1:
        return (
            f"Service {service.name} runs one task on each instance (DAEMON), and ECS may stop none of its {service.desired} before it "
            f"starts another (minimumHealthyPercent {least}), so no deployment of it can end; lower minimumHealthyPercent first."
        )
    if service.target_groups and at_once == service.desired:
        return (
            f"Service {service.name} runs one task on each instance (DAEMON), and ECS may stop all {service.desired} at once "
            f"(minimumHealthyPercent {least}), so nobody would be served for a while; raise minimumHealthyPercent, or add an instance."
        )
    return ""


def describe(service: Service) -> str:
    """Return how a daemon is replaced, in one sentence without its end."""
    return (
        f"{service.name} runs one task on each instance (DAEMON): on each, ECS stops the old one before it starts the new one, on up to "
        f"{stopped_at_once(service)} of {service.desired} instances at a time"
    )
