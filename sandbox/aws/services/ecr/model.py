"""Image repositories: images, tags, lifecycle policies, scans and permissions to pull."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.faults.model import Fault

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
INDEXES = (INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
ATTESTED = {"vnd.docker.reference.type": "attestation-manifest"}
IN_TOTO = "application/vnd.in-toto+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<rest>.+)")
SCAN_QUEUED, SCAN_ENDS = 10.0, 60.0  # seconds after the push: the scan begins, and has ended
ORDINARY = {"LOW": 2, "INFORMATIONAL": 5}  # what a scan finds on an ordinary day


class TagTakenError(Exception):
    """The tag is in an immutable repository already; `image` has it."""

    def __init__(self, image: "Image"):
        super().__init__(image.digest)
        self.image = image


@dataclass
class Image:
    digest: str
    manifest: str
    media_type: str
    pushed: float
    size: int
    tags: list[str] = field(default_factory=list)
    scanned: float | None = None  # when the last scan was asked for
    pulled: float | None = None

    @property
    def children(self) -> tuple[str, ...]:
        """The digests of the images that an index lists, none for any other image."""
        return tuple(str(manifest["digest"]) for manifest in json.loads(self.manifest).get("manifests", ()))

    @property
    def platforms(self) -> dict[str, str]:
        """The digests of the images that an index lists, by platform such as linux/amd64; an attestation is no image."""
        return {
            f"{manifest['platform']['os']}/{manifest['platform']['architecture']}": str(manifest["digest"])
            for manifest in json.loads(self.manifest).get("manifests", ())
            if "platform" in manifest and not ATTESTED.items() <= manifest.get("annotations", {}).items()
        }

    @property
    def scannable(self) -> bool:
        """Whether ECR scans such an artifact at all: no index."""
        return self.media_type not in INDEXES

    @property
    def attests(self) -> bool:
        """Whether the layers are attestations, in which a scan finds no operating system."""
        layers = json.loads(self.manifest).get("layers", ())
        return bool(layers) and all(layer.get("mediaType") == IN_TOTO for layer in layers)


@dataclass
class Repository:
    name: str
    account: str
    region: str
    created: float
    immutable: bool = False
    scan_on_push: bool = False
    policy: str = ""  # the lifecycle policy's text
    blobs: set[str] = field(default_factory=set)  # digests of layers and configurations
    images: dict[str, Image] = field(default_factory=dict)  # by digest
    readers: set[str] = field(default_factory=set)  # other accounts that its own policy lets in
    targets: set[str] = field(default_factory=set)  # of the inventory, whose images these are
    pushes: list[tuple[float, str]] = field(default_factory=list)  # when which tag came
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def referenced(self) -> set[str]:
        """The digests of images that an index of this repository lists."""
        return {child for image in self.images.values() for child in image.children}

    @property
    def uri(self) -> str:
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com/{self.name}"

    @property
    def arn(self) -> str:
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{self.name}"

    def admits(self, account: str) -> bool:
        return account == self.account or account in self.readers

    def tagged(self, tag: str) -> Image | None:
        """Return the image with exactly this tag."""
        return next((image for image in self.images.values() if tag in image.tags), None)

    def put(self, manifest: str, media_type: str, tag: str | None, now: float) -> Image:
        """Add an image or a tag of one, and expire what the policy keeps no longer. Raises: TagTakenError."""
        digest = digest_of(manifest)
        there, taken = self.images.get(digest), self.tagged(tag) if tag else None
        if taken and (self.immutable or taken is there):
            raise TagTakenError(taken)
        if there and not tag:
            raise TagTakenError(there)
        if taken and tag:
            taken.tags.remove(tag)
        image = there or Image(digest, manifest, media_type, now, _size(manifest))
        if there is None and self.scan_on_push and image.scannable:
            image.scanned = now
        self.images[digest] = image
        if tag:
            image.tags.append(tag)
            self.pushes.append((now, tag))
        self.expire(now)
        return image

    def expire(self, now: float) -> list[Image]:
        """Remove the images that the lifecycle policy expires, at once, where ECR takes up to a day. Return them."""
        rules = json.loads(self.policy)["rules"] if self.policy else []
        kept = self.referenced  # ECR expires no image that an index lists
        images = [image for image in self.images.values() if image.digest not in kept]
        left, gone = sorted(images, key=lambda each: each.pushed, reverse=True), []
        for rule in sorted(rules, key=lambda each: each["rulePriority"]):
            selection = rule["selection"]
            chosen = [each for each in left if _is_selected(each, selection)]
            left = [each for each in left if each not in chosen]  # a later rule has no say about them
            if selection["countType"] == "imageCountMoreThan":
                gone += chosen[selection["countNumber"] :]
            else:
                gone += [each for each in chosen if now - each.pushed > selection["countNumber"] * 86400]
        for each in gone:
            del self.images[each.digest]
        return gone

    def push(self, manifest: str, tag: str, now: float) -> Image:
        """Push an image as a builder does, its layers first. Raises: TagTakenError."""
        self._take_blobs(manifest)
        return self.put(manifest, json.loads(manifest).get("mediaType", MANIFEST), tag, now)

    def push_index(self, manifests: list[str], index: str, tag: str, now: float) -> Image:
        """Push an index as buildx does, the images that it lists first. Raises: TagTakenError."""
        if taken := self.tagged(tag) if self.immutable else None:
            raise TagTakenError(taken)
        for manifest in manifests:
            self._take_blobs(manifest)
            if digest_of(manifest) not in self.images:
                self.put(manifest, MANIFEST, None, now)
        return self.put(index, INDEX, tag, now)

    def copy(self, image: Image, origin: "Repository", tag: str, now: float) -> Image:
        """Push an image of another repository, with the images that it lists if it is an index. Raises: TagTakenError."""
        if image.children:
            listed = [origin.images[child].manifest for child in image.children]
            return self.push_index(listed, image.manifest, tag, now)
        return self.push(image.manifest, tag, now)

    def _take_blobs(self, manifest: str) -> None:
        content = json.loads(manifest)
        self.blobs |= {content["config"]["digest"], *(layer["digest"] for layer in content["layers"])}


def digest_of(manifest: str) -> str:
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def _is_selected(image: Image, selection: dict[str, Any]) -> bool:
    status = selection["tagStatus"]
    if status == "any":
        return True
    if status == "untagged":
        return not image.tags
    if prefixes := selection.get("tagPrefixList"):
        return all(any(tag.startswith(prefix) for tag in image.tags) for prefix in prefixes)
    patterns = [re.escape(each).replace(r"\*", ".*") for each in selection["tagPatternList"]]
    return all(any(re.fullmatch(pattern, tag) for tag in image.tags) for pattern in patterns)


def _size(manifest: str) -> int:
    content = json.loads(manifest)
    parts = [content.get("config", {}), *content.get("layers", []), *content.get("manifests", [])]
    return sum(int(part.get("size", 0)) for part in parts)


def make_manifest(repository: str, commit: str, build: str) -> str:
    """Return the manifest of a build of a commit; two builds of one commit differ, as in life."""

    def blob(kind: str, of: str, size: int) -> dict[str, Any]:
        return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(of.encode()).hexdigest()}", "size": size}

    layers = [
        blob(LAYER, f"{repository} base", 48_211_904),
        blob(LAYER, f"{repository} {commit} {build}", 91_226_112),
    ]
    config = blob(CONFIG, f"{repository} {commit} {build} configuration", 7023)
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}, indent=3)


def make_index(repository: str, commit: str, build: str, platforms: tuple[str, ...]) -> tuple[list[str], str]:
    """Return the manifests that buildx pushes of a build by default, an image and its attestations by platform, and their index."""
    manifests, listed = [], []
    for platform in platforms:
        system, _, architecture = platform.partition("/")
        image = make_manifest(repository, commit, f"{build} {platform}")
        attested = _make_attestation(repository, commit, f"{build} {platform}")
        manifests += [image, attested]
        listed.append({**_descriptor(image), "platform": {"os": system, "architecture": architecture}})
        of_image = {**ATTESTED, "vnd.docker.reference.digest": digest_of(image)}
        unknown = {"os": "unknown", "architecture": "unknown"}
        listed.append({**_descriptor(attested), "annotations": of_image, "platform": unknown})
    return manifests, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, indent=2)


def _make_attestation(repository: str, commit: str, build: str) -> str:
    content = json.loads(make_manifest(repository, commit, f"{build} provenance"))
    content["layers"] = [{**content["layers"][1], "mediaType": IN_TOTO, "size": 4096}]
    return json.dumps(content, indent=2)


def _descriptor(manifest: str) -> dict[str, Any]:
    return {"mediaType": MANIFEST, "digest": digest_of(manifest), "size": len(manifest.encode())}


def push_build(
    repository: Repository, source: str, commit: str, build: str, tag: str, active: "list[Fault]", now: float
) -> Image:
    """Push the image of a build, or an index if its builder is buildx. Raises: TagTakenError."""
    for fault in active:
        if fault.kind == "buildx_index" and fault.target in repository.targets:
            platforms = tuple(f"linux/{each}" for each in fault.fields["architectures"].split(","))
            image = repository.push_index(*make_index(source, commit, build, platforms), tag, now)
            fault.count()
            return image
    return repository.push(make_manifest(source, commit, build), tag, now)


def policy_of(keep: dict[str, int]) -> str:
    """Return the lifecycle policy that keeps so many images of each tag prefix."""
    rules = [
        {
            "rulePriority": number,
            "description": f"keep the last {count} images of {prefix}",
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": [prefix],
                "countType": "imageCountMoreThan",
                "countNumber": count,
            },
            "action": {"type": "expire"},
        }
        for number, (prefix, count) in enumerate(keep.items(), 1)
    ]
    return json.dumps({"rules": rules}) if rules else ""


def scan_of(
    repository: Repository, image: Image, active: "list[Fault]", now: float
) -> tuple[str, dict[str, int]] | None:
    """Return the state of an image's scan and what it found, or None while there is none."""
    if image.scanned is None or now - image.scanned < SCAN_QUEUED:
        return None
    status, found = ("COMPLETE", dict(ORDINARY)) if now - image.scanned >= SCAN_ENDS else ("IN_PROGRESS", {})
    if image.attests:
        return ("FAILED", {}) if status == "COMPLETE" else (status, {})
    for fault in active:
        if fault.kind != "image_scan" or fault.target not in repository.targets:
            continue
        fields = fault.fields
        if fields["status"] != "COMPLETE":
            status, found = fields["status"], {}
            fault.count()
        elif status == "COMPLETE":
            found[fields["severity"]] = fields["findings"]
            fault.count()
    return status, found
