"""Revisions of task definitions that differ from another one in a container's image alone."""

from collections.abc import Mapping
from typing import Any

from include.aws.task_definitions import describe_definition, list_definitions, register_definition
from include.ecs.container_diff import is_registered, with_image
from include.run.context import Context

RECENT = 5  # how many revisions a retry searches for its own: a service and one-off tasks may share a family


def register_with_image(ctx: Context, definition: Mapping[str, Any], container: str, image: str) -> str:
    """Register a definition with another image for one container, unless a recent revision is just that. Return its ARN."""
    wanted, family = with_image(definition, container, image), str(definition["family"])
    for arn in list_definitions(ctx.clients.ecs, family, RECENT):
        if is_registered(describe_definition(ctx.clients.ecs, arn), wanted):
            return arn
    return ctx.writer.write(register_definition(ctx.clients.ecs_once, wanted, container))
