"""Amazon ECR: images of a repository, the findings of their scans, and their tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.errors import PreconditionError
from include.inventory.models import Registry
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

PAGE = 1000  # the most images or findings in one response of ECR
PUT_IMAGE = Action("ecr", "PutImage", resources=("repositoryName",), values=("imageTag",))


@dataclass(frozen=True)
class Finding:
    """One finding of an image's scan. `name` is its CVE."""

    name: str
    severity: str
    package: str = ""


@dataclass(frozen=True)
class Scan:
    """The scan of an image. `status` is ECR's own word, or "" if the image was never scanned."""

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


def describe_scan(client: ECRClient, registry: Registry, digest: str) -> Scan:
    """Return all findings of the image's scan. Its status is "" if it was never scanned. Raises: PreconditionError."""
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


def was_applied(client: ECRClient, write: RecordedWrite) -> bool | None:
    """Tell whether an image has the tag that a write set. Return None if the journal does not say where to look."""
    account, repository = write.resource("registryId"), write.resource("repositoryName")
    if write.action != PUT_IMAGE.name or not account:
        return None
    try:
        found = client.describe_images(
            registryId=account, repositoryName=repository, imageIds=[{"imageTag": write.values["imageTag"]}]
        )["imageDetails"]
    except client.exceptions.ImageNotFoundException:
        return False
    return bool(found)


def _tag(client: ECRClient, registry: Registry, digest: str, tag: str) -> None:
    with _known(client, registry):
        found = client.batch_get_image(
            registryId=registry.account, repositoryName=registry.repository, imageIds=[{"imageDigest": digest}]
        )["images"]
        if not found:
            raise _gone(registry, digest)
        wanted: dict[str, Any] = {"imageManifest": found[0]["imageManifest"], "imageTag": tag, "imageDigest": digest}
        if kind := found[0].get("imageManifestMediaType"):
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
    return Image(item["imageDigest"], tuple(item.get("imageTags", [])), item["imagePushedAt"])


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
