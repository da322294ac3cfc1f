"""Faults of API calls, for a whole account: errors, hanging calls, lost responses, short pages, stale reads."""

import io
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sandbox.aws.faults import s3_faults
from sandbox.aws.faults.model import Fault
from sandbox.aws.sim.world import World
from sandbox.aws.state.call_log import Call

STATUS_500, STATUS_503 = "500 Internal Server Error", "503 Service Unavailable"
SIZES = {  # what each list calls the number of items of a page
    "ListTasks": "maxResults",
    "ListContainerInstances": "maxResults",
    "ListServices": "maxResults",
    "DescribeAutoScalingGroups": "MaxRecords",
    "FilterLogEvents": "limit",
    "DescribeImages": "maxResults",
    "DescribeImageScanFindings": "maxResults",
    "ListImages": "maxResults",
    "Query": "Limit",
}
TOKENS = (b"nextToken", b"NextToken", b"LastEvaluatedKey")
STALE = ("ecs", "autoscaling")  # the rest reads its own writes
WITH_A_QUERY = ("autoscaling", "cloudformation", "elasticloadbalancing", "iam", "rds", "sns", "sts")  # their protocol
THROTTLED = {"ec2": "RequestLimitExceeded", "dynamodb": "ThrottlingException"}
BUCKETS: tuple[tuple[frozenset[str], float, float], ...] = (  # of ECS, per account and region: calls, burst, a second
    (frozenset({"DescribeServices", "ListServices"}), 100, 20),
    (frozenset({"DescribeTasks", "ListTasks", "DescribeContainerInstances", "ListContainerInstances"}), 100, 20),
    (frozenset({"CreateService", "UpdateService", "DeleteService"}), 50, 5),
    (frozenset({"RunTask", "StopTask"}), 100, 40),
    (frozenset({"RegisterTaskDefinition"}), 20, 1),
    (frozenset({"DescribeTaskDefinition"}), 50, 20),
    (frozenset({"DescribeClusters"}), 50, 20),
)


@dataclass(frozen=True)
class Refusal:
    """An error that AWS returns instead of carrying out the call."""

    code: str
    message: str
    status: str = "400 Bad Request"


@dataclass
class Memory:
    """What one fault keeps between two calls."""

    over: threading.Event = field(default_factory=threading.Event)  # whoever it keeps waiting may go
    calls: int = 0
    copies: dict[tuple[str, str], int] = field(default_factory=dict)  # by bucket and folder
    keys: set[str] = field(default_factory=set)  # access keys that are refused
    tokens: dict[frozenset[str], tuple[float, float]] = field(default_factory=dict)  # calls left, and when
    answers: dict[str, tuple[list[Any], bytes]] = field(default_factory=dict)  # to reads, before the last write
    written: float = float("-inf")  # when, by the real clock


class ApiFaults:
    """Applied before and after each call, under the world's lock; `hold` runs without it, so a hanging call blocks no other."""

    def __init__(self) -> None:
        self._memory: dict[str, Memory] = {}
        self.forgotten = 0  # how often: a call that was held before that is none of the world after it

    def let_go(self, fault: Fault) -> None:
        """Release the calls that one fault keeps waiting."""
        self._of(fault).over.set()

    def forget(self) -> None:
        """Forget every fault and release the calls they keep waiting."""
        for memory in self._memory.values():
            memory.over.set()
        self._memory.clear()
        self.forgotten += 1

    def hold(self, active: Iterable[Fault], call: Call) -> Refusal | None:
        """Keep a call waiting. A hanging call is never carried out, as its caller has given up by then."""
        for fault in self._matching(active, call, "copies_slow", "calls_slow"):
            if fault.kind == "calls_slow" or call.action in s3_faults.COPIES:
                fault.count()
                self._of(fault).over.wait(fault.fields["milliseconds"] / 1000)
        for fault in self._matching(active, call, "hang"):
            if fault.injected < fault.fields["times"]:
                fault.count()
                self._of(fault).over.wait(fault.fields["seconds"])
                return Refusal("ServiceUnavailable", "The service is unavailable.", STATUS_503)
        return None

    def refusal(self, active: Iterable[Fault], call: Call, key: str) -> Refusal | None:
        """Return the error that a call gets instead of taking effect, or None."""
        for fault in self._matching(active, call, "throttle", "server_error", "access_denied"):
            if fault.kind == "access_denied":
                fault.count()
                if call.service == "s3":
                    return Refusal("AccessDenied", "Access Denied", "403 Forbidden")
                who = f"arn:aws:sts::{call.account}:assumed-role/{call.role}/runbook"
                return Refusal(
                    "AccessDeniedException", f"User: {who} is not authorized to perform: {call.service}:{call.action}"
                )
            if self._nth(fault):
                fault.count()
                if fault.kind == "throttle":
                    return _throttled(call)
                if call.service == "s3":
                    return Refusal("InternalError", "We encountered an internal error. Please try again.", STATUS_500)
                return Refusal("InternalFailure", "The request processing has failed.", STATUS_500)
        if denied := self._terraform_refusal(active, call):
            return denied
        for fault in self._matching(active, call, "refused"):
            if fault.injected < fault.fields["times"]:
                fault.count()
                return Refusal(fault.fields["code"], fault.fields["message"])
        for fault in self._matching(active, call, "object_denied", "copy_breaks"):
            if fault.kind == "object_denied" and s3_faults.touches(fault, call):
                fault.count()
                return Refusal("AccessDenied", "Access Denied", "403 Forbidden")
            breaks = fault.kind == "copy_breaks" and call.action in s3_faults.COPIES
            if breaks and fault.injected < fault.fields["times"]:
                fault.count()  # S3 has said 200 by the time it notices
                return Refusal("InternalError", "We encountered an internal error. Please try again.", "200 OK")
        for fault in self._matching(active, call, "expired_credentials"):
            keys, fresh = self._of(fault).keys, key not in self._of(fault).keys
            if fresh and len(keys) < fault.fields["times"]:
                keys.add(key)
            if key in keys:
                fault.count()
                return expired_token(call)
        for fault in self._matching(active, call, "rate_limits"):
            if call.service == "ecs" and not self._in_bucket(fault, call):
                fault.count()
                return _throttled(call)
        return None

    def _terraform_refusal(self, active: Iterable[Fault], call: Call) -> Refusal | None:
        """Return the error of a role that nobody may assume, or of a state bucket that is gone or takes no state."""
        role = str(call.params.get("RoleArn")) if call.action == "AssumeRole" and isinstance(call.params, dict) else ""
        for fault in active:
            of_role = fault.kind == "assume_role_denied" and f":{fault.account}:" in role
            if of_role and fault.injected < fault.fields["times"]:
                fault.count()
                message = f"User: {call.role} is not authorized to perform: sts:AssumeRole on resource: {role}"
                return Refusal("AccessDenied", message, "403 Forbidden")
        for fault in self._matching(active, call, "state_missing", "state_unwritable"):
            if call.service != "s3" or call.params.get("Bucket") != fault.place[2]:
                continue
            if fault.kind == "state_missing":
                fault.count()
                return Refusal("NoSuchBucket", "The specified bucket does not exist", "404 Not Found")
            if call.action == "PutObject" and not call.params["Key"].endswith(".tflock"):
                self._of(fault).calls += 1
                if self._of(fault).calls > fault.fields["after"]:
                    fault.count()
                    return Refusal("AccessDenied", "Access Denied", "403 Forbidden")
        return None

    def apply(self, world: World, call: Call) -> None:
        """Apply what a fault makes another user do just before this call."""
        for fault in self._matching(world.faults, call, "object_replaced"):
            if not fault.injected and s3_faults.has_object(fault, call):
                copies = self._of(fault).copies
                copies[s3_faults.folder_of(call)] = count = copies.get(s3_faults.folder_of(call), 0) + 1
                if count >= fault.fields["after"]:
                    s3_faults.replace_object(world, fault, call)

    def shorten(self, active: Iterable[Fault], call: Call, environ: dict[str, Any]) -> list[Fault]:
        """Shorten the pages of a list. Return the faults to count if the response has another page."""
        struck = [each for each in self._matching(active, call, "partial_page") if call.action in SIZES]
        if not struck or not isinstance(call.params, dict):
            return []
        size = {SIZES[call.action]: struck[0].fields["size"]}
        form = "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", "")
        fields = {**call.params, **size}
        body = urlencode({"Action": call.action, "Version": "2011-01-01", **fields}) if form else json.dumps(fields)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body.encode()), str(len(body.encode()))
        return struck

    def remembered(self, active: Iterable[Fault], call: Call) -> tuple[list[Any], bytes] | None:
        """Return the stale response of a read, from before the last write, if that write is recent enough."""
        for fault in self._matching(active, call, "stale_reads"):
            reads = call.service in STALE and not call.mutates
            if reads and self._is_stale(fault) and (answer := self._of(fault).answers.get(_question(call))):
                fault.count()
                return answer
        return None

    def remember(self, active: Iterable[Fault], call: Call, answer: list[Any], body: bytes) -> None:
        """Record a read's response for later stale reads, or the time of a write."""
        for fault in self._matching(active, call, "stale_reads"):
            if call.service not in STALE or call.status >= 400:
                continue
            if call.mutates:
                self._of(fault).written = time.monotonic()
            elif not self._is_stale(fault):
                self._of(fault).answers[_question(call)] = (list(answer), body)

    def loses(self, active: Iterable[Fault], call: Call) -> bool:
        """Tell whether the response to a call that took effect gets lost."""
        for fault in self._matching(active, call, "lost_answer"):
            wanted = call.mutates or fault.fields["action"] is not None
            if wanted and call.status < 400 and fault.injected < fault.fields["times"] and self._nth(fault):
                fault.count()
                return True
        return False

    def _is_stale(self, fault: Fault) -> bool:
        return bool(time.monotonic() - self._of(fault).written < fault.fields["seconds"])

    def _of(self, fault: Fault) -> Memory:
        return self._memory.setdefault(fault.id, Memory())

    def _nth(self, fault: Fault) -> bool:
        memory = self._of(fault)
        memory.calls += 1
        return memory.calls % int(fault.fields["every"]) == 0

    def _in_bucket(self, fault: Fault, call: Call) -> bool:
        tokens, now = self._of(fault).tokens, time.monotonic()
        for actions, burst, rate in BUCKETS:
            if call.action in actions:
                left, at = tokens.get(actions, (burst, now))
                left = min(burst, left + (now - at) * rate)
                tokens[actions] = (left - 1 if left >= 1 else left, now)
                return left >= 1
        return True

    @staticmethod
    def _matching(active: Iterable[Fault], call: Call, *kinds: str) -> Iterable[Fault]:
        for fault in active:
            if fault.kind in kinds and fault.account == call.account:
                fields = fault.fields
                if fields.get("api") in (None, call.service) and fields.get("action") in (None, call.action):
                    yield fault


def expired_token(call: Call) -> Refusal:
    """Return what a service says of credentials whose time is over."""
    if call.service == "s3":
        return Refusal("ExpiredToken", "The provided token has expired.")
    code = "ExpiredToken" if call.service in WITH_A_QUERY else "ExpiredTokenException"
    return Refusal(code, "The security token included in the request is expired", "403 Forbidden")


def _throttled(call: Call) -> Refusal:
    if call.service == "s3":
        return Refusal("SlowDown", "Please reduce your request rate.", STATUS_503)
    code = (
        "Throttling" if call.service in ("autoscaling", "elasticloadbalancing", "rds", "sts") else "ThrottlingException"
    )
    return Refusal(THROTTLED.get(call.service, code), "Rate exceeded")


def _question(call: Call) -> str:
    return json.dumps([call.service, call.region, call.action, call.params], sort_keys=True, default=str)
