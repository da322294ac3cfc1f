"""AWS CloudFormation: a stack, and the change set by which it gets another template."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from botocore.exceptions import ClientError, WaiterError

from include.errors import PreconditionError
from include.write import Action, RecordedWrite, Write

CloudFormationClient: TypeAlias = Any  # boto3-stubs has types of it only in an extra that is not installed

CREATE_CHANGE_SET = Action("cloudformation", "CreateChangeSet", resources=("StackName",), values=("ChangeSetName",))
DELETE_CHANGE_SET = Action("cloudformation", "DeleteChangeSet", resources=("StackName",), values=("ChangeSetName",))
EXECUTE_CHANGE_SET = Action("cloudformation", "ExecuteChangeSet", resources=("StackName",), values=("ChangeSetName",))
NO_STACK, NO_CHANGE_SET = "does not exist", "ChangeSetNotFound"
EMPTY = ("didn't contain changes", "No updates are to be performed")
BEGUN = "User Initiated"  # the reason of the event with which an operation on a stack begins
REVIEW = "REVIEW_IN_PROGRESS"  # a stack that has a change set and nothing else
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_COMPLETE")
UPDATABLE = (*GOOD, "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")
WAIT = {"Delay": 3, "MaxAttempts": 60}  # for a change set: AWS compares the templates


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation describes it."""

    name: str
    status: str
    reason: str = ""

    @property
    def is_moving(self) -> bool:
        """Tell whether CloudFormation is changing it now."""
        return self.status.endswith("_IN_PROGRESS") and self.status not in (REVIEW, *GOOD)

    @property
    def is_good(self) -> bool:
        """Tell whether it is as its template says."""
        return self.status in GOOD


def describe_stack(client: CloudFormationClient, name: str) -> Stack | None:
    """Return a stack, or None if there is none of that name."""
    try:
        (found,) = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if NO_STACK in error.response["Error"].get("Message", ""):
            return None
        raise
    return Stack(name, found["StackStatus"], found.get("StackStatusReason", ""))


def ensure_updatable(stack: Stack | None, name: str) -> None:
    """Refuse a stack that CloudFormation would not take a new template for. Raises: PreconditionError."""
    if stack is None or stack.status == REVIEW or stack.status in UPDATABLE:
        return
    way = "wait until that is over" if stack.is_moving else "delete the stack or put it right"
    raise PreconditionError(
        f"Stack {name} is {stack.status}, in which CloudFormation takes no new template; {way}, then start again, nothing was changed."
    )


def read_template(client: CloudFormationClient, name: str) -> str:
    """Return the template of a stack as JSON."""
    found = client.get_template(StackName=name)["TemplateBody"]
    return found if isinstance(found, str) else json.dumps(found)


def create_change_set(
    client: CloudFormationClient, stack: Stack | None, name: str, change_set: str, template: str
) -> Write[str]:
    """Return the write that asks for a change set and waits for it. It returns its name, or "" if the template changes nothing.

    A change set of that name is taken as it is. Raises: PreconditionError if CloudFormation does not take the template.
    """
    kind = "CREATE" if stack is None or stack.status == REVIEW else "UPDATE"

    def make() -> str:
        try:
            client.create_change_set(
                StackName=name,
                ChangeSetName=change_set,
                ChangeSetType=kind,
                TemplateBody=template,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":  # of an attempt that died here
                raise
        return _await_change_set(client, name, change_set)

    return Write(
        CREATE_CHANGE_SET,
        f"{change_set} of stack {name}, to {kind.lower()} it",
        make,
        resources={"StackName": name},
        values={"ChangeSetName": change_set, "template": hashlib.sha256(template.encode()).hexdigest()},
    )


def execute_change_set(client: CloudFormationClient, name: str, change_set: str) -> Write[None]:
    """Return the write that carries out a change set. CloudFormation carries it out once."""

    def make() -> None:
        client.execute_change_set(StackName=name, ChangeSetName=change_set)

    return Write(
        EXECUTE_CHANGE_SET,
        f"{change_set} of stack {name}",
        make,
        resources={"StackName": name},
        values={"ChangeSetName": change_set},
    )


def execution_of(client: CloudFormationClient, name: str, change_set: str) -> str:
    """Return how far the execution of a change set is, such as AVAILABLE or EXECUTE_COMPLETE; "" if there is no such change set."""
    found = _describe(client, name, change_set)
    return str(found["ExecutionStatus"]) if found else ""


def was_applied(client: CloudFormationClient, write: RecordedWrite) -> bool | None:
    """Tell whether a change set of a write was made, carried out or removed."""
    found = _describe(client, write.resource("StackName"), write.values["ChangeSetName"])
    if str(write) == str(CREATE_CHANGE_SET):
        return found is not None
    if str(write) == str(EXECUTE_CHANGE_SET):
        return found is None or found["ExecutionStatus"] not in ("AVAILABLE", "UNAVAILABLE")
    return found is None if str(write) == str(DELETE_CHANGE_SET) else None


def why_failed(client: CloudFormationClient, name: str) -> str:
    """Return what CloudFormation says of the first resource that failed in a stack's last operation, "" if nothing did."""
    failed = []
    for event in client.describe_stack_events(StackName=name)["StackEvents"]:  # newest first
        if event["LogicalResourceId"] == name and event.get("ResourceStatusReason") == BEGUN:
            break
        if event["ResourceStatus"].endswith("_FAILED"):
            failed.append(event)
    if not failed:
        return ""
    return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason', failed[-1]['ResourceStatus'])}"


def delete_change_set(client: CloudFormationClient, name: str, change_set: str) -> Write[None]:
    """Return the write that removes a change set which is not to be carried out any more. It is safe to repeat."""

    def make() -> None:
        client.delete_change_set(StackName=name, ChangeSetName=change_set)

    return Write(
        DELETE_CHANGE_SET,
        f"{change_set} of stack {name}, which is not carried out",
        make,
        resources={"StackName": name},
        values={"ChangeSetName": change_set},
    )


def _await_change_set(client: CloudFormationClient, name: str, change_set: str) -> str:
    try:
        client.get_waiter("change_set_create_complete").wait(
            StackName=name, ChangeSetName=change_set, WaiterConfig=WAIT
        )
    except WaiterError as error:
        reason = str((_describe(client, name, change_set) or {}).get("StatusReason", error))
        if any(each in reason for each in EMPTY):
            client.delete_change_set(StackName=name, ChangeSetName=change_set)
            return ""
        raise PreconditionError(
            f"CloudFormation makes no change set of stack {name} ({reason}); correct what it names, then start a new run."
        ) from error
    return change_set


def _describe(client: CloudFormationClient, name: str, change_set: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.describe_change_set(StackName=name, ChangeSetName=change_set)
    except ClientError as error:
        said = error.response["Error"]
        if said["Code"] == NO_CHANGE_SET or NO_STACK in said.get("Message", ""):
            return None
        raise
    return found
