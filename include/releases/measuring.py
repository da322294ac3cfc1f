"""The performance test of a release: one task that measures, once a run, and what it measured."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from include.aws import one_offs
from include.aws.logs import read_stream
from include.aws.task_definitions import describe_definition, log_prefix
from include.errors import MigrationFailedError
from include.operations import documents
from include.operations.permit import Permit
from include.reconcile import reconcile
from include.releases.fargate import ensure_size
from include.releases.migrating import find_network
from include.releases.migration import read_start
from include.releases.one_off_log import stream_name
from include.releases.performance import judge_performance, read_measured
from include.releases.places import ReleasePlace
from include.releases.plans.database_migration import one_off_of, plan_task

log = logging.getLogger(__name__)

GROUP = "performance"
LINES = 2000  # read of its log: ab prints forty a page


def start(place: ReleasePlace, permit: Permit, command: tuple[str, ...], definition: str) -> str:
    """Start the test's task and return its ARN, which is on record before anybody waits for it."""
    kept_at = documents.load_test(permit.owner)
    if kept := permit.table.get(*kept_at):
        return str(kept["arn"])
    reconcile(place.clients, permit)
    one_off, environment = one_off_of(place.target), place.target.environment
    ensure_size(one_off.cpu, one_off.memory)
    token = hashlib.sha256(f"{permit.owner} {GROUP}".encode()).hexdigest()[:32]  # asked for twice, it is started once
    network = find_network(place.clients, place.target, plan_task(place.target, "", command=command))
    tasks, failures = permit.write(
        one_offs.run_task(
            place.clients.ecs,
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
    permit.table.add(*kept_at, documents.TaskDocument(arn=arn))
    return arn


def verify(place: ReleasePlace, arn: str, definition: str, end: Mapping[str, Any] | None = None) -> str:
    """Return what was measured, in one sentence; `end` is what the wait saw. Raises: BakeFailedError if it is not good enough."""
    one_off, release = one_off_of(place.target), place.target.release
    assert release.performance  # or no test was started
    task, _ = one_offs.last_seen(place.clients.ecs, str(place.target.environment.cluster), arn, end)
    if task is None:
        raise MigrationFailedError(
            f"AWS does not know the test's task {arn.rsplit('/', 1)[-1]} any more; start a new run."
        )
    prefix = log_prefix(describe_definition(place.clients.ecs, definition), one_off.container)
    lines = read_stream(place.clients.logs, one_off.log_group, stream_name(prefix, one_off.container, arn), LINES)
    for line in lines[-20:]:
        log.info("| %s", line)
    container: Any = task.container(one_off.container)
    return judge_performance(
        container.exit_code if container else None, read_measured(lines), release.performance.thresholds
    )
