"""What a runbook refuses without a look at the world: by the schemas of its params, and by the inventory of its target.

The API asks here before there is a run. The planner of a runbook calls the same functions.
"""

from collections.abc import Callable, Mapping
from typing import Any

from include.errors import RunbookError
from include.inventory import Target, load
from include.region_data.request import read_requests
from include.releases.migration.plan import plan_task
from include.releases.migration.request import read_request
from include.releases.production.versions import ensure_form
from include.releases.staging.plan import refuse_other_repository
from include.run.params import Declared, complaint

Rule = Callable[[Target, Mapping[str, Any]], object]  # raises a RunbookError


def _migration(target: Target, params: Mapping[str, Any]) -> None:
    request = read_request(params)
    plan_task(
        target,
        "",
        preset=request.preset,
        command=request.command,
        cpu=request.cpu,
        memory=request.memory,
        snapshot=request.snapshot,
    )


def _region_data(target: Target, params: Mapping[str, Any]) -> None:
    read_requests(params["regions"], target.region_data.buckets)


def _release(target: Target, params: Mapping[str, Any]) -> None:
    if params["version"]:
        ensure_form(params["version"], target.system.versions.prefix)


def _repository(target: Target, params: Mapping[str, Any]) -> None:
    refuse_other_repository(target, params["repository"])


RULES: Mapping[str, Rule] = {  # by runbook
    "database_migration": _migration,
    "production_release": _release,
    "region_data_update": _region_data,
    "staging_deployment": _repository,
}


def wrong_request(runbook: str, params: Mapping[str, Declared], given: object) -> str | None:
    """Return why a runbook cannot take what a run is started with, as one sentence, or None."""
    if sentence := complaint(params, given):
        return sentence
    if runbook not in RULES:
        return None
    conf = given if isinstance(given, dict) else {}
    values = {name: param.default if conf.get(name) is None else conf[name] for name, param in params.items()}
    try:
        RULES[runbook](load().target(values["target"]), values)
    except RunbookError as error:
        return str(error)
    return None
