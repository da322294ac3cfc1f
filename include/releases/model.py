"""The parts that plans of releases consist of."""

from typing import Literal

from include.aws.deployment_strategies import ROLLING, Strategy
from include.restart.group_surge import GroupSurge
from include.run.plan.model import Frozen


class ServiceRelease(Frozen):
    """One service of a release, as it was when the plan was made."""

    cluster: str
    service: str
    container: str
    family: str
    before: str  # the ARN of the task definition that it runs and would return to
    before_digest: str  # of the image that it runs, or "" if no running task reports it
    count: int
    controller: Literal["ECS", "CODE_DEPLOY"] = "ECS"
    log_group: str
    boot_seconds: int
    timeout_seconds: int
    group: GroupSurge | None = None  # for a service on instances: both revisions need space side by side
    strategy: Strategy = ROLLING  # by which ECS deploys it
    beside: tuple[tuple[str, tuple[str, ...]], ...] = ()  # the digests that its other containers run
    template: str = ""  # its container's definition without values: see container_diff.template_of


class Network(Frozen):
    """The network of a task that shares no service's network: any subnet of that name, found when the task starts."""

    vpc: str
    subnet_name: str
    security_groups: tuple[str, ...]


class Migration(Frozen):
    """The one-off task of a plan."""

    key: str  # "" while its image has not been built
    family: str
    container: str
    command: tuple[str, ...]
    cpu: int
    memory: int
    log_group: str
    network_of: str = ""  # the service whose network configuration it shares, or
    network: Network | None = None  # the network of the inventory
    again: bool = False  # a person asks for it although it ran before
    snapshot: str = ""  # the RDS instance to snapshot before, or "" for none


def revision(definition: str) -> str:
    """Return `family:revision` of a task definition's ARN."""
    return definition.rsplit("/", 1)[-1]
