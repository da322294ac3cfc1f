"""Every way a runbook ends other than well, and what each exception says about the state of AWS.

    RunbookError
    ├── InventoryError        the inventory is wrong; nothing was read, nothing changed
    ├── PreconditionError     the state of AWS is not as the runbook requires; nothing changed
    │   ├── ApprovalError     no valid approval on record; nothing changed
    │   └── RefusedError      a service answered a call with a refusal; that call did nothing
    └── StoppedHalfwayError   something changed; the message says what, and capacity was not lowered
        ├── DriftError        someone else changed the target during the run
        ├── LeaseLostError    this run no longer holds the target and must not write
        ├── RolloutFailedError  new tasks failed, or did not become healthy in time
        ├── MigrationFailedError  a one-off task could not start, failed, or its end is unknown
        ├── BakeFailedError   the release is running, but alarms, errors or measurements got worse
        ├── CopyFailedError   some objects were not copied; those that were are whole
        └── ApplyFailedError  Terraform stopped during an apply; what it made stays, and its plan is stale

A message is one sentence saying what is wrong, with both values, then what to do next.

ServiceUnavailableError is not part of the tree: it does not decide how a runbook ends, and the call may be tried again. Nor is
BeginsAgainError: the step is carried out again a little later.
"""


class RunbookError(Exception):
    """A runbook refuses or stops; the message is written for the person on call."""


class InventoryError(RunbookError):
    """The inventory is wrong: file, path and what was expected are in the message."""


class PreconditionError(RunbookError):
    """The state of AWS is not as the runbook requires. Nothing was changed."""


class ApprovalError(PreconditionError):
    """No valid approval of exactly this plan is on record. Nothing was changed."""


class RefusedError(PreconditionError):
    """A service answered a call with a refusal, which a repetition would meet again. That call did nothing; earlier ones stand."""


class StoppedHalfwayError(RunbookError):
    """The run stopped after its first write. Capacity was not lowered."""


class DriftError(StoppedHalfwayError):
    """Someone or something else changed the target during the run."""


class LeaseLostError(StoppedHalfwayError):
    """This run does not hold the target (any more) and must not write to it."""


class RolloutFailedError(StoppedHalfwayError):
    """New tasks failed or did not become healthy; the old ones were left alone."""


class MigrationFailedError(StoppedHalfwayError):
    """A one-off task did not start, did not end well, or its end is unknown. It is never started again automatically."""


class BakeFailedError(StoppedHalfwayError):
    """The release is running, but alarms, errors or measurements say that it should not."""


class CopyFailedError(StoppedHalfwayError):
    """Some objects were not copied, or are not as they should be. `result` lists them as far as possible."""

    def __init__(self, message: str, result: object = None):
        super().__init__(message)
        self.result = result


class ApplyFailedError(StoppedHalfwayError):
    """Terraform stopped during an apply. What it made stays, and its plan is stale: the next one needs a new approval."""


class BeginsAgainError(Exception):
    """A step leaves its worker to others, and is to begin again a little later, on whichever worker is free then."""


class ServiceUnavailableError(Exception):
    """GitHub, Jira, Sentry or Google Sheets did not accept a call, or its answer was lost: look before a write is repeated.

    `wait`: the seconds that a service which limits its callers asks them to wait, having done nothing; 0 for every other failure.
    """

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait
