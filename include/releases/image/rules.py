"""Images of a release: exactly the commit's, proved by digest, scanned, and still there for a rollback."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from include.aws.ecr import SCANNED, Finding, Image, Scan
from include.aws.image_names import read_image_name
from include.errors import PreconditionError, RolloutFailedError
from include.inventory.models import Registry
from include.run.image_attestations import Attestation
from include.run.params import shown

COMMIT = re.compile(r"[0-9a-f]{40}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LONGEST_TAG = 128  # the longest tag in characters
SCANNING = ("PENDING", "IN_PROGRESS")
Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"]
SEVERITIES: tuple[Severity, ...] = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")


def ensure_commit(commit: str) -> str:
    """Return a full commit id. Raises: PreconditionError for anything else, such as a branch or an abbreviated id."""
    if not COMMIT.fullmatch(commit):
        raise PreconditionError(
            f"{shown(commit)} is no commit; give all 40 characters of its id (git rev-parse prints them), nothing was "
            "changed."
        )
    return commit


def commit_tag(commit: str, length: int = 40) -> str:
    """Return the tag of the image built from a commit: its id, or its first `length` letters."""
    return ensure_commit(commit)[:length]


def find_tagged(tag: str, images: Iterable[Image]) -> Image | None:
    """Return the image with exactly this tag. A tag that merely contains it belongs to another image."""
    return next((image for image in images if tag in image.tags), None)


def digest_in(image: str, images: Iterable[Image], registry: Registry) -> str:
    """Return the digest that a task definition's `image` stands for among the `images` of a registry, "" if it is none of them.

    In another repository the same tag means another image.
    """
    named = read_image_name(image)
    if not named.is_in(registry):
        return ""
    tagged = find_tagged(named.tag, images)
    return named.digest or (tagged.digest if tagged else "")


def require_image(commit: str, length: int, images: Sequence[Image], repository: str) -> Image:
    """Return the commit's image. Raises: PreconditionError if there is none, naming similar tags."""
    tag = commit_tag(commit, length)
    found = find_tagged(tag, images)
    if found:
        return found
    near = sorted({each for image in images for each in image.tags if tag[:7] in each})
    looks = f" ({', '.join(near[:3])} is another image: the tag must be the commit and nothing else)" if near else ""
    raise PreconditionError(
        f"Repository {repository} has no image tagged {tag}{looks}, so staging has not deployed this commit; deploy it there "
        "first, production never builds and nothing was changed."
    )


def require_attestation(image: Image, commit: str, proof: Attestation | None, staging: str) -> Attestation:
    """Return the proof that staging deployed exactly this digest from this commit. Raises: PreconditionError."""
    if proof is None:
        raise PreconditionError(
            f"No staging deployment of image {_short(image.digest)} (commit {commit[:12]}) is on record for {staging}; deploy "
            "it there first, nothing was changed."
        )
    if proof.digest != image.digest or proof.target != staging:
        raise PreconditionError(
            f"{proof.target} has proved image {_short(proof.digest)}, but commit {commit[:12]} has image "
            f"{_short(image.digest)}; deploy that one to {staging} first, nothing was changed."
        )
    if proof.commit != commit:
        raise PreconditionError(
            f"{staging} has proved image {_short(image.digest)} as commit {proof.commit[:12]}, not {commit[:12]}; release the "
            "commit that was proved, nothing was changed."
        )
    return proof


@dataclass(frozen=True)
class Verdict:
    """Whether a scan lets its image be deployed. `wait` while the scan is running."""

    wait: bool
    text: str


def judge_scan(
    image: Image, scan: Scan, refused: Sequence[str] = ("CRITICAL",), accepted: Iterable[str] = ()
) -> Verdict:
    """Decide on a scan. A finding of a blocking severity refuses the image, unless it is accepted by name.

    A scan that failed or never began does not count as clean. Raises: PreconditionError.
    """
    if scan.status in SCANNING:
        of = f" ({scan.reason})" if scan.reason else ""
        return Verdict(True, f"the scan of image {_short(image.digest)} is {scan.status}{of}")
    if scan.status not in SCANNED:
        raise PreconditionError(
            f"Image {_short(image.digest)} has no finished scan ({scan.status or 'never scanned'}"
            f"{f': {scan.reason}' if scan.reason else ''}); start a scan of {_scannable(image)} in ECR, nothing was changed."
        )
    known = frozenset(accepted)
    against = [finding for finding in scan.findings if finding.severity in refused and finding.name not in known]
    let_by = [finding for finding in scan.findings if finding.severity in refused and finding.name in known]
    unlisted = sum(max(0, scan.counts.get(each, 0) - _listed(scan, each)) for each in refused)
    if against or unlisted:
        different = list(dict.fromkeys(_named(each) for each in against))  # platforms share most of what is found
        names = ", ".join(different[:5]) or "not listed by ECR"
        more = f" and {len(different) - 5} more" if len(different) > 5 else ""
        raise PreconditionError(
            f"Image {_short(image.digest)} has {len(against) + unlisted} {' or '.join(refused)} findings ({names}{more}); fix "
            "them and build again, or have them accepted by name in the inventory, nothing was changed."
        )
    text = summary(scan)
    return Verdict(
        False, f"{text}; accepted: {', '.join(dict.fromkeys(each.name for each in let_by))}" if let_by else text
    )


def summary(scan: Scan) -> str:
    """Return the number of a scan's findings by severity."""
    counts = [f"{scan.count(severity)} {severity.lower()}" for severity in SEVERITIES if scan.count(severity)]
    return f"scan {scan.status.lower() or 'missing'}: {', '.join(counts) or 'no findings'}"


def readable_tag(environment: str, version: str | None, at: datetime) -> str:
    """Return the readable tag of an image: `production-<version>-<time>`, elsewhere `<environment>-<time>`.

    `at` is fixed for a run, so that a retry finds the tag it has made. Raises: PreconditionError for an empty version.
    """
    if version is not None and not version.strip():
        raise PreconditionError(
            f"A release to {environment} has no version, so its image would be tagged {environment}--; give the version."
        )
    middle = f"-{version}" if version else ""
    tag = f"{environment}{middle}-{at.astimezone(UTC):%Y%m%d%H%M%S}"
    if len(tag) > LONGEST_TAG or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", tag):
        raise PreconditionError(f"{shown(tag)} is no tag that ECR takes; shorten or correct the version.")
    return tag


def must_tag(image: Image, tag: str, images: Iterable[Image]) -> bool:
    """Tell whether the tag still has to be put on an image. Raises: PreconditionError if another image has it."""
    holder = find_tagged(tag, images)
    if holder and holder.digest != image.digest:
        raise PreconditionError(
            f"Tag {tag} is on image {_short(holder.digest)}, not on {_short(image.digest)}, and tags are immutable; start a "
            "new run, which makes a new tag."
        )
    return holder is None


def survives(digest: str, images: Sequence[Image], keep: Mapping[str, int], adding: str, added: str) -> bool:
    """Tell whether an image is still kept after `adding` (a tag) was put on image `added`: a registry keeps few images.

    ECR expires images with a prefix, except the newest by push time. Whether a later tag changes that time is not
    documented. So an image counts as kept only if it is kept either way.
    """
    image = next((each for each in images if each.digest == digest), None)
    if image is None:
        return False
    for prefix, number in keep.items():
        if not any(tag.startswith(prefix) for tag in image.tags):
            continue
        others = {each.digest for each in images if any(tag.startswith(prefix) for tag in each.tags)}
        newer = {each.digest for each in images if each.digest in others and each.pushed_at > image.pushed_at}
        if adding.startswith(prefix):
            newer |= {added} - {digest}
        return len(newer) < number  # an image that matches a rule is not affected by later rules
    return True


def require_survivor(
    digest: str, images: Sequence[Image], keep: Mapping[str, int], adding: str, added: str, service: str
) -> Image:
    """Return the image for a rollback of a service. Raises: PreconditionError if it is gone, or would expire by this release."""
    image = next((each for each in images if each.digest == digest), None)
    if image is None:
        raise PreconditionError(
            f"The image {_short(digest)} that {service} runs now is not in the registry any more, so there would be no way "
            "back; push it again under a tag that is kept, or release from a state that can be returned to."
        )
    if not survives(digest, images, keep, adding, added):
        kept = ", ".join(f"{number} with {prefix}" for prefix, number in keep.items())
        raise PreconditionError(
            f"The image {_short(digest)} that {service} runs now would expire with this release (the registry keeps {kept}), "
            "so there would be no way back; raise the lifecycle policy's count first."
        )
    return image


def ensure_digests(
    service: str, container: str, digest: str, running: Mapping[str, Mapping[str, str]], platforms: Collection[str] = ()
) -> str:
    """Return the proof that every task runs this image. `running` is the digest of each container by task id.

    `platforms` are the digests of the images that it lists, if it is an index. Raises: RolloutFailedError.
    """
    accepted = {digest, *platforms}
    wrong = {task: found.get(container, "") for task, found in running.items() if found.get(container) not in accepted}
    if wrong:
        task, found = next(iter(sorted(wrong.items())))
        raise RolloutFailedError(
            f"Task {task} of {service} runs image {_short(found) if found else 'of unknown digest'}, not {_short(digest)}; "
            "find out who deployed it."
        )
    return f"{service}: {len(running)} tasks run image {_short(digest)}"


def _short(digest: str) -> str:
    return digest[: len("sha256:") + 12]


def _scannable(image: Image) -> str:
    return "that platform's image" if image.is_index else "it"


def _named(finding: Finding) -> str:
    return f"{finding.name} in {finding.package}" if finding.package else finding.name


def _listed(scan: Scan, severity: str) -> int:
    return sum(finding.severity == severity for finding in scan.findings)
