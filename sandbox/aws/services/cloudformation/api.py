"""The CloudFormation operations on change sets, each in its own stack, and stacks that take their time and may fail."""

import logging
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import ChangeSet, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

from sandbox.aws.sim.world import World

TAKES = 40.0  # seconds that a stack with one function is changed for
REVIEW = "REVIEW_IN_PROGRESS"
READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
FAILURE = "Resource handler returned message: The function could not be created (Service: Lambda, Status Code: 400)"

log = logging.getLogger(__name__)


class AlreadyExists(ServiceException):
    code = "AlreadyExistsException"


class ChangeSetNotFound(ServiceException):
    code = "ChangeSetNotFound"


class InvalidChangeSetStatus(ServiceException):
    code = "InvalidChangeSetStatus"


class WorldCloudFormationResponse(CloudFormationResponse):
    """`world` is set once, when the server is made. Moto carries everything out at once, and finds change sets by name alone."""

    world: World

    def create_change_set(self) -> ActionResult:
        name, wanted = str(self._get_param("StackName")), str(self._get_param("ChangeSetName"))
        kind = str(self._get_param("ChangeSetType") or "CREATE")
        stack = self._stack(name)
        if kind == "CREATE" and stack and stack.status != REVIEW:
            raise ValidationError(
                message=f"Stack [{name}] already exists and cannot be created again with the changeSet [{wanted}]."
            )
        if kind == "UPDATE" and (stack is None or stack.status == REVIEW):
            raise ValidationError(message=f"Stack [{name}] does not exist")
        if kind == "UPDATE" and stack and stack.status not in READY:
            raise ValidationError(message=f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")
        if self._find(name, wanted):
            raise AlreadyExists(f"ChangeSet [{wanted}] already exists")
        if stack and stack.status == REVIEW:
            del self.cloudformation_backend.stacks[stack.stack_id]
        answer = super().create_change_set()
        self._the(name, wanted).looks = 1
        return answer

    def describe_change_set(self) -> ActionResult:
        name, wanted = str(self._get_param("StackName")), str(self._get_param("ChangeSetName"))
        found = self._the(name, wanted)
        status, execution = found.status, found.execution_status
        if found.looks > 0:  # CloudFormation compares the templates for some seconds
            found.looks -= 1
            status, execution = "CREATE_IN_PROGRESS", "UNAVAILABLE"
        return ActionResult(
            {
                "StackName": name,
                "StackId": found.stack_id,
                "ChangeSetName": wanted,
                "ChangeSetId": found.change_set_id,
                "Status": status,
                "StatusReason": found.status_reason,
                "ExecutionStatus": execution,
                "Changes": found.changes,
                "Parameters": {},  # moto's serializer wants it
            }
        )

    def delete_change_set(self) -> ActionResult:
        found = self._find(str(self._get_param("StackName")), str(self._get_param("ChangeSetName")))
        if found:
            del self.cloudformation_backend.change_sets[found.change_set_id]
        return ActionResult({})

    def execute_change_set(self) -> ActionResult:
        name, wanted = str(self._get_param("StackName")), str(self._get_param("ChangeSetName"))
        found = self._the(name, wanted)
        stack: Any = self._stack(name)
        if found.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatus(
                f"ChangeSet [{found.change_set_id}] cannot be executed in its current status of [{found.execution_status}]"
            )
        kind = found.change_set_type
        stack._add_stack_event(f"{kind}_IN_PROGRESS", resource_status_reason="User Initiated")
        reason = self._planned_failure(name) or self._apply(found, stack)
        found.execution_status = "EXECUTE_FAILED" if reason else "EXECUTE_COMPLETE"
        stack.status = f"{kind}_IN_PROGRESS"
        stack.ends = self.world.clock.now() + TAKES
        stack.end = f"{kind}_COMPLETE"
        if reason:
            stack.end = "ROLLBACK_COMPLETE" if kind == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
            stack._add_stack_event(f"{kind}_FAILED", resource_status_reason=reason)
        return ActionResult({})

    def describe_stacks(self) -> ActionResult:
        for stack in self.cloudformation_backend.stacks.values():
            self._settle(stack)
        return super().describe_stacks()

    def get_template(self) -> ActionResult:
        stack = self._stack(str(self._get_param("StackName")))
        if stack and stack.status == REVIEW:
            raise ValidationError(message=f"Stack with id {stack.name} does not exist")
        return super().get_template()

    def _apply(self, change_set: ChangeSet, stack: Any) -> str:
        """Make what a template describes. Return why that failed, or ""."""
        try:
            change_set.apply()
        except Exception as error:  # whatever a resource stumbles over, such as a package that is not there
            log.warning("The resources of stack %s cannot be made", stack.name, exc_info=True)
            return f"Resource handler returned message: {getattr(error, 'message', error)}"
        stack.template = change_set.template
        stack._parse_template()
        return ""

    def _planned_failure(self, name: str) -> str:
        for fault in self.world.faults:
            wanted = fault.kind == "stack_fails" and (fault.account, fault.fields["stack"]) == (
                self.current_account,
                name,
            )
            if wanted and fault.injected < fault.fields["times"]:
                fault.count()
                return FAILURE
        return ""

    def _settle(self, stack: Any) -> None:
        if getattr(stack, "ends", None) is not None and self.world.clock.now() >= stack.ends:
            stack.status, stack.ends = stack.end, None
            stack._add_stack_event(stack.status)

    def _stack(self, name: str) -> Stack | None:
        found = next((stack for stack in self.cloudformation_backend.stacks.values() if stack.name == name), None)
        if found:
            self._settle(found)
        return found

    def _find(self, stack: str, name: str) -> Any:
        held = self.cloudformation_backend.change_sets.values()
        return next((each for each in held if (each.stack_name, each.change_set_name) == (stack, name)), None)

    def _the(self, stack: str, name: str) -> Any:
        found = self._find(stack, name)
        if found is None and self._stack(stack) is None:
            raise ValidationError(message=f"Stack [{stack}] does not exist")
        if found is None:
            raise ChangeSetNotFound(f"ChangeSet [{name}] does not exist")
        return found
