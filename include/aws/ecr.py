"""Amazon ECR: images of a repository, the findings of their scans, and their tags."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.errors import PreconditionError
from include.inventory.models import Registry
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

BATCH = 100  # the most images of one BatchGetImage
PAGE = 1000  # the most images or findings in one response of ECR
INDEXES = (  # manifests that list one image per platform; buildx pushes one by default, for its attestations
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    *INDEXES,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+json",
)
ATTESTATION = (
    "vnd.docker.reference.type",
    "attestation-manifest",
)  # the annotation of what is no image, and is never scanned
SCANNED = ("COMPLETE", "ACTIVE")  # ACTIVE: enhanced scanning, which never ends
PUT_IMAGE = Action("ecr", "PutImage", resources=("repositoryName",), values=("imageTag",))


@dataclass(frozen=True)
class Finding:
    """One finding of an image's scan. `name` is its CVE."""

    name: str
    severity: str
    package: str = ""


@dataclass(frozen=True)
class Scan:
    """The scan of an image, or of every platform's image of an index. `status` is ECR's own word, or "" if it was never scanned.

    Of an index it is the status of the platform that is least far, which `reason` names.
    """

    status: str
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    # ECR's own counts of all findings; the findings may come in pages
    counts: Mapping[str, int] = field(default_factory=dict)

    def count(self, severity: str) -> int:
        listed = sum(finding.severity == severity for finding in self.findings)
        return max(listed, self.counts.get(severity, 0))


@dataclass(frozen=True)
class Image:
    """One image of a registry."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime
    media_type: str = ""  # of its manifest

    @property
    def is_index(self) -> bool:
        """Tell whether its manifest lists one image per platform instead of being one."""
        return self.media_type in INDEXES

    @property
    def kind(self) -> str:
        """Return what its manifest is, for after its digest in a sentence. A single image needs no words."""
        return ", an index of images by platform" if self.is_index else ""


def list_images(client: ECRClient, registry: Registry) -> tuple[Image, ...]:
    """Return every image of the repository, untagged ones included, newest first. Raises: PreconditionError."""
    pages = client.get_paginator("describe_images").paginate(
        registryId=registry.account, repositoryName=registry.repository, PaginationConfig={"PageSize": PAGE}
    )
    with _known(client, registry):
        found = [_image(item) for page in pages for item in page["imageDetails"]]
    return tuple(sorted(found, key=lambda image: (image.pushed_at, image.digest), reverse=True))


def describe_image(client: ECRClient, registry: Registry, tag: str) -> Image | None:
    """Return the image with exactly this tag, or None. Raises: PreconditionError if there is no such repository."""
    with _known(client, registry):
        try:
            found = client.describe_images(
                registryId=registry.account, repositoryName=registry.repository, imageIds=[{"imageTag": tag}]
            )["imageDetails"]
        except client.exceptions.ImageNotFoundException:
            return None
    return _image(found[0]) if found else None


def list_platforms(client: ECRClient, registry: Registry, digest: str) -> dict[str, str]:
    """Return the images of an index: platform such as linux/amd64 -> digest, without attestations. An image lists none.

    Raises: PreconditionError.
    """
    return _platforms(_read_manifest(client, registry, digest))


def _platforms(image: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in json.loads(image["imageManifest"]).get("manifests", ()):
        name, value = ATTESTATION
        if each.get("annotations", {}).get(name) != value:
            platform = each.get("platform", {})
            parts = (platform.get("os", "unknown"), platform.get("architecture", "unknown"), platform.get("variant"))
            found["/".join(part for part in parts if part)] = each["digest"]
    return found


def accepted_digests(client: ECRClient, registry: Registry, digest: str) -> frozenset[str]:
    """Return the digests that ECS may report for a task of an image: its own, and of an index those of its platforms' images."""
    with _known(client, registry):
        (found, *_) = _manifests(client, registry, [digest]) or [None]
    return frozenset({digest, *(_platforms(found).values() if found else ())})


@dataclass(frozen=True)
class Pulled:
    """What is pulled by one name now: its digest, and the digests that ECS may report for a task of it."""

    digest: str
    reported: frozenset[str]


def read_pulled(client: ECRClient, registry: Registry, tag_or_digest: str) -> Pulled | None:
    """Return what a tag or a digest stands for now, or None if it is not there. It takes no right but that of pulling the image.

    Raises: PreconditionError if there is no such repository.
    """
    wanted: Any = {"imageDigest" if tag_or_digest.startswith("sha256:") else "imageTag": tag_or_digest}
    with _known(client, registry):
        found: Any = client.batch_get_image(
            registryId=registry.account,
            repositoryName=registry.repository,
            imageIds=[wanted],
            acceptedMediaTypes=list(MANIFESTS),
        )["images"]
    if not found:
        return None
    digest = str(found[0]["imageId"]["imageDigest"])
    return Pulled(digest, frozenset({digest, *_platforms(found[0]).values()}))


def find_pushed(
    client: ECRClient, registry: Registry, images: Sequence[Image], reported: Collection[str], named: str = ""
) -> dict[str, str]:
    """Return the digest that each one reported by ECS was pushed under: that of an index, where a platform's image is reported.

    `images` are the repository's, newest first. `named` is the digest of the image that the task definition names, which comes
    first where several indexes list the same image. What no index lists, or has a tag itself, stands for itself.
    """
    indexes = [image.digest for image in images if image.is_index]
    indexes.sort(key=lambda digest: digest != named)
    tagged = {image.digest for image in images if image.tags}
    found: dict[str, str] = {}
    for start in range(0, len(indexes), BATCH):
        wanted = set(reported) - set(found) - set(indexes)
        if not wanted:
            break
        for manifest in _manifests(client, registry, indexes[start : start + BATCH]):
            index = manifest["imageId"]["imageDigest"]
            for digest in wanted & set(_platforms(manifest).values()):
                if index == named or (digest not in tagged and digest not in found):
                    found[digest] = index
    return {digest: found.get(digest, digest) for digest in reported}


def describe_scan(client: ECRClient, registry: Registry, image: Image) -> Scan:
    """Return all findings of an image's scan. ECR scans no index, so of an index it is the scans of all its platforms' images.

    The status is "" if an image was never scanned. Raises: PreconditionError.
    """
    if not image.is_index:
        return _describe_scan(client, registry, image.digest)
    platforms = list_platforms(client, registry, image.digest)
    if not platforms:
        raise PreconditionError(
            f"Image {image.digest} of repository {registry.repository} is an index without any platform's image, so there is "
            "nothing to run or to scan; build it again."
        )
    scans = {platform: _describe_scan(client, registry, digest) for platform, digest in sorted(platforms.items())}
    return merge_scans(scans)


def merge_scans(scans: Mapping[str, Scan]) -> Scan:
    """Return the scans of several platforms as one. A platform without a finished scan decides its status."""
    unfinished = {platform: scan for platform, scan in scans.items() if scan.status not in SCANNED}
    platform, decisive = next(iter(unfinished.items() or scans.items()))
    reason = f"platform {platform}{f', {decisive.reason}' if decisive.reason else ''}" if unfinished else ""
    counts: dict[str, int] = {}
    for scan in scans.values():
        for severity, count in scan.counts.items():
            counts[severity] = counts.get(severity, 0) + count
    findings = tuple(finding for scan in scans.values() for finding in scan.findings)
    return Scan(decisive.status, findings, reason, counts)


def _describe_scan(client: ECRClient, registry: Registry, digest: str) -> Scan:
    pages = client.get_paginator("describe_image_scan_findings").paginate(
        registryId=registry.account,
        repositoryName=registry.repository,
        imageId={"imageDigest": digest},
        PaginationConfig={"PageSize": PAGE},
    )
    status: Any = {}
    counts: dict[str, int] = {}
    findings: list[Finding] = []
    with _known(client, registry):
        try:
            for page in pages:
                status, found = page["imageScanStatus"], page.get("imageScanFindings", {})
                counts = {str(severity): count for severity, count in found.get("findingSeverityCounts", {}).items()}
                findings += [_finding(item) for item in found.get("findings", [])]
                findings += [_enhanced(item) for item in found.get("enhancedFindings", [])]
        except client.exceptions.ScanNotFoundException:
            return Scan("")
        except client.exceptions.ImageNotFoundException as error:
            raise _gone(registry, digest) from error
    return Scan(status.get("status", ""), tuple(findings), status.get("description", ""), counts)


def tag_image(client: ECRClient, registry: Registry, digest: str, tag: str) -> Write[None]:
    """Return the write that puts a tag on an image. It is safe to repeat.

    Where tags are immutable, ECR refuses a tag that another image has. Elsewhere it moves the tag, so callers have to look first
    (must_tag in include/releases/image/rules.py). Raises: PreconditionError.
    """
    return Write(
        PUT_IMAGE,
        f"{registry.repository}: {tag} on {digest[:19]}",
        lambda: _tag(client, registry, digest, tag),
        resources={"registryId": registry.account, "repositoryName": registry.repository},
        values={"imageTag": tag},
    )


def untag_image(client: ECRClient, registry: Registry, tag: str) -> Write[None]:
    """Return the write that takes a tag from an image, which goes with its last one. It is safe to repeat."""

    def make() -> None:
        with _known(client, registry):
            answer = client.batch_delete_image(
                registryId=registry.account, repositoryName=registry.repository, imageIds=[{"imageTag": tag}]
            )
        for failure in answer.get("failures", []):
            if failure.get("failureCode") != "ImageNotFound":
                raise PreconditionError(
                    f"ECR does not remove tag {tag} of {registry.repository}: {failure.get('failureReason')}."
                )

    return Write(
        BATCH_DELETE_IMAGE,
        f"{registry.repository}: {tag}",
        make,
        resources={"registryId": registry.account, "repositoryName": registry.repository},
        values={"imageTag": tag},
    )


def was_applied(client: ECRClient, write: RecordedWrite) -> bool | None:
    """Tell whether an image has the tag that a write set. Return None if the journal does not say where to look."""
    account, repository = write.resource("registryId"), write.resource("repositoryName")
    if write.action not in (PUT_IMAGE.name, BATCH_DELETE_IMAGE.name) or not account:
        return None
    removed = write.action == BATCH_DELETE_IMAGE.name
    try:
        found = client.describe_images(
            registryId=account, repositoryName=repository, imageIds=[{"imageTag": write.values["imageTag"]}]
        )["imageDetails"]
    except client.exceptions.ImageNotFoundException:
        return removed
    return bool(found) is not removed


def _tag(client: ECRClient, registry: Registry, digest: str, tag: str) -> None:
    with _known(client, registry):
        found = _read_manifest(client, registry, digest)
        wanted: dict[str, Any] = {"imageManifest": found["imageManifest"], "imageTag": tag, "imageDigest": digest}
        if kind := found.get("imageManifestMediaType"):
            wanted["imageManifestMediaType"] = kind
        try:
            client.put_image(registryId=registry.account, repositoryName=registry.repository, **wanted)
        except client.exceptions.ImageAlreadyExistsException:
            return  # the image with this tag has exactly this digest, since the digest is given
        except client.exceptions.ImageTagAlreadyExistsException as error:
            holder = describe_image(client, registry, tag)
            if holder and holder.digest == digest:
                return
            raise PreconditionError(
                f"Tag {tag} is on image {holder.digest if holder else 'of unknown digest'} of repository "
                f"{registry.repository}, not on {digest}, and its tags are immutable; start a new run, which makes a new tag."
            ) from error


def _read_manifest(client: ECRClient, registry: Registry, digest: str) -> Any:
    """Return an image with its manifest as it was pushed: an index as an index. Raises: PreconditionError."""
    with _known(client, registry):
        found = _manifests(client, registry, [digest])
    if not found:
        raise _gone(registry, digest)
    return found[0]


def _manifests(client: ECRClient, registry: Registry, digests: Sequence[str]) -> list[Any]:
    """Return those of the images that are there, each with its manifest as it was pushed, in the order of their digests."""
    found: Any = client.batch_get_image(
        registryId=registry.account,
        repositoryName=registry.repository,
        imageIds=[{"imageDigest": digest} for digest in digests],
        acceptedMediaTypes=list(MANIFESTS),
    )["images"]
    return sorted(found, key=lambda image: digests.index(image["imageId"]["imageDigest"]))


def image_uri(registry: Registry, tag_or_digest: str) -> str:
    """Return the name by which an image is pulled."""
    mark = "@" if tag_or_digest.startswith("sha256:") else ":"
    host = f"{registry.account}.dkr.ecr.{registry.region}.amazonaws.com"
    return f"{host}/{registry.repository}{mark}{tag_or_digest}"


@contextmanager
def _known(client: ECRClient, registry: Registry) -> Iterator[None]:
    try:
        yield
    except client.exceptions.RepositoryNotFoundException as error:
        raise PreconditionError(
            f"There is no image repository {registry.repository} in registry {registry.account} and region "
            f"{client.meta.region_name}; correct registry in the inventory, or create the repository."
        ) from error


def _gone(registry: Registry, digest: str) -> PreconditionError:
    return PreconditionError(
        f"Repository {registry.repository} of registry {registry.account} has no image {digest} (any more); push it again, or "
        "choose an image that is there."
    )


def _image(item: Any) -> Image:
    tags = tuple(item.get("imageTags", []))
    return Image(item["imageDigest"], tags, item["imagePushedAt"], item.get("imageManifestMediaType", ""))


def _finding(item: Any) -> Finding:
    package = next(
        (attribute.get("value", "") for attribute in item.get("attributes", []) if attribute["key"] == "package_name"),
        "",
    )
    return Finding(item.get("name", ""), item.get("severity", "UNDEFINED"), package)


def _enhanced(item: Any) -> Finding:
    """Return a finding of Amazon Inspector, whose field names differ."""
    details = item.get("packageVulnerabilityDetails", {})
    packages = [package["name"] for package in details.get("vulnerablePackages", []) if "name" in package]
    name = details.get("vulnerabilityId") or item.get("title", "")
    return Finding(name, item.get("severity", "UNDEFINED"), next(iter(packages), ""))


BATCH_DELETE_IMAGE = Action("ecr", "BatchDeleteImage", resources=("repositoryName",))
