"""The pages that a plan's texts lead to."""

from typing import Any

from include.run.plan.links import Places, find_links, linked

COMMIT, IMAGE = "1a2b3c4d5e6f" + "0" * 28, "sha256:" + "ab" * 32
PLACES = Places(
    airflow="https://airflow",
    github="https://github.com/example-housing/core",
    jira="https://jira",
    jira_project="CLDC",
    registry="https://console/repo/_/image",
    region="eu-west-2",
)
RELEASE: dict[str, Any] = {
    "commit": COMMIT,
    "previous": "v0.6.14",
    "image": IMAGE,
    "proved_by": "staging_deployment/core-staging_2026-11-27T08:00:00Z_1a2b",
}


def shown(text: str, plan: dict[str, Any] = RELEASE, places: Places = PLACES) -> str:
    return linked(text, find_links(plan, places), lambda part: part.upper(), lambda url, label: f"<{url}|{label}>")


def test_commit_compare_view_tickets_image_and_proof_are_links():
    assert shown(f"at {COMMIT[:12]}.") == f"AT <https://github.com/example-housing/core/commit/{COMMIT}|1A2B3C4D5E6F>."
    assert shown("2 commits since v0.6.14, 1 tickets: CLDC-12.") == (
        f"2 COMMITS <https://github.com/example-housing/core/compare/v0.6.14...{COMMIT}|SINCE V0.6.14>, 1 TICKETS: "
        "<https://jira/browse/CLDC-12|CLDC-12>."
    )
    assert shown(f"Image {IMAGE[:19]}, proved by {RELEASE['proved_by']}; fine") == (
        f"IMAGE <https://console/repo/_/image/{IMAGE}/details?region=eu-west-2|{IMAGE[:19].upper()}>, PROVED BY "
        "<https://airflow/dags/staging_deployment/runs/core-staging_2026-11-27T08%3A00%3A00Z_1a2b/plugin/summary|"
        "STAGING_DEPLOYMENT/CORE-STAGING_2026-11-27T08:00:00Z_1A2B>; FINE"
    )


def test_listed_commits_are_links_and_words_that_look_like_one_are_not():
    commit = "https://github.com/example-housing/core/commit"
    assert shown("fedcba9 Add a page") == f"<{commit}/fedcba9|FEDCBA9> ADD A PAGE"
    assert shown("takes away: aaaaaaa One; bbbbbbb Two") == (
        f"TAKES AWAY: <{commit}/aaaaaaa|AAAAAAA> ONE; <{commit}/bbbbbbb|BBBBBBB> TWO"
    )
    assert shown("the defaced wall") == "THE DEFACED WALL"
    assert shown("since v0.6.141") == "SINCE V0.6.141"


def test_place_that_is_not_known_is_not_linked():
    assert find_links(RELEASE, Places()) == []
    assert shown("fedcba9 CLDC-1 Add", places=Places()) == "FEDCBA9 CLDC-1 ADD"


def test_spaces_around_a_link_stay():
    assert shown("a CLDC-1 b CLDC-2") == "A <https://jira/browse/CLDC-1|CLDC-1> B <https://jira/browse/CLDC-2|CLDC-2>"
