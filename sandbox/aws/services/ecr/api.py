"""The ECR API: repositories and the images in them. Layers are not uploaded through it: builders push whole images."""

import json
from typing import Any

from moto.core.responses import ActionResult

from sandbox.aws.http.error_responses import ApiError
from sandbox.aws.services.ecr import model as registry
from sandbox.aws.services.ecr.model import Image, Repository, TagTakenError
from sandbox.aws.services.ecr.repositories import RepositoryOperations, where
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime

PAGE = 100  # images, unless maxResults says otherwise
LONGEST_PAGE = 1000
UNSUPPORTED = "UnsupportedImageError: The operating system and/or package manager are not supported."
FINDINGS = "https://cve.mitre.org/cgi-bin/cvename.cgi?name={}"


class WorldEcrResponse(RepositoryOperations):
    """`world` is set once, when the server is made."""

    world: World

    def __init__(self) -> None:
        super().__init__(service_name="ecr")
        self.automated_parameter_parsing = True

    def put_lifecycle_policy(self) -> ActionResult:
        repository, text = self._repository(), str(self._get_param("lifecyclePolicyText"))
        try:
            rules = json.loads(text)["rules"]
            priorities = [rule["rulePriority"] for rule in rules]
            fine = bool(rules) and len(set(priorities)) == len(priorities) and all(map(_is_rule, rules))
        except (ValueError, KeyError, TypeError):
            fine = False
        if not fine:
            raise _invalid(
                "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure'"
            )
        repository.policy = text
        repository.expire(self.world.catch_up())
        return ActionResult({**self._names(repository), "lifecyclePolicyText": text})

    def get_lifecycle_policy(self) -> ActionResult:
        repository = self._repository()
        if not repository.policy:
            raise ApiError(
                "LifecyclePolicyNotFoundException",
                f"Lifecycle policy does not exist for the {where(repository)}",
            )
        return ActionResult({**self._names(repository), "lifecyclePolicyText": repository.policy})

    def put_image(self) -> ActionResult:
        now, repository = self.world.catch_up(), self._repository()
        manifest, tag, asked = (
            self._get_param("imageManifest"),
            self._get_param("imageTag"),
            self._get_param("imageDigest"),
        )
        try:
            content = json.loads(manifest)
            kind = self._get_param("imageManifestMediaType") or content.get("mediaType") or registry.MANIFEST
            listed = [each["digest"] for each in content["manifests"]] if kind in registry.INDEXES else []
            blobs = [] if kind in registry.INDEXES else [content["config"], *content["layers"]]
            needed = [blob["digest"] for blob in blobs]
        except (ValueError, KeyError, TypeError) as error:
            raise _invalid(
                "Invalid parameter at 'imageManifest' failed to satisfy constraint: 'Invalid image manifest'"
            ) from error
        if missing := [each for each in needed if each not in repository.blobs]:
            raise ApiError(
                "LayersNotFoundException",
                f"Layers with digests '[{', '.join(missing)}]' do not exist in the {where(repository)}",
            )
        if absent := [each for each in listed if each not in repository.images]:
            raise ApiError(
                "ReferencedImagesNotFoundException",
                f"The manifest list is referencing images that do not exist in the {where(repository)}: {', '.join(absent)}",
            )
        digest = registry.digest_of(manifest)
        if asked and asked != digest:
            raise ApiError(
                "ImageDigestDoesNotMatchException",
                f"The provided image digest '{asked}' does not match the digest '{digest}' of the image manifest",
            )
        try:
            image = repository.put(manifest, kind, tag, now)
        except TagTakenError as taken:
            raise _taken(repository, taken.image, tag, digest) from taken
        return ActionResult({"image": _as_image(repository, image, tag)})

    def batch_get_image(self) -> ActionResult:
        self.world.catch_up()
        repository, images, failures = self._repository(), [], []
        accepted = self._get_param("acceptedMediaTypes")
        for wanted in self._image_ids():
            found = _look_up(repository, wanted)
            if found and (not accepted or found.media_type in accepted):
                images.append(_as_image(repository, found, wanted.get("imageTag")))
            else:
                failures.append(_failure(repository, wanted))
        return ActionResult({"images": images, "failures": failures})

    def batch_delete_image(self) -> ActionResult:
        self.world.catch_up()
        repository, gone, failures = self._repository(), [], []
        for wanted in self._image_ids():
            found, tag = _look_up(repository, wanted), wanted.get("imageTag")
            if found is None:
                failures.append(_failure(repository, wanted))
                continue
            if found.digest in repository.referenced and not (tag and len(found.tags) > 1):
                failures.append(_failure(repository, wanted, "ImageReferencedByManifestList"))
                continue
            gone.append({"imageDigest": found.digest, **({"imageTag": tag} if tag else {})})
            if tag and "imageDigest" not in wanted and len(found.tags) > 1:
                found.tags.remove(tag)  # the image keeps its other tags
            else:
                del repository.images[found.digest]
        return ActionResult({"imageIds": gone, "failures": failures})

    def list_images(self) -> ActionResult:
        self.world.catch_up()
        repository, wanted = self._repository(), self._filter()
        found = [
            {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}
            for image in repository.images.values()
            for tag in image.tags or [""]
            if wanted in ("ANY", "TAGGED" if tag else "UNTAGGED")
        ]
        return self._page("imageIds", found)

    def describe_images(self) -> ActionResult:
        now, repository, wanted = self.world.catch_up(), self._repository(), self._filter()
        if self._get_param("imageIds"):
            found = [self._image(repository, each) for each in self._image_ids()]
            return ActionResult({"imageDetails": [self._describe(repository, each, now) for each in found]})
        found = [
            image for image in repository.images.values() if wanted in ("ANY", "TAGGED" if image.tags else "UNTAGGED")
        ]
        return self._page("imageDetails", [self._describe(repository, each, now) for each in found])

    def start_image_scan(self) -> ActionResult:
        now, repository = self.world.catch_up(), self._repository()
        image = self._image(repository, self._get_param("imageId") or {})
        if not image.scannable:
            raise ApiError(
                "UnsupportedImageTypeException",
                f"An artifact with media type '{image.media_type}' cannot be scanned. For more information, see the Amazon ECR "
                "documentation.",
            )
        if image.scanned is not None and now - image.scanned < 86400:
            raise ApiError("LimitExceededException", "The scan quota per image has been exceeded. Wait and try again.")
        image.scanned = now
        return ActionResult({**self._scanned(repository, image), "imageScanStatus": {"status": "IN_PROGRESS"}})

    def describe_image_scan_findings(self) -> ActionResult:
        now, repository = self.world.catch_up(), self._repository()
        image = self._image(repository, self._get_param("imageId") or {})
        scan = registry.scan_of(repository, image, self.world.faults, now)
        if scan is None:
            raise ApiError(
                "ScanNotFoundException",
                f"Image scan does not exist for the image with '{_words(self._get_param('imageId'))}' in the {where(repository)}",
            )
        status, found = scan
        answer: dict[str, Any] = {**self._scanned(repository, image), "imageScanStatus": {"status": status}}
        if status == "FAILED":
            answer["imageScanStatus"]["description"] = UNSUPPORTED
        if status == "COMPLETE":
            findings = [_finding(severity, number) for severity, count in found.items() for number in range(count)]
            start, size = self._bounds()
            answer["imageScanFindings"] = {
                "findings": findings[start : start + size],
                "findingSeverityCounts": found,
                **_moments(image),
            }
            if start + size < len(findings):
                answer["nextToken"] = str(start + size)
        return ActionResult(answer)

    def _repository(self) -> Repository:
        return self.find(str(self._get_param("repositoryName")))

    def _image_ids(self) -> list[dict[str, str]]:
        wanted = self._get_param("imageIds") or []
        if not 1 <= len(wanted) <= 100:
            raise _invalid(
                "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length between 1 and 100'"
            )
        return list(wanted)

    def _image(self, repository: Repository, wanted: dict[str, str]) -> Image:
        found = _look_up(repository, wanted)
        if found is None:
            raise ApiError(
                "ImageNotFoundException",
                f"The image with imageId {_words(wanted)} does not exist within the {where(repository)}",
            )
        return found

    def _filter(self) -> str:
        return str((self._get_param("filter") or {}).get("tagStatus") or "ANY")

    def _bounds(self) -> tuple[int, int]:
        token, size = str(self._get_param("nextToken") or "0"), int(self._get_param("maxResults") or PAGE)
        if not token.isdecimal() or not 1 <= size <= LONGEST_PAGE:
            raise _invalid("Invalid parameter at 'nextToken' or 'maxResults'")
        return int(token), size

    def _page(self, key: str, items: list[dict[str, Any]]) -> ActionResult:
        start, size = self._bounds()
        answer: dict[str, Any] = {key: items[start : start + size]}
        if start + size < len(items):
            answer["nextToken"] = str(start + size)
        return ActionResult(answer)

    def _describe(self, repository: Repository, image: Image, now: float) -> dict[str, Any]:
        answer: dict[str, Any] = {
            **self._names(repository),
            "imageDigest": image.digest,
            "imageSizeInBytes": image.size,
            "imagePushedAt": as_datetime(image.pushed),
            "imageManifestMediaType": image.media_type,
        }
        if image.scannable:
            answer["artifactMediaType"] = registry.CONFIG
        if image.tags:
            answer["imageTags"] = list(image.tags)
        if image.pulled is not None:
            answer["lastRecordedPullTime"] = as_datetime(image.pulled)
        if scan := registry.scan_of(repository, image, self.world.faults, now):
            answer["imageScanStatus"] = {"status": scan[0]}
            if scan[0] == "COMPLETE":
                answer["imageScanFindingsSummary"] = {"findingSeverityCounts": scan[1], **_moments(image)}
        return answer

    def _scanned(self, repository: Repository, image: Image) -> dict[str, Any]:
        tag = (self._get_param("imageId") or {}).get("imageTag")
        return {
            **self._names(repository),
            "imageId": {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})},
        }

    @staticmethod
    def _names(repository: Repository) -> dict[str, str]:
        return {"registryId": repository.account, "repositoryName": repository.name}


def _look_up(repository: Repository, wanted: dict[str, str]) -> Image | None:
    tag, digest = wanted.get("imageTag"), wanted.get("imageDigest")
    if not tag and not digest:
        raise _invalid(
            "Invalid parameter at 'imageIds' failed to satisfy constraint: 'imageDigest or imageTag is needed'"
        )
    found = repository.tagged(tag) if tag else repository.images.get(str(digest))
    return found if found and digest in (None, found.digest) else None


def _as_image(repository: Repository, image: Image, tag: str | None) -> dict[str, Any]:
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "imageId": {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})},
        "imageManifest": image.manifest,
        "imageManifestMediaType": image.media_type,
    }


def _failure(repository: Repository, wanted: dict[str, str], known: str = "") -> dict[str, Any]:
    if known:
        code, reason = known, "Requested image referenced by manifest list"
    elif "imageDigest" in wanted and "imageTag" in wanted and wanted["imageDigest"] in repository.images:
        code, reason = "ImageTagDoesNotMatchDigest", "Requested image tag does not match the digest"
    else:
        code, reason = "ImageNotFound", "Requested image not found"
    return {"imageId": wanted, "failureCode": code, "failureReason": reason}


def _taken(repository: Repository, image: Image, tag: str | None, digest: str) -> ApiError:
    if image.digest != digest:
        return ApiError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten "
            "because the repository is immutable.",
        )
    return ApiError(
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}' and tag '{tag}' already exists in the {where(repository)}",
    )


def _is_rule(rule: dict[str, Any]) -> bool:
    selection, status = rule["selection"], rule["selection"]["tagStatus"]
    named = bool(selection.get("tagPrefixList")) != bool(selection.get("tagPatternList"))
    counted = selection["countType"] == "imageCountMoreThan" or (
        selection["countType"] == "sinceImagePushed" and selection.get("countUnit") == "days"
    )
    return (
        rule["action"]["type"] == "expire"
        and (named if status == "tagged" else status in ("untagged", "any"))
        and counted
        and int(selection["countNumber"]) > 0
    )


def _finding(severity: str, number: int) -> dict[str, Any]:
    name = f"CVE-2026-{1000 + 97 * number + len(severity)}"
    package = [{"key": "package_name", "value": "openssl"}, {"key": "package_version", "value": "3.0.11"}]
    return {"name": name, "severity": severity, "uri": FINDINGS.format(name), "attributes": package}


def _moments(image: Image) -> dict[str, Any]:
    ended = as_datetime((image.scanned or 0.0) + registry.SCAN_ENDS)
    return {"imageScanCompletedAt": ended, "vulnerabilitySourceUpdatedAt": ended}


def _words(wanted: dict[str, str] | None) -> str:
    given = wanted or {}
    return f"{{imageDigest:'{given.get('imageDigest', 'null')}', imageTag:'{given.get('imageTag', 'null')}'}}"


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
