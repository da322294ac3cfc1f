"""Exactly the commit's image, its proof, its scan, its tag, and whether the previous image is kept."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.aws.ecr import Finding, Image, Scan
from include.errors import PreconditionError, RolloutFailedError
from include.releases.image.rules import (
    commit_tag,
    ensure_digests,
    find_tagged,
    judge_scan,
    must_tag,
    readable_tag,
    require_attestation,
    require_image,
    require_survivor,
    survives,
)
from include.run.image_attestations import Attestation

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
KEEP = {"production-": 3, "staging-": 10}


def image(letter: str, *tags: str, days: float = 0) -> Image:
    return Image(f"sha256:{letter * 64}", tags, NOON - timedelta(days=days))


RELEASED = [image(letter, f"production-v1.0.{n}-2026", days=9 - n) for n, letter in enumerate("abc")]


def test_commit_is_given_whole():
    assert commit_tag(COMMIT) == COMMIT
    assert commit_tag(COMMIT, 7) == "0123456"
    for wrong in ("main", COMMIT[:7], COMMIT.upper(), COMMIT + "\n", f" {COMMIT}", "", "g" * 40):
        with pytest.raises(PreconditionError, match="is no commit; give all 40 characters"):
            commit_tag(wrong)


@pytest.mark.parametrize("tag", [f"production-{COMMIT}", f"{COMMIT}-amd64", COMMIT[:39], COMMIT[:7], "latest"])
def test_tag_that_merely_contains_the_commit_is_another_image(tag: str):
    assert find_tagged(COMMIT, [image("a", tag)]) is None


def test_image_of_exactly_the_commit_is_found():
    assert (
        require_image(COMMIT, 40, [image("a", f"x-{COMMIT}"), image("b", COMMIT)], "core").digest == image("b").digest
    )
    assert require_image(COMMIT, 7, [image("a", COMMIT[:7])], "core").digest == image("a").digest


def test_missing_image_is_refused_and_what_looks_like_it_is_named():
    with pytest.raises(PreconditionError) as caught:
        require_image(COMMIT, 40, [image("a", f"x-{COMMIT}")], "core")
    assert str(caught.value) == (
        f"Repository core has no image tagged {COMMIT} (x-{COMMIT} is another image: the tag must be the commit and nothing "
        "else), so staging has not deployed this commit; deploy it there first, production never builds and nothing was "
        "changed."
    )
    with pytest.raises(PreconditionError, match=rf"^Repository core has no image tagged {COMMIT}, so staging"):
        require_image(COMMIT, 40, [image("a", "latest")], "core")


def proof(**different: object) -> Attestation:
    facts = {"digest": image("b").digest, "commit": COMMIT, "target": "core/staging", "run": "r", "at": NOON}
    return Attestation(**{**facts, **different})  # type: ignore[arg-type]


def test_digest_that_staging_proved_is_let_through():
    assert require_attestation(image("b"), COMMIT, proof(), "core/staging") == proof()


@pytest.mark.parametrize(
    ("given_proof", "sentence"),
    [
        (None, "No staging deployment of image sha256:bbbbbbbbbbbb"),
        (
            proof(digest=image("c").digest),
            "core/staging has proved image sha256:cccccccccccc, but commit 0123456789ab has",
        ),
        (proof(target="core/development"), "core/development has proved image sha256:bbbbbbbbbbbb, but"),
        (proof(commit="f" * 40), "core/staging has proved image sha256:bbbbbbbbbbbb as commit ffffffffffff, not 0123"),
    ],
)
def test_anything_staging_has_not_proved_is_refused(given_proof: Attestation | None, sentence: str):
    with pytest.raises(PreconditionError, match=rf"^{sentence}"):
        require_attestation(image("b"), COMMIT, given_proof, "core/staging")


CRITICAL, HIGH = Finding("CVE-2026-1", "CRITICAL", "openssl"), Finding("CVE-2026-2", "HIGH", "curl")


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS"])
def test_scan_at_work_is_waited_for(status: str):
    assert judge_scan(image("a"), Scan(status)).wait


@pytest.mark.parametrize(
    "status",
    ["", "FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "FINDINGS_UNAVAILABLE", "LIMIT_EXCEEDED", "NEW"],
)
def test_scan_that_did_not_end_is_no_clean_one(status: str):
    with pytest.raises(PreconditionError, match=f"has no finished scan \\({status or 'never scanned'}"):
        judge_scan(image("a"), Scan(status))


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
def test_critical_finding_is_refused_by_name(status: str):
    with pytest.raises(
        PreconditionError, match=r"has 1 CRITICAL findings \(CVE-2026-1 in openssl\); fix them and build again"
    ):
        judge_scan(image("a"), Scan(status, (CRITICAL, HIGH)))


def test_critical_findings_that_are_only_counted_are_refused_as_well():
    with pytest.raises(PreconditionError, match=r"has 2 CRITICAL findings \(not listed by ECR\)"):
        judge_scan(image("a"), Scan("COMPLETE", (HIGH,), counts={"CRITICAL": 2, "HIGH": 1}))


def test_finding_accepted_by_name_is_let_by_and_shown():
    verdict = judge_scan(image("a"), Scan("COMPLETE", (CRITICAL, HIGH)), accepted=["CVE-2026-1"])
    assert verdict.wait is False
    assert verdict.text == "scan complete: 1 critical, 1 high; accepted: CVE-2026-1"


def test_policy_may_refuse_more_than_critical():
    with pytest.raises(PreconditionError, match=r"has 1 CRITICAL or HIGH findings \(CVE-2026-2 in curl\)"):
        judge_scan(image("a"), Scan("COMPLETE", (HIGH,)), refused=("CRITICAL", "HIGH"))


def test_clean_scan_says_so():
    assert judge_scan(image("a"), Scan("COMPLETE")).text == "scan complete: no findings"


def test_readable_tag_names_environment_version_and_time_in_utc():
    summer = datetime(2026, 7, 1, 13, 5, 9, tzinfo=timezone(timedelta(hours=1)))
    assert readable_tag("production", "v0.6.15", summer) == "production-v0.6.15-20260701120509"
    assert readable_tag("staging", None, NOON) == "staging-20261118120000"


@pytest.mark.parametrize("version", ["", " "])
def test_empty_version_is_refused_rather_than_tagged_with_two_dashes(version: str):
    with pytest.raises(PreconditionError, match="has no version, so its image would be tagged production--"):
        readable_tag("production", version, NOON)


@pytest.mark.parametrize("version", ["v1/2", "v" + "1" * 128, "v1\n"])
def test_version_no_tag_can_hold_is_refused(version: str):
    with pytest.raises(PreconditionError, match="is no tag that ECR takes"):
        readable_tag("production", version, NOON)


def test_tag_is_put_once_and_never_taken_from_another_image():
    assert must_tag(image("b"), "production-v1", [image("b", COMMIT)])
    assert not must_tag(image("b"), "production-v1", [image("b", COMMIT, "production-v1")])
    with pytest.raises(
        PreconditionError, match=r"^Tag production-v1 is on image sha256:aaaaaaaaaaaa, not on sha256:bbbb"
    ):
        must_tag(image("b"), "production-v1", [image("a", "production-v1"), image("b")])


def test_image_before_survives_while_it_is_among_the_newest_with_the_new_one_counted():
    images = [*RELEASED, image("n", COMMIT)]
    new = "production-v1.0.3-2026"
    assert [survives(each.digest, images, KEEP, new, image("n").digest) for each in RELEASED] == [False, True, True]


def test_image_that_is_gone_does_not_survive():
    assert not survives(image("z").digest, RELEASED, KEEP, "production-v2", image("n").digest)


def test_image_known_by_no_kept_prefix_is_not_expired():
    assert survives(image("n").digest, [image("n", COMMIT, days=400)], KEEP, "production-v2", image("a").digest)


def test_first_rule_an_image_falls_under_decides():
    old = image("d", "staging-1", "production-v0", days=99)
    assert not survives(old.digest, [*RELEASED, old], KEEP, "production-v2", image("n").digest)
    assert survives(
        old.digest, [*RELEASED, old], {"staging-": 10, "production-": 3}, "production-v2", image("n").digest
    )


def test_releasing_the_image_that_runs_already_costs_no_place():
    assert survives(RELEASED[0].digest, RELEASED, KEEP, "production-v2", RELEASED[0].digest)


def test_release_without_a_way_back_is_refused():
    with pytest.raises(
        PreconditionError, match=r"^The image sha256:aaaaaaaaaaaa that app runs now would expire with this"
    ):
        require_survivor(RELEASED[0].digest, RELEASED, KEEP, "production-v2", image("n").digest, "app")
    with pytest.raises(
        PreconditionError, match=r"^The image sha256:zzzzzzzzzzzz that app runs now is not in the registry"
    ):
        require_survivor(image("z").digest, RELEASED, KEEP, "production-v2", image("n").digest, "app")
    kept = require_survivor(RELEASED[2].digest, RELEASED, KEEP, "production-v2", image("n").digest, "app")
    assert kept == RELEASED[2]


@given(st.integers(1, 6), st.lists(st.integers(0, 1000), min_size=1, max_size=12, unique=True))
def test_image_said_to_survive_is_among_what_ecr_keeps_wherever_it_counts_the_new_one(number: int, ages: list[int]):
    images = [Image(f"sha256:{n:064x}", (f"production-{n}",), NOON - timedelta(days=age)) for n, age in enumerate(ages)]
    new = Image(f"sha256:{99:064x}", ("production-new",), NOON + timedelta(days=1))
    kept = sorted([*images, new], key=lambda each: each.pushed_at, reverse=True)[:number]
    said = {
        each.digest
        for each in images
        if survives(each.digest, images, {"production-": number}, "production-new", new.digest)
    }
    assert said == {each.digest for each in kept} - {new.digest}


def test_every_task_must_run_the_digest():
    good = {"t1": {"app": "sha256:a", "proxy": "sha256:p"}, "t2": {"app": "sha256:a"}}
    assert ensure_digests("web", "app", "sha256:a", good) == "web: 2 tasks run image sha256:a"
    with pytest.raises(RolloutFailedError, match=r"^Task t2 of web runs image sha256:b, not sha256:a"):
        ensure_digests("web", "app", "sha256:a", {**good, "t2": {"app": "sha256:b"}})
    with pytest.raises(RolloutFailedError, match=r"^Task t3 of web runs image of unknown digest"):
        ensure_digests("web", "app", "sha256:a", {**good, "t3": {}})
