"""The kinds of faults and their fields."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sandbox.aws.faults.model import FaultError
from sandbox.aws.services.ecs.deployment_model import HOOK_STAGES
from sandbox.aws.state.region_data import LOADABLE


@dataclass(frozen=True)
class Field:
    """One value a fault takes, and what it may be."""

    kind: type
    allowed: Callable[[Any], bool]
    words: str
    default: Any = None
    needed: bool = True


def _region_known(value: str) -> bool:
    return value.upper() in LOADABLE


API = Field(str, bool, "the signing name of a service of AWS, such as ecs", needed=False)
ACTION = Field(str, bool, "the name of an API action, such as UpdateService", needed=False)
EVERY = Field(int, lambda value: 1 <= value <= 1000, "a whole number from 1 to 1000", default=1)
TIMES = Field(int, lambda value: 1 <= value <= 10_000, "a whole number from 1 to 10000", default=1)
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING")
KEY = Field(str, bool, "how the key of an object ends, such as topo.json")
SECONDS = Field(float, lambda value: 0 < value <= 600, "a number of seconds above 0 and up to 600")

API_FAULTS: dict[str, dict[str, Field]] = {  # they strike every call of the target's account, seconds are real ones
    "throttle": {"every": EVERY, "api": API, "action": ACTION},
    "server_error": {"every": EVERY, "api": API, "action": ACTION},
    "access_denied": {"api": API, "action": ACTION},
    "refused": {
        "code": Field(str, bool, "the code of an error of AWS, such as LimitExceededException"),
        "message": Field(str, bool, "what AWS says", default="The request was refused."),
        "times": Field(int, lambda value: 1 <= value <= 10_000, "a whole number from 1 to 10000", default=10_000),
        "api": API,
        "action": ACTION,
    },
    "hang": {"seconds": SECONDS, "times": TIMES, "api": API, "action": ACTION},
    "lost_answer": {"times": TIMES, "every": EVERY, "api": API, "action": ACTION},
    "partial_page": {"size": Field(int, lambda value: 1 <= value <= 100, "a whole number from 1 to 100", default=1)},
    "stale_reads": {"seconds": SECONDS},
    "expired_credentials": {"times": TIMES},
    "rate_limits": {},
    "object_denied": {"key": KEY},
    "object_replaced": {"key": KEY, "after": TIMES},
    "object_archived": {
        "key": KEY,
        "class": Field(str, ARCHIVES.__contains__, f"one of {', '.join(ARCHIVES)}", default="GLACIER"),
        "state": Field(str, ("archived", "restored").__contains__, "archived or restored", default="archived"),
    },
    "deletion_ignored": {"key": KEY, "times": TIMES},
    "copy_breaks": {"times": TIMES},
    "calls_slow": {
        "milliseconds": Field(float, lambda value: 0 < value <= 60_000, "a number of milliseconds up to 60000"),
        "api": API,
        "action": ACTION,
    },
    "copies_slow": {
        "milliseconds": Field(float, lambda value: 0 < value <= 60_000, "a number of milliseconds up to 60000")
    },
}


def _architectures(value: str) -> bool:
    names = value.split(",")
    return len(set(names)) == len(names) and set(names) <= {"amd64", "arm64"}


def _record_like(value: Any) -> bool:
    return value == "broken" or (isinstance(value, dict) and type(value.get("version", 1)) is int)


HOW_BAD = ("crash", "unhealthy", "cannot_pull")
STOP_CODES = ("SpotInterruption", "TaskFailedToStart", "TerminationNotice")
ALARM_STATES = ("ALARM", "INSUFFICIENT_DATA", "OK")
MOMENTS = ("now", "deployment")
HOW_GREEN = ("unhealthy", "hook")
HOW_HOOK = ("fails", "hangs")
BUILD_PHASES = ("DOWNLOAD_SOURCE", "BUILD", "POST_BUILD")
SCANS = ("COMPLETE", "IN_PROGRESS", "FAILED")
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
OLD_OR_NEW = Field(str, ("old", "new").__contains__, "old or new")

INFRA_FAULTS: dict[str, dict[str, Field]] = {
    "never_healthy": {},
    "slow": {"factor": Field(float, lambda value: 0 < value <= 100, "a number above 0 and up to 100")},
    "topology_errors": {
        "region": Field(str, _region_known, f"one of {', '.join(each.lower() for each in LOADABLE)}"),
        "times": Field(int, lambda value: 1 <= value <= 100, "a whole number from 1 to 100"),
    },
    "crash": {
        "after_seconds": Field(float, lambda value: 0 <= value < math.inf, "a number of seconds"),
        "exit_code": Field(int, lambda value: 0 <= value <= 255, "a whole number from 0 to 255", default=1),
    },
    "group_max": {"max": Field(int, lambda value: 0 <= value <= 1000, "a whole number from 0 to 1000")},
    "scheduled_scaling": {"action": Field(str, bool, "the name of a scheduled action")},
    "container_unhealthy": {},
    "flap": {
        "period_seconds": Field(
            float, lambda value: 90 <= value < math.inf, "a number of seconds from 90 (three health checks)"
        )
    },
    "capacity_late": {"seconds": Field(float, lambda value: 0 < value < math.inf, "a number of seconds above 0")},
    "instance_dies": {"of": OLD_OR_NEW},
    "task_stopped": {"of": OLD_OR_NEW},
    "shrink_alarm": {},
    "bad_image": {"how": Field(str, HOW_BAD.__contains__, f"one of {', '.join(HOW_BAD)}", default="crash")},
    "bluegreen_fails": {
        "how": Field(str, HOW_GREEN.__contains__, f"one of {', '.join(HOW_GREEN)}", default="unhealthy")
    },
    "deployment_rolls_back": {
        "after_seconds": Field(float, lambda value: 0 <= value < math.inf, "a number of seconds", default=60.0)
    },
    "lifecycle_hook": {
        "how": Field(str, HOW_HOOK.__contains__, f"one of {', '.join(HOW_HOOK)}", default="fails"),
        "stage": Field(str, HOOK_STAGES.__contains__, f"one of {', '.join(HOOK_STAGES)}", needed=False),
    },
    "rollback_fails": {},
    "lease_record": {"document": Field(object, _record_like, "a JSON object with a whole version, or the word broken")},
    **API_FAULTS,
}

EVER = Field(int, lambda value: 1 <= value <= 10_000, "a whole number from 1 to 10000", default=10_000)
SOON = Field(float, lambda value: 0 <= value < math.inf, "a number of seconds", default=20.0)
REASON = Field(str, bool, "what AWS says of the container, such as OutOfMemoryError: ...", needed=False)
ONE_OFF: dict[str, dict[str, Field]] = {  # they strike the target's one-off tasks
    "one_off_exits": {
        "exit_code": Field(int, lambda value: 0 <= value <= 255, "a whole number from 0 to 255", default=1),
        "after_seconds": SOON,
        "times": EVER,
        "reason": REASON,
    },
    "one_off_sidecar": {
        "name": Field(str, bool, "the name of a container", default="agent"),
        "essential": Field(str, ("yes", "no").__contains__, "yes or no", default="no"),
        "exit_code": Field(int, lambda value: 0 <= value <= 255, "a whole number from 0 to 255", default=1),
        "after_seconds": SOON,
        "reason": REASON,
        "main_exit_code": Field(int, lambda value: 0 <= value <= 255, "a whole number from 0 to 255", default=0),
    },
    "one_off_cannot_be_placed": {"times": EVER},
    "seed_empty": {},
    "migration_conflict": {},
    "one_off_slow": {
        "seconds": Field(float, lambda value: 45 < value < math.inf, "more seconds than the 45 it usually takes")
    },
    "slow_pages": {
        "milliseconds": Field(
            float, lambda value: 0 < value < math.inf, "the milliseconds a request of the performance test takes"
        )
    },
    "one_off_stopped_by_aws": {
        "code": Field(str, STOP_CODES.__contains__, f"one of {', '.join(STOP_CODES)}", default="SpotInterruption"),
        "after_seconds": SOON,
        "times": EVER,
    },
}

BUILD: dict[str, dict[str, Field]] = {  # they strike the builds of the target's project
    "build_fails": {
        "phase": Field(str, BUILD_PHASES.__contains__, f"one of {', '.join(BUILD_PHASES)}", default="BUILD"),
        "times": EVER,
    },
    "build_slow": {"factor": Field(float, lambda value: 1 < value <= 100, "a number above 1 and up to 100")},
}

RELEASE_FAULTS: dict[str, dict[str, Field]] = {  # they strike what belongs to a target as a whole
    **ONE_OFF,
    **BUILD,
    "alarm": {
        "name": Field(str, bool, "the name of one of the target's alarms", needed=False),
        "state": Field(str, ALARM_STATES.__contains__, f"one of {', '.join(ALARM_STATES)}", default="ALARM"),
        "when": Field(str, MOMENTS.__contains__, f"one of {', '.join(MOMENTS)}", default="now"),
        "after_seconds": Field(float, lambda value: 0 <= value < math.inf, "a number of seconds", default=0.0),
    },
    "buildx_index": {
        "architectures": Field(str, _architectures, "architectures such as amd64 or amd64,arm64", default="amd64"),
    },
    "platform_digest": {},
    "snapshot_fails": {},
    "snapshot_quota": {"max": Field(int, lambda value: 0 <= value <= 1000, "a whole number from 0 to 1000", default=0)},
    "database_in_cluster": {"cluster": Field(str, bool, "the name of a cluster", default="aurora")},
    "database_away": {},
    "database_denied": {},
    "image_expired": {"tag": Field(str, bool, "the tag of an image", needed=False)},
    "tag_moved": {"tag": Field(str, bool, "the tag of an image", needed=False)},
    "image_scan": {
        "status": Field(str, SCANS.__contains__, f"one of {', '.join(SCANS)}", default="COMPLETE"),
        "severity": Field(str, SEVERITIES.__contains__, f"one of {', '.join(SEVERITIES)}", default="CRITICAL"),
        "findings": Field(int, lambda value: 1 <= value <= 1000, "a whole number from 1 to 1000", default=1),
    },
}

_BUCKET = Field(str, bool, "the name of a bucket in the target's account")
_SECRET = Field(str, bool, "the name of a secret, such as MONITORING_EMAIL")
_PARAMETER = Field(str, bool, "the name of a parameter, such as /core/staging/log-level")
TERRAFORM_FAULTS: dict[str, dict[str, Field]] = {  # they strike what Terraform makes and destroys for a target
    "access_logs_denied": {"times": TIMES},
    "assume_role_denied": {"times": EVER},
    "bucket_filled": {
        "bucket": _BUCKET,
        "objects": Field(int, lambda value: 2 <= value <= 5_000, "a whole number from 2 to 5000", default=3),
    },
    "bucket_refilled": {"bucket": _BUCKET, "times": TIMES},
    "database_written": {
        "instance": Field(str, bool, "the name of a database instance, such as core-staging"),
        "text": Field(str, bool, "what it holds from now on"),
    },
    "lock_answer_lost": {"times": TIMES},
    "parameter_empty": {"name": _PARAMETER},
    "parameter_missing": {"name": _PARAMETER},
    "secret_recreated": {"name": _SECRET},
    "secret_scheduled": {"name": _SECRET},
    "sessions_shortened": {"seconds": SECONDS},
    "snapshot_exists": {"name": Field(str, bool, "the name of a snapshot, such as core-staging-records")},
    "stack_fails": {"stack": Field(str, bool, "the name of a stack of CloudFormation"), "times": TIMES},
    "state_missing": {},
    "state_unwritable": {
        "after": Field(int, lambda value: 0 <= value <= 10_000, "a whole number of writes up to 10000", default=0)
    },
}

_SECONDS = Field(float, lambda value: 0 <= value <= 600, "a number of seconds up to 600")
_TIMES = Field(int, lambda value: 1 <= value <= 10_000, "a whole number from 1 to 10000", default=1)
SLACK: dict[str, dict[str, Field]] = {  # for every workspace, or for that of a target's system
    "slack_down": {},
    "slack_slow": {"seconds": _SECONDS},
    "slack_rate_limit": {
        "retry_after": Field(int, lambda value: 1 <= value <= 600, "a whole number of seconds up to 600"),
        "times": _TIMES,
    },
    "slack_html": {},
    "slack_lost_answer": {"times": _TIMES},
}

_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_AFTER = Field(int, lambda value: 1 <= value <= 600, "a whole number of seconds up to 600")
CHECKS = ("red", "pending", "skipped", "red_then_green", "green_then_red")
_COMMIT = Field(
    str,
    lambda value: re.fullmatch("[0-9a-f]{7,40}", value) is not None,
    "7 to 40 characters of a commit's sha",
    needed=False,
)
_WORKFLOW = Field(str, bool, "the file of a workflow, such as staging_pipeline.yml", default="staging_pipeline.yml")
GITHUB: dict[str, dict[str, Field]] = {  # for every repository, or for that of a target's system
    "github_error": {
        "status": Field(int, lambda value: 500 <= value <= 599, "a status from 500 to 599", default=502),
        "times": _TIMES,
        "method": Field(str, _METHODS.__contains__, f"one of {', '.join(_METHODS)}", needed=False),
    },
    "github_lost_answer": {"times": _TIMES},
    "github_publish_ignored": {"times": _TIMES},
    "github_rate_limit": {
        "retry_after": _AFTER,
        "times": _TIMES,
        "limit": Field(str, ("primary", "secondary").__contains__, "primary or secondary", default="secondary"),
    },
    "github_checks": {
        "state": Field(str, CHECKS.__contains__, f"one of {', '.join(CHECKS)}"),
        "commit": _COMMIT,
        "check": Field(str, bool, "the name of a check, such as Tests", needed=False),
    },
    "github_workflow_running": {"workflow": _WORKFLOW},
    "github_workflow_fails": {"workflow": Field(str, bool, "the file of a workflow", needed=False), "times": _TIMES},
}

_STATUS = Field(int, lambda value: 500 <= value <= 599, "a status from 500 to 599, left out to hang up", needed=False)
_UNTIL = Field(int, lambda value: 1 <= value <= 10_000, "a whole number from 1 to 10000", default=10_000)
_DOWN = {"status": _STATUS, "times": _UNTIL}
JIRA: dict[str, dict[str, Field]] = {  # for every project, or for that of a target's system
    "jira_down": _DOWN,
    "jira_rate_limit": {"retry_after": _AFTER, "times": _TIMES},
    "jira_lost_answer": {"times": _TIMES},
    "jira_second_way": {"name": Field(str, bool, "the name of a transition", default="Close as duplicate")},
    "jira_write_ignored": {
        "what": Field(str, ("labels", "transition").__contains__, "labels or transition", needed=False),
        "times": _UNTIL,
    },
}
SENTRY: dict[str, dict[str, Field]] = {  # for every project, or for that of a target's system
    "sentry_down": _DOWN,
    "sentry_rate_limit": {"retry_after": _AFTER, "times": _TIMES},
    "sentry_spike": {  # needs a target: its environment has the new issues
        "release": Field(str, bool, "what the release is called in Sentry, such as its commit"),
        "issues": Field(int, lambda value: 1 <= value <= 100, "a whole number from 1 to 100", default=3),
        "count": Field(int, lambda value: 1 <= value <= 100_000, "a whole number from 1 to 100000", default=40),
    },
    "sentry_environment_renamed": {  # needs a target: Sentry knows its environment by another name
        "name": Field(str, bool, "the environment's name in Sentry", default="live"),
    },
    "sentry_reopened": {  # needs a target: in its environment an error occurs again that was resolved
        "release": Field(str, bool, "what the release is called in Sentry, such as its commit"),
        "count": Field(int, lambda value: 1 <= value <= 100_000, "a whole number from 1 to 100000", default=5000),
    },
}
SHEETS: dict[str, dict[str, Field]] = {  # for every spreadsheet, or for that of a target's system
    "sheets_down": _DOWN,
    "sheets_rate_limit": {"times": _TIMES},
    "sheets_denied": {"times": _UNTIL},
    "sheets_lost_answer": {"times": _TIMES},
}
EXTERNAL_SERVICE_FAULTS = SLACK | GITHUB | JIRA | SENTRY | SHEETS


def parse_fields(kind: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return a fault's own fields, checked. Raises: FaultError."""
    kinds = INFRA_FAULTS | RELEASE_FAULTS | TERRAFORM_FAULTS | EXTERNAL_SERVICE_FAULTS
    if not isinstance(kind, str) or kind not in kinds:
        near = get_close_matches(str(kind), kinds, n=1)
        choose = f"did you mean {near[0]}? Choose" if near else "choose"
        raise FaultError(f"There is no fault {kind!r}; {choose} one of {', '.join(kinds)}.")
    known = kinds[kind]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise FaultError(f"Fault {kind} knows no field {unknown[0]!r}; it takes {', '.join(known) or 'none'}.")
    return {name: _parse(kind, name, known[name], given) for name in known}


def _parse(kind: str, name: str, expected: Field, given: dict[str, Any]) -> Any:
    if name not in given and expected.default is not None:
        return expected.default
    if name not in given and not expected.needed:
        return None
    if name not in given:
        raise FaultError(f"Fault {kind} needs the field {name!r}: {expected.words}.")
    value: Any = given[name]
    types: Any = (int, float) if expected.kind is float else expected.kind
    if isinstance(value, bool) or not isinstance(value, types) or not expected.allowed(value):
        raise FaultError(f"Fault {kind}: {name} must be {expected.words}, not {value!r}.")
    return float(value) if expected.kind is float else value
