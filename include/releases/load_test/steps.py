"""The performance test of a release: one task measures once a run, and its measurements are judged."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from include.aws import one_off_tasks
from include.aws.logs import read_stream
from include.aws.task_definitions import describe_definition, log_prefix
from include.ecs.task_log import stream_name
from include.errors import MigrationFailedError
from include.fargate_sizes import ensure_size
from include.reconcile import reconcile
from include.releases.load_test.rules import judge_load_test, read_measured
from include.releases.migration.plan import one_off_of, plan_task
from include.releases.migration.rules import read_start, why_failed
from include.releases.migration.steps import find_essential, find_network
from include.run import documents
from include.run.context import Context

log = logging.getLogger(__name__)

GROUP = "performance"
LINES = 2000  # lines to read from its log: ab prints forty a page


def start_load_test(ctx: Context, command: tuple[str, ...], definition: str) -> str:
    """Start the test's task and return its ARN, which is on record before anybody waits for it."""
    kept_at = documents.load_test(ctx.run)
    if kept := ctx.store.get(*kept_at):
        return str(kept["arn"])
    reconcile(ctx.clients, ctx.writer)
    one_off, environment = one_off_of(ctx.target), ctx.target.environment
    ensure_size(one_off.cpu, one_off.memory)
    token = hashlib.sha256(f"{ctx.run} {GROUP}".encode()).hexdigest()[:32]  # asked for twice, it is started once
    network = find_network(ctx, plan_task(ctx.target, "", command=command))
    tasks, failures = ctx.writer.write(
        one_off_tasks.run_task(
            ctx.clients.ecs,
            str(environment.cluster),
            definition,
            one_off.container,
            command,
            network,
            cpu=one_off.cpu,
            memory=one_off.memory,
            group=GROUP,
            started_by=f"{GROUP}/{token}",
            token=token,
        )
    )
    arn = read_start(tasks, failures)
    ctx.store.add(*kept_at, documents.TaskDocument(arn=arn))
    return arn


def verify_load_test(ctx: Context, arn: str, definition: str, end: Mapping[str, Any] | None = None) -> str:
    """Return what was measured, in one sentence; `end` is what the wait saw. Raises: BakeFailedError if it is not good enough."""
    one_off, release = one_off_of(ctx.target), ctx.target.release
    assert release.performance  # or no test was started
    task, _ = one_off_tasks.last_seen(ctx.clients.ecs, str(ctx.target.environment.cluster), arn, end)
    if task is None:
        raise MigrationFailedError(
            f"AWS does not know the test's task {arn.rsplit('/', 1)[-1]} any more; start a new run."
        )
    prefix = log_prefix(describe_definition(ctx.clients.ecs, definition), one_off.container)
    lines = read_stream(ctx.clients.logs, one_off.log_group, stream_name(prefix, one_off.container, arn), LINES)
    for line in lines[-20:]:
        log.info("| %s", line)
    container: Any = task.container(one_off.container)
    return judge_load_test(
        container.exit_code if container else None,
        read_measured(lines),
        release.performance.thresholds,
        why_failed(task, one_off.container, find_essential(ctx, task.task_definition)),
    )
