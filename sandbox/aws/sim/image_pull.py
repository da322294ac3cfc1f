"""Image pulls: a task gets its images from their registry, or fails to start."""

from sandbox.aws.faults import task_faults
from sandbox.aws.services.ecr.model import HOST, Image
from sandbox.aws.services.ecs.model import Task
from sandbox.aws.sim import task_lifecycle
from sandbox.aws.state.region import Region

NOT_FOUND = {
    "FARGATE": "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
    "failed to resolve ref {0}: {0}: not found",
    "EC2": "CannotPullContainerError: Error response from daemon: manifest for {0} not found: "
    "manifest unknown: Requested image not found",
}
NO_PLATFORM = {
    "FARGATE": "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor "
    "matching platform '{0}'",
    "EC2": "CannotPullContainerError: Error response from daemon: no matching manifest for {0} in the manifest list entries",
}
BROKEN = (
    "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: "
    "unexpected status code {0}: 403 Forbidden"
)


def find_image(regions: dict[tuple[str, str], Region], account: str, reference: str) -> Image | None:
    """Return the image an account pulls by its full name, or None if there is none that it may pull."""
    match = HOST.fullmatch(reference)
    if match is None:
        return None
    rest, _, digest = match["rest"].partition("@")
    name, _, tag = rest.partition(":")
    region = regions.get((match["account"], match["region"]))
    repository = region.repositories.get(name) if region else None
    if repository is None or not repository.admits(account):
        return None
    return repository.images.get(digest) if digest else repository.tagged(tag or "latest")


def pull(
    regions: dict[tuple[str, str], Region], region: Region, task: Task, now: float, *, by_platform: bool = False
) -> None:
    """Pull the images of a PENDING task, once; it fails to start if one of them cannot be had.

    `by_platform`: of an index, ECS reports the digest of the platform's image, not that of the index.
    """
    if task.status != "PENDING" or task.digests is not None or task.desired == "STOPPED":
        return
    task.digests = {}
    for container, reference in task.images.items():
        if not task.behaviour.pullable:
            task_faults.count(task.behaviour, "bad_image")
            _fail(region, task, now, BROKEN.format(reference))
            return
        if HOST.fullmatch(reference) is None:
            continue  # of a public registry, which has everything
        image = find_image(regions, region.account, reference)
        if image is None:
            _fail(region, task, now, NOT_FOUND[task.launch_type].format(reference))
            return
        if image.children and task.platform not in image.platforms:
            _fail(region, task, now, NO_PLATFORM[task.launch_type].format(task.platform))
            return
        image.pulled = now
        task.digests[container] = image.platforms[task.platform] if image.children and by_platform else image.digest


def _fail(region: Region, task: Task, now: float, reason: str) -> None:
    task_lifecycle.request_stop(region, task, now, "TaskFailedToStart", reason)
    task_lifecycle.finish(task, now)
