"""Check everything that happened in a running sandbox since its reset against the promises of every runbook."""

import json
from collections.abc import Collection, Iterator
from typing import Any

import boto3
from botocore.config import Config

from include.inventory import Inventory, Target, load
from sandbox.aws.services.sts.model import SOMEBODY
from tests.invariants import Excuse, Violation, check, read_history
from tests.support.sandbox_client import Sandbox, wait_for

KEPT_CALLS = 100_000  # the length of the sandbox's call log: a longer history lacks its beginning
# which promises an effective fault may break without a run's doing; nothing else is excused
EXCUSED = {
    "bad_image": ("I7",),  # new tasks look well before they end, and the old ones are gone by then
    "crash": ("I7",),  # new tasks end by themselves, also after the old ones are gone
    "task_stopped": ("I7",),
    "instance_dies": ("I7",),
    "group_max": ("I5",),
}


def check_history(sandbox: Sandbox, before: dict[str, Any], inventory: Inventory | None = None) -> None:
    """Fail with every promise that a run has broken since the reset. `before` is GET /world right after it."""
    ensure_kept(violations(sandbox, before, list((inventory or load()).targets.values())))


def ensure_kept(found: list[Violation]) -> None:
    assert not found, "\n".join(["the history of this sandbox breaks promises:", *map(str, found)])


def violations(
    sandbox: Sandbox, before: dict[str, Any], targets: list[Target], accounts: Collection[str] = ()
) -> list[Violation]:
    """Return the broken promises on these targets. `accounts` excludes other accounts, if the targets have their own."""

    def called(after: int = 0) -> list[dict[str, Any]]:
        found = [call for account in accounts or (None,) for call in sandbox.calls(after, account)]
        return sorted(found, key=lambda call: call["n"])

    def settled() -> Any:
        calls = called()
        stores = {
            (each.environment.account, each.environment.region, each.environment.operations_table): each
            for each in targets
        }
        documents = [(key[0], *each) for key, target in stores.items() for each in stored(sandbox, target)]
        later = called(calls[-1]["n"] if calls else 0)
        return (calls, documents) if not any(each["action"] == "PutItem" for each in later) else None

    calls, documents = wait_for("a moment in which nobody writes to an operations table", settled)
    assert len(calls) < KEPT_CALLS, "the call log has forgotten how it began"
    names = {each.name for each in targets}
    after = world(sandbox, targets)
    history = read_history(
        targets,
        calls,
        documents,
        timelines=dict(timelines(sandbox, after)),
        before={name: each for name, each in by_name(before).items() if name in names},
        after=by_name(after),
        speed=after["speed"],
        excuses=excuses(sandbox, after),
    )
    return check(history)


def world(sandbox: Sandbox, targets: Collection[Target] = ()) -> dict[str, Any]:
    """Return GET /world, for these targets or for all."""
    params = {"target": [target.name for target in targets]}
    found: dict[str, Any] = sandbox.control.get("/world", params=params).raise_for_status().json()
    return found


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {target["name"]: target for target in found["targets"]}


def timelines(sandbox: Sandbox, found: dict[str, Any]) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    for target in found["targets"]:
        for service in target["services"]:
            asked = {"target": target["name"], "service": service["name"]}
            answer = sandbox.control.get("/timeline", params=asked).raise_for_status().json()
            yield (target["name"], service["name"]), answer["points"]


def excuses(sandbox: Sandbox, found: dict[str, Any]) -> Iterator[Excuse]:
    """Yield the excuses by effective faults, for their own service and for the groups below it."""
    groups = {target["name"]: [group["name"] for group in target["groups"]] for target in found["targets"]}
    for fault in sandbox.control.get("/faults").raise_for_status().json()["faults"]:
        for invariant in EXCUSED.get(fault["kind"], ()) if fault["injected"] and fault["target"] in groups else ():
            names = groups[fault["target"]] if fault["kind"] == "group_max" else [fault["service"]]
            for name in names:
                yield Excuse(invariant, fault["target"], name, f"fault {fault['kind']} was injected")


def stored(sandbox: Sandbox, target: Target) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the documents of a target's run store, read by somebody in its account."""
    environment = target.environment
    common = {
        "endpoint_url": sandbox.endpoints["aws"],
        "region_name": environment.region,
        "config": Config(retries={"total_max_attempts": 3}),
    }
    sts = boto3.client("sts", aws_access_key_id="sandbox", aws_secret_access_key="sandbox", **common)
    role = f"arn:aws:iam::{environment.account}:role/{SOMEBODY}"
    found = sts.assume_role(RoleArn=role, RoleSessionName="audit")["Credentials"]
    dynamodb = boto3.client(
        "dynamodb",
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
        **common,
    )
    for page in dynamodb.get_paginator("scan").paginate(TableName=environment.operations_table):
        for item in page["Items"]:
            yield item["pk"]["S"], item["sk"]["S"], json.loads(item["document"]["S"])
