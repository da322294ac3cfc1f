"""Every way a runbook ends other than well, and what each says about the world.

    RunbookError
    ├── InventoryError        the inventory is wrong; nothing was looked at, nothing changed
    ├── PreconditionError     the world is not as the runbook requires; nothing changed
    │   └── ApprovalError     no valid approval on record; nothing changed
    └── StoppedHalfwayError   something changed; the message says what, and capacity was not lowered
        ├── DriftError        someone else changed the target while the run was at work
        ├── LeaseLostError    this run no longer holds the target and must not write
        ├── RolloutFailedError  new tasks failed, or did not get healthy in time
        ├── MigrationFailedError  a one-off task could not start, failed, or nobody knows how it ended
        ├── BakeFailedError   what was released is up, but the world got worse since
        └── CopyFailedError   some objects were not copied; those that were are whole

A message is one sentence saying what is wrong, with both values, then what to do next.

Beside the tree stands ServiceUnavailableError: how a runbook ends is not decided by it, whoever asked may ask again.
"""


class RunbookError(Exception):
    """A runbook refuses or stops; the message is written for the person on call."""


class InventoryError(RunbookError):
    """The inventory is wrong: file, path and what was expected are in the message."""


class PreconditionError(RunbookError):
    """The world is not as the runbook requires. Nothing was changed."""


class ApprovalError(PreconditionError):
    """No valid approval of this very plan is on record. Nothing was changed."""


class StoppedHalfwayError(RunbookError):
    """The run stopped after its first write. Capacity was not lowered."""


class DriftError(StoppedHalfwayError):
    """Someone or something else changed the target while the run was at work."""


class LeaseLostError(StoppedHalfwayError):
    """This run does not hold the target (any more) and must not write to it."""


class RolloutFailedError(StoppedHalfwayError):
    """New tasks failed or did not become healthy; the old ones were left alone."""


class MigrationFailedError(StoppedHalfwayError):
    """A one-off task did not start, did not end well, or its end is not known; it is never started again by itself."""


class BakeFailedError(StoppedHalfwayError):
    """What was released runs, but alarms, errors or measurements say that it should not."""


class CopyFailedError(StoppedHalfwayError):
    """Some objects were not copied, or are not what they should be; `result` says which as far as it can be listed."""

    def __init__(self, message: str, result: object = None):
        super().__init__(message)
        self.result = result


class ServiceUnavailableError(Exception):
    """GitHub, Jira, Sentry or Google Sheets did not take a call, or its answer was lost: look again before a write is repeated.

    `wait`: the seconds that a service which limits its callers asks them to wait, having done nothing; 0 for every other failure.
    """

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait
