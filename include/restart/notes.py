"""What the plans of restarts and releases say beside their changes: what is not checked, not judged, not watched, or left out."""

from collections.abc import Sequence

from include.aws.application_autoscaling import ScalableTarget
from include.ecs.room import Room
from include.ecs.running_images import RunningImages
from include.inventory import Service
from include.run.plan.model import Skip


def note_unchecked(name: str) -> str:
    """Return the note on a service whose tasks nothing checks."""
    return (
        f"{name} has neither a target group nor a container health check, so that its tasks keep running is all that can be "
        "proved of them."
    )


def note_unjudged(name: str, room: Room | None) -> list[str]:
    """Return a note on the placement constraints of a service that nobody here can judge, if it has some."""
    if room is None or not room.unjudged:
        return []
    return [
        f"Not judged: whether instances meet {' and '.join(room.unjudged)}, so {name} may find less room than this plan counts."
    ]


def note_unread_images(name: str, images: RunningImages | None) -> list[str]:
    """Return a note on the images of a service that are named by a tag in a registry which nobody here can ask, if it has some."""
    if images is None or not images.unread:
        return []
    return [
        f"Not checked: whether new tasks of {name} run the same as its tasks do now for {' and '.join(images.unread)}; a tag may have "
        "moved, so name such an image by its digest."
    ]


def note_unwatched(name: str, firing: Sequence[str]) -> str:
    """Return the note on a service whose deployment ECS watches no alarm in, since one of them fires as it begins."""
    one = len(firing) == 1
    return (
        f"{', '.join(firing)} {'fires' if one else 'fire'} already, so ECS watches none of the alarms of {name} in this deployment: "
        "it would not go back by itself if another fires."
    )


def note_schedules(name: str, scalable: ScalableTarget | None) -> list[str]:
    """Return a note on the schedules that set the count of a service as well, if there are some."""
    if scalable is None or not scalable.schedules:
        return []
    return [
        f"Application Auto Scaling also sets the count of {name}, at {'; '.join(scalable.schedules)}: "
        "if that happens meanwhile, its count is the one that holds."
    ]


def skip_idle(service: Service) -> Skip:
    """Return the skip of a service that runs no task."""
    return Skip(
        what=f"restarting {service.name}",
        why="its desired count is 0, so no task of it runs; those that are started later load everything anew",
    )
