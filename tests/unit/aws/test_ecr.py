"""The gateway of ECR: its calls, and how it reads the answers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.aws import ecr
from include.aws.ecr import Finding, Image, Scan
from include.errors import PreconditionError
from include.inventory.models import Registry
from tests.unit.conftest import Script

Scripts = Callable[[str], Script]
CORE = Registry(account="111111111110", region="eu-west-2", repository="core")
WHERE = {"registryId": "111111111110", "repositoryName": "core"}
NINE, TEN = datetime(2026, 11, 18, 9, 0, tzinfo=UTC), datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
ACCEPTED = [
    INDEX_TYPE,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+json",
]
MANIFEST_OF_A = {**WHERE, "imageIds": [{"imageDigest": A}], "acceptedMediaTypes": ACCEPTED}
AMD, ARM, PROOF = (f"sha256:{letter * 64}" for letter in "cde")
INDEX = {
    "mediaType": INDEX_TYPE,
    "manifests": [
        {"digest": AMD, "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": ARM, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {
            "digest": PROOF,
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": AMD},
        },
    ],
}
SINGLE = Image(A, (), NINE, "application/vnd.oci.image.manifest.v1+json")
MANIFEST = {"imageId": {"imageDigest": A}, "imageManifest": "{}", "imageManifestMediaType": "application/oci"}


def detail(digest: str, pushed_at: datetime, *tags: str) -> dict[str, Any]:
    return {"imageDigest": digest, "imagePushedAt": pushed_at, **({"imageTags": list(tags)} if tags else {})}


def test_images_of_all_pages_are_listed_newest_first_also_those_without_a_tag(script: Scripts):
    aws = script("ecr")
    asked = {**WHERE, "maxResults": 1000}
    aws.answer("describe_images", asked, {"imageDetails": [detail(A, NINE, "v1", "x")], "nextToken": "more"})
    aws.answer("describe_images", {**asked, "nextToken": "more"}, {"imageDetails": [detail(B, TEN)]})
    assert ecr.list_images(aws.client, CORE) == (Image(B, (), TEN), Image(A, ("v1", "x"), NINE))


def test_image_is_looked_up_by_its_tag_in_the_registrys_own_account(script: Scripts):
    aws = script("ecr")
    aws.answer(
        "describe_images", {**WHERE, "imageIds": [{"imageTag": "v1"}]}, {"imageDetails": [detail(A, NINE, "v1")]}
    )
    assert ecr.describe_image(aws.client, CORE, "v1") == Image(A, ("v1",), NINE)


def test_tag_that_no_image_has_is_none(script: Scripts):
    aws = script("ecr")
    aws.fail("describe_images", "ImageNotFoundException")
    assert ecr.describe_image(aws.client, CORE, "v1") is None


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("describe_images", lambda client: ecr.list_images(client, CORE)),
        ("describe_images", lambda client: ecr.describe_image(client, CORE, "v1")),
        ("describe_image_scan_findings", lambda client: ecr.describe_scan(client, CORE, SINGLE)),
        ("batch_get_image", lambda client: ecr.tag_image(client, CORE, A, "v1").make()),
    ],
)
def test_repository_that_is_not_there_is_refused_by_name(script: Scripts, operation: str, ask: Callable[[Any], Any]):
    aws = script("ecr")
    aws.fail(operation, "RepositoryNotFoundException")
    with pytest.raises(PreconditionError) as caught:
        ask(aws.client)
    assert str(caught.value) == (
        "There is no image repository core in registry 111111111110 and region eu-west-2; correct registry in the inventory, "
        "or create the repository."
    )


def scan_page(*findings: dict[str, Any], key: str = "findings", **more: Any) -> dict[str, Any]:
    counts = {"CRITICAL": 1, "LOW": 1}
    return {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {key: list(findings), "findingSeverityCounts": counts},
        **more,
    }


def test_findings_of_all_pages_are_read_with_their_package(script: Scripts):
    aws = script("ecr")
    asked = {**WHERE, "imageId": {"imageDigest": A}, "maxResults": 1000}
    package = [{"key": "package_version", "value": "3.0"}, {"key": "package_name", "value": "openssl"}]
    first = {"name": "CVE-1", "severity": "CRITICAL", "attributes": package}
    aws.answer("describe_image_scan_findings", asked, scan_page(first, nextToken="more"))
    last = scan_page({"name": "CVE-2", "severity": "LOW"})
    aws.answer("describe_image_scan_findings", {**asked, "nextToken": "more"}, last)
    assert ecr.describe_scan(aws.client, CORE, SINGLE) == Scan(
        "COMPLETE", (Finding("CVE-1", "CRITICAL", "openssl"), Finding("CVE-2", "LOW")), "", {"CRITICAL": 1, "LOW": 1}
    )


def test_findings_of_enhanced_scanning_are_read_by_their_other_names(script: Scripts):
    aws = script("ecr")
    asked = {**WHERE, "imageId": {"imageDigest": A}, "maxResults": 1000}
    details = {"vulnerabilityId": "CVE-3", "vulnerablePackages": [{"name": "rack"}, {"name": "rails"}]}
    found = {"severity": "HIGH", "title": "CVE-3 - rack", "packageVulnerabilityDetails": details}
    page = scan_page(found, key="enhancedFindings")
    aws.answer("describe_image_scan_findings", asked, {**page, "imageScanStatus": {"status": "ACTIVE"}})
    scan = ecr.describe_scan(aws.client, CORE, SINGLE)
    assert (scan.status, scan.findings) == ("ACTIVE", (Finding("CVE-3", "HIGH", "rack"),))


def test_scan_that_failed_says_why(script: Scripts):
    aws = script("ecr")
    status = {"status": "FAILED", "description": "UnsupportedImageError"}
    asked = {**WHERE, "imageId": {"imageDigest": A}, "maxResults": 1000}
    aws.answer("describe_image_scan_findings", asked, {"imageScanStatus": status})
    assert ecr.describe_scan(aws.client, CORE, SINGLE) == Scan("FAILED", (), "UnsupportedImageError", {})


def test_image_that_was_never_scanned_has_an_empty_scan(script: Scripts):
    aws = script("ecr")
    aws.fail("describe_image_scan_findings", "ScanNotFoundException")
    assert ecr.describe_scan(aws.client, CORE, SINGLE) == Scan("")


def test_scan_of_an_image_that_is_gone_is_refused(script: Scripts):
    aws = script("ecr")
    aws.fail("describe_image_scan_findings", "ImageNotFoundException")
    with pytest.raises(PreconditionError, match=f"^Repository core of registry 111111111110 has no image {A}"):
        ecr.describe_scan(aws.client, CORE, SINGLE)


def scans_of_index(script: Scripts, *pages: dict[str, Any] | str, index: dict[str, Any] = INDEX) -> Script:
    aws = script("ecr")
    image = {"imageId": {"imageDigest": A}, "imageManifest": json.dumps(index), "imageManifestMediaType": INDEX_TYPE}
    aws.answer("batch_get_image", MANIFEST_OF_A, {"images": [image]})
    for digest, page in zip((AMD, ARM), pages, strict=True):
        if isinstance(page, str):
            aws.fail("describe_image_scan_findings", page)
        else:
            asked = {**WHERE, "imageId": {"imageDigest": digest}, "maxResults": 1000}
            aws.answer("describe_image_scan_findings", asked, page)
    return aws


def test_scan_of_an_index_is_that_of_its_platforms_and_not_of_its_attestations(script: Scripts):
    one = scan_page({"name": "CVE-1", "severity": "CRITICAL"})
    aws = scans_of_index(script, one, scan_page({"name": "CVE-2", "severity": "LOW"}))
    found = ecr.describe_scan(aws.client, CORE, Image(A, (), NINE, INDEX_TYPE))
    assert found == Scan(
        "COMPLETE", (Finding("CVE-1", "CRITICAL"), Finding("CVE-2", "LOW")), "", {"CRITICAL": 2, "LOW": 2}
    )


def test_platform_without_a_finished_scan_decides(script: Scripts):
    aws = scans_of_index(script, scan_page(), "ScanNotFoundException")
    found = ecr.describe_scan(aws.client, CORE, Image(A, (), NINE, INDEX_TYPE))
    assert (found.status, found.reason) == ("", "platform linux/arm64/v8")


def test_index_without_an_image_is_refused(script: Scripts):
    aws = script("ecr")
    manifest = json.dumps({"manifests": INDEX["manifests"][2:]})
    empty = {"imageId": {"imageDigest": A}, "imageManifest": manifest, "imageManifestMediaType": INDEX_TYPE}
    aws.answer("batch_get_image", MANIFEST_OF_A, {"images": [empty]})
    with pytest.raises(PreconditionError, match="an index without any platform's image"):
        ecr.describe_scan(aws.client, CORE, Image(A, (), NINE, INDEX_TYPE))


def tagging(script: Scripts) -> Script:
    aws = script("ecr")
    aws.answer("batch_get_image", MANIFEST_OF_A, {"images": [MANIFEST]})
    return aws


def test_tag_is_put_on_the_very_digest(script: Scripts):
    aws = tagging(script)
    put = {"imageManifest": "{}", "imageManifestMediaType": "application/oci", "imageTag": "v1", "imageDigest": A}
    aws.answer("put_image", {**WHERE, **put}, {"image": MANIFEST})
    ecr.tag_image(aws.client, CORE, A, "v1").make()


def test_tag_that_the_image_has_already_is_no_failure(script: Scripts):
    aws = tagging(script)
    aws.fail("put_image", "ImageAlreadyExistsException")
    ecr.tag_image(aws.client, CORE, A, "v1").make()


def test_tag_of_another_image_is_refused_naming_both(script: Scripts):
    aws = tagging(script)
    aws.fail("put_image", "ImageTagAlreadyExistsException")
    aws.answer(
        "describe_images", {**WHERE, "imageIds": [{"imageTag": "v1"}]}, {"imageDetails": [detail(B, NINE, "v1")]}
    )
    with pytest.raises(PreconditionError) as caught:
        ecr.tag_image(aws.client, CORE, A, "v1").make()
    assert str(caught.value) == (
        f"Tag v1 is on image {B} of repository core, not on {A}, and its tags are immutable; start a new run, which makes a "
        "new tag."
    )


def test_tag_said_to_be_taken_by_the_same_image_is_no_failure(script: Scripts):
    aws = tagging(script)
    aws.fail("put_image", "ImageTagAlreadyExistsException")
    aws.answer(
        "describe_images", {**WHERE, "imageIds": [{"imageTag": "v1"}]}, {"imageDetails": [detail(A, NINE, "v1")]}
    )
    ecr.tag_image(aws.client, CORE, A, "v1").make()


def test_image_that_is_gone_cannot_be_tagged(script: Scripts):
    aws = script("ecr")
    asked = MANIFEST_OF_A
    failure = {"imageId": {"imageDigest": A}, "failureCode": "ImageNotFound"}
    aws.answer("batch_get_image", asked, {"images": [], "failures": [failure]})
    with pytest.raises(PreconditionError, match=f"has no image {A} \\(any more\\); push it again"):
        ecr.tag_image(aws.client, CORE, A, "v1").make()


def test_other_refusals_of_ecr_are_handed_on(script: Scripts):
    aws = tagging(script)
    aws.fail("put_image", "LayersNotFoundException")
    with pytest.raises(ClientError, match="LayersNotFoundException"):
        ecr.tag_image(aws.client, CORE, A, "v1").make()


def test_image_is_named_by_tag_or_by_digest():
    assert ecr.image_uri(CORE, "v1") == "111111111110.dkr.ecr.eu-west-2.amazonaws.com/core:v1"
    assert ecr.image_uri(CORE, A) == f"111111111110.dkr.ecr.eu-west-2.amazonaws.com/core@{A}"
