"""What a run does to the Auto Scaling group of a service, and what the group was before."""

from typing import Self

from include.aws.autoscaling import Group
from include.run.plan.model import Frozen


class GroupSurge(Frozen):
    """How far the Auto Scaling group grows for the restart."""

    name: str
    desired_before: int
    maximum: int
    # processes that somebody else suspended before; this run must not resume them
    suspended_before: tuple[str, ...] = ()
    # instances, and those of them that were protected from scale-in: afterwards each is as it was
    instances_before: tuple[str, ...] = ()
    protected_before: tuple[str, ...] = ()

    @classmethod
    def of(cls, group: Group, maximum: int) -> Self:
        """Return how far a group grows from what it is now."""
        return cls(
            name=group.name,
            desired_before=group.desired,
            maximum=maximum,
            suspended_before=group.suspended,
            instances_before=tuple(sorted(instance.id for instance in group.instances)),
            protected_before=tuple(sorted(instance.id for instance in group.instances if instance.protected)),
        )
