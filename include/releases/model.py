"""The parts that plans of releases consist of."""

from typing import Literal

from include.restart.plan import GroupSurge
from include.run.plan.model import Frozen


class ServiceRelease(Frozen):
    """One service of a release, as it was when the plan was made."""

    cluster: str
    service: str
    container: str
    family: str
    before: str  # the ARN of the task definition it runs, and would go back to
    before_digest: str  # of the image it runs; "" where no running task says it
    count: int
    controller: Literal["ECS", "CODE_DEPLOY"] = "ECS"
    log_group: str
    boot_seconds: int
    timeout_seconds: int
    group: GroupSurge | None = None  # of a service on instances: both revisions need a place side by side
    template: str = ""  # what its container's definition is, but for values: see templates.template_of


class Network(Frozen):
    """The network of a task that shares no service's network: any subnet of that name, found when the task starts."""

    vpc: str
    subnet_name: str
    security_groups: tuple[str, ...]


class Migration(Frozen):
    """The one-off task of a plan."""

    key: str  # "" while its image is still to be built
    family: str
    container: str
    command: tuple[str, ...]
    cpu: int
    memory: int
    log_group: str
    network_of: str = ""  # the service whose network configuration it takes, or
    network: Network | None = None  # the one of the inventory
    again: bool = False  # a person asks for it although it was made before
    snapshot: str = ""  # the RDS instance of which a snapshot is made before; "" for none


def revision(definition: str) -> str:
    """Return `family:revision` of a task definition's ARN."""
    return definition.rsplit("/", 1)[-1]
