"""How a task ended, in words: why AWS says that it stopped, and the exit code and reason of each of its containers."""

from include.aws.ecs import Container, Task
from include.text import joined, one_line

BY_ITSELF = "EssentialContainerExited"  # the stop code of a task that nobody stopped
OUT_OF_MEMORY = "OutOfMemory"  # how AWS's reason begins where the kernel killed a process of a container
EXIT_CODES = {
    1: "the command reported an error",
    126: "the command is not executable in the image",
    127: "the command is not in the image",
    137: "killed, most often for want of memory",
    139: "segmentation fault",
    143: "told to stop",
}
STOP_CODES = {
    "TaskFailedToStart": "it never started",
    "UserInitiated": "somebody stopped it",
    "ServiceSchedulerInitiated": "a service's scheduler stopped it",
    "SpotInterruption": "AWS took its Spot capacity back",
    "TerminationNotice": "its instance was terminated",
    "InfrastructureHealth": "AWS stopped it for the health of its infrastructure",
}


def describe_container(container: Container) -> str:
    """Return how a container ended: `container app exited with 137 (OutOfMemoryError: ...)`."""
    reason = one_line(container.reason)
    if container.exit_code is None:
        return f"container {container.name} has no exit code{f' ({reason})' if reason else ''}"
    hint = reason or EXIT_CODES.get(container.exit_code, "see its log" if container.exit_code else "")
    return f"container {container.name} exited with {container.exit_code}{f' ({hint})' if hint else ''}"


def describe_end(task: Task) -> str:
    """Return how a task ended: its stop code with AWS's reason, then each container that ended other than well.

    A task that is only about to stop may have neither yet.
    """
    said = [task.stop_code or "no stop code yet", one_line(task.stopped_reason) or "no reason yet"]
    ended = [container for container in task.containers if container.exit_code or container.reason]
    return joined([": ".join(said), *(describe_container(each) for each in ended)])
