"""What the clean-up decides about each review app."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.review_apps.cleanup.decide import decide, numbers_to_ask, take
from include.review_apps.cleanup.model import (
    Cluster,
    Found,
    Gone,
    Listing,
    Note,
    OpenPull,
    Settings,
    WorkingHours,
)

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)  # a Friday, outside working hours
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ACCOUNT = "555555555553"
RULES = Settings(
    account=ACCOUNT,
    pattern="review-<number>",
    workspace="{number}",
    cluster="core-{name}",
    database="core-{name}",
    image="review-",
    tags={"Environment": "{name}"},
    label="review-app",
    sleeps_after=8 * HOUR,
    hours=WorkingHours(frozenset({"Mon", "Tue", "Wed", "Thu", "Fri"}), time(8), time(19), "Europe/London"),
)


def pull(number, *labels, idle=HOUR, own=True, sha="a" * 40):
    return OpenPull(number, sha, frozenset(labels or ("review-app",)), own, NOW - idle)


def cluster(number, running=2, account=ACCOUNT, name=None, tag=None):
    return Cluster(name or f"core-review-{number}", account, {"Environment": tag or f"review-{number}"}, running)


def world(pulls=(), apps=(), clusters=None, workspaces=None, databases=None, images=()):
    """The lists of pull requests and of whole apps, any of which may be given otherwise."""
    return Found(
        Listing(tuple(pulls)),
        Listing(tuple(str(app) for app in apps)) if workspaces is None else Listing(tuple(workspaces)),
        Listing(tuple(cluster(app) for app in apps)) if clusters is None else Listing(tuple(clusters)),
        Listing(tuple(f"core-review-{app}" for app in apps)) if databases is None else Listing(tuple(databases)),
        Listing(tuple(images)),
    )


def kinds(found, gone=None, notes=None, rules=RULES, now=NOW):
    return {each.app: each.kind for each in decide(found, gone or {}, notes or {}, rules, now)}


def only(found, gone=None, notes=None, rules=RULES, now=NOW):
    [decision] = decide(found, gone or {}, notes or {}, rules, now)
    return decision


def test_an_app_that_is_wanted_and_used_is_left_as_it_is():
    assert only(world([pull(12)], [12])).kind == "nothing"


def test_an_app_whose_pull_request_is_closed_goes_and_the_lost_event_is_said():
    found = only(world([], [12]), {12: Gone("closed", NOW - HOUR)})
    assert (found.kind, found.mends, found.why) == ("tear_down", True, "its pull request 12 is closed")


def test_each_part_alone_is_an_orphan():
    gone = {12: Gone("closed", NOW - HOUR)}
    for alone in (
        world(workspaces=["12"]),
        world(clusters=[cluster(12)]),
        world(databases=["core-review-12"]),
        world(images=["review-12-abcdef0"]),
    ):
        assert only(alone, gone).kind == "tear_down"


def test_an_event_that_may_still_come_is_waited_for():
    assert only(world([], [12]), {12: Gone("closed", NOW - 9 * MINUTE)}).kind == "nothing"
    assert only(world([pull(12, "bug", idle=9 * MINUTE)], [12])).kind == "nothing"
    assert only(world([pull(12, idle=9 * MINUTE)])).kind == "nothing"


def test_an_app_without_its_label_goes():
    found = only(world([pull(12, "bug")], [12]))
    assert (found.kind, found.mends) == ("tear_down", True)


def test_with_every_pull_request_opted_in_no_label_is_needed():
    assert only(world([pull(12, "bug")], [12]), rules=replace(RULES, label=None)).kind == "nothing"


def test_a_pull_request_that_should_have_an_app_gets_it_and_the_lost_event_is_said():
    found = only(world([pull(12)]))
    assert (found.kind, found.mends, found.sha) == ("deploy", True, "a" * 40)


def test_half_an_app_is_completed():
    found = only(world([pull(12)], clusters=[cluster(12)], databases=["core-review-12"]))
    assert (found.kind, found.mends, found.why) == (
        "deploy", False, "it has no workspace, though pull request 12 is to have an app"
    )  # fmt: skip


def test_what_was_torn_down_stays_down_until_somebody_pushes():
    note = Note(active=NOW - HOUR, sha="a" * 40, down=NOW - HOUR)
    assert only(world([pull(12)]), notes={12: note}).kind == "nothing"
    assert only(world([pull(12, sha="b" * 40)]), notes={12: note}).kind == "deploy"
    assert only(world([pull(12, idle=31 * DAY)])).kind == "nothing"


def test_a_fork_is_never_deployed_by_the_clean_up_and_its_app_lives_on_without_the_fork():
    assert only(world([pull(12, own=False)])).kind == "nothing"
    assert only(world([pull(12, own=False)], [12])).kind == "nothing"


@pytest.mark.parametrize(
    ("idle", "kind", "lead"),
    [
        (29 * DAY - MINUTE, "sleep", None),
        (29 * DAY, "warn", DAY),
        (30 * DAY - HOUR, "warn", HOUR),
        (40 * DAY, "warn", HOUR),
    ],
)
def test_people_are_warned_a_day_and_an_hour_before_the_end(idle, kind, lead):
    found, *_ = decide(world([pull(12)], [12]), {}, {12: Note(active=NOW - idle)}, RULES, NOW)
    assert (found.kind, found.lead) == (kind, lead)


def test_a_warned_app_may_sleep_as_well():
    decisions = decide(world([pull(12)], [12]), {}, {12: Note(active=NOW - 29 * DAY)}, RULES, NOW)
    assert [decision.kind for decision in decisions] == ["warn", "sleep"]


def test_an_app_goes_only_once_its_last_warning_was_out_for_an_hour():
    end = NOW - MINUTE
    early, late = ({3600: (end, NOW - age)} for age in (59 * MINUTE, 61 * MINUTE))
    active = end - 30 * DAY
    assert only(world([pull(12)], [12]), notes={12: Note(active=active, warned=early)}).kind == "nothing"
    found = only(world([pull(12)], [12]), notes={12: Note(active=active, warned=late)})
    assert (found.kind, found.mends) == ("tear_down", False)


def test_a_warning_of_an_earlier_end_does_not_count():
    note = Note(active=NOW - 31 * DAY, until=NOW - MINUTE, warned={3600: (NOW - DAY, NOW - DAY)})
    assert only(world([pull(12)], [12]), notes={12: note}, rules=replace(RULES, sleeps_after=None)).kind == "warn"


def test_an_extension_and_the_label_to_keep_it_hold_the_end_off():
    old = Note(active=NOW - 40 * DAY)
    extended = replace(old, until=NOW + 3 * DAY)
    awake = replace(RULES, sleeps_after=None)
    assert only(world([pull(12)], [12]), notes={12: extended}, rules=awake).kind == "nothing"
    assert only(world([pull(12, "review-app", "keep")], [12]), notes={12: old}, rules=awake).kind == "nothing"


def test_an_idle_app_sleeps_and_wakes_by_use_or_in_working_hours():
    idle, noon = {12: Note(active=NOW - 9 * HOUR)}, NOW + 9 * HOUR
    apps = world([pull(12)], [12])
    assert only(apps, notes=idle).kind == "sleep"
    assert only(apps, notes=idle, now=noon).kind == "nothing"
    asleep = world([pull(12)], [12], clusters=[cluster(12, running=0)], images=["review-12-abc"])
    slept = Note(active=NOW - 9 * HOUR, asleep=NOW - HOUR)
    assert only(asleep, notes={12: slept}).kind == "nothing"
    assert only(asleep, notes={12: slept}, now=noon).kind == "wake"
    assert only(asleep, notes={12: replace(slept, sent=NOW - HOUR)}, now=noon).kind == "nothing"
    assert only(asleep, notes={12: replace(slept, active=NOW - MINUTE)}).kind == "wake"
    assert only(asleep, notes={12: Note(active=NOW - 9 * HOUR)}, now=noon).kind == "nothing"  # somebody else's zero


def test_a_sleeping_app_whose_image_has_expired_is_built_anew_once_it_is_used():
    asleep = world([pull(12)], [12], clusters=[cluster(12, running=0)])
    slept = Note(active=NOW - 9 * HOUR, asleep=NOW - HOUR)
    found = only(asleep, notes={12: slept}, now=NOW + 9 * HOUR)  # working hours alone are no reason
    assert (found.kind, found.why) == (
        "nothing",
        "it sleeps since 2026-11-27 02:00 UTC, and its image has expired: it is built anew once somebody uses it",
    )
    found = only(asleep, notes={12: replace(slept, active=NOW - MINUTE)})
    assert (found.kind, found.mends, found.sha, found.end) == ("deploy", False, "a" * 40, NOW - HOUR)


def test_an_app_that_would_fall_asleep_at_once_is_not_woken():
    asleep = world([pull(12)], [12], clusters=[cluster(12, running=0)], images=["review-12-abc"])
    late = Note(active=NOW - 9 * HOUR, asleep=NOW - 10 * HOUR)  # no clean-up has run since
    assert only(asleep, notes={12: late}).kind == "nothing"
    again = Note(active=NOW, sent=NOW, asleep=NOW - HOUR)  # /sleep for an app that sleeps
    assert only(asleep, notes={12: again}, now=NOW + 9 * HOUR).kind == "nothing"


def test_somebody_may_send_an_app_to_sleep_at_once():
    note = Note(active=NOW - MINUTE, sent=NOW - MINUTE)
    assert only(world([pull(12)], [12]), notes={12: note}, now=NOW + 9 * HOUR).kind == "sleep"
    assert only(world([pull(12)], [12]), notes={12: replace(note, active=NOW)}, now=NOW + 9 * HOUR).kind == "nothing"


def test_working_hours_are_days_of_the_week_in_their_timezone():
    hours = RULES.hours
    assert hours.contain(datetime(2026, 11, 27, 8, 0, tzinfo=UTC))
    assert not hours.contain(datetime(2026, 11, 28, 12, 0, tzinfo=UTC))
    assert hours.contain(datetime(2026, 7, 3, 7, 30, tzinfo=UTC))  # 08:30 in London's summer


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (cluster(12, account="111111111111"), "in account 111111111111"),
        (cluster(12, tag="review-13"), "has the tag Environment = 'review-13'"),
        (Cluster("core-review-12", ACCOUNT), "lacks the tag Environment"),
    ],
)
def test_a_cluster_of_another_account_or_with_another_tag_bars_the_whole_app(given, why):
    found = only(world([], [12], clusters=[given]), {12: Gone("closed", NOW - DAY)})
    assert found.kind == "left_alone"
    assert why in found.why


@pytest.mark.parametrize(
    "name", ["core-review-012", "core-reviews-12", "core-revew-12", "core-review-12a", "Core-Review-12"]
)
def test_a_name_one_character_off_is_left_alone_and_named(name):
    assert kinds(world(clusters=[cluster(12, name=name)])) == {f"cluster {name}": "left_alone"}


def test_what_does_not_look_like_an_app_is_not_mentioned():
    found = world(clusters=[cluster(12, name="core-production")], workspaces=["default"], databases=["postgres"])
    assert kinds(found) == {}


def test_a_number_of_no_pull_request_is_left_alone_but_for_one_on_record_whose_time_is_over():
    gone = {12: Gone("none")}
    assert only(world([], [12]), gone).kind == "left_alone"
    assert only(world([], [12]), gone, {12: Note(active=NOW - DAY)}).kind == "left_alone"
    assert only(world([], [12]), gone, {12: Note(active=NOW - 31 * DAY)}).kind == "tear_down"
    assert only(world([], [12]), {12: Gone("moved")}).kind == "left_alone"


def test_what_github_was_not_asked_about_stays():
    assert only(world([], [12])).kind == "held"


@pytest.mark.parametrize("name", ["pulls", "workspaces", "clusters", "databases", "images"])
def test_a_list_that_is_not_known_is_no_empty_one(name):
    found = replace(world([pull(13)], [11, 12]), **{name: Listing(unknown="the list could not be read")})
    decisions = decide(found, {number: Gone("closed", NOW - DAY) for number in (11, 12)}, {}, RULES, NOW)
    assert {decision.kind for decision in decisions} <= {"held", "nothing"}
    assert {decision.number for decision in decisions} >= {11, 12}


def test_only_so_many_are_started_at_once_and_teardowns_first():
    found = world([pull(number) for number in (21, 22)], [11, 12, 13])
    gone = {number: Gone("closed", NOW - DAY) for number in (11, 12, 13)}
    taken = take(decide(found, gone, {}, RULES, NOW), 1, replace(RULES, at_once=4))
    assert {each.number: each.kind for each in taken} == {
        11: "tear_down", 12: "tear_down", 13: "tear_down", 21: "held", 22: "held"
    }  # fmt: skip


def test_github_is_asked_only_about_what_has_no_open_pull_request_and_may_be_touched():
    found = world([pull(11)], [11, 12], clusters=[cluster(12), cluster(13, tag="other")])
    assert numbers_to_ask(found, RULES) == (12,)


# any world, and what the decisions make of it

NUMBERS = st.integers(1, 6)
AGES = st.sampled_from([MINUTE, HOUR, 9 * HOUR, 29 * DAY, 30 * DAY, 40 * DAY])
pulls = st.builds(
    lambda number, labels, idle, own: OpenPull(number, "a" * 40, labels, own, NOW - idle),
    NUMBERS,
    st.frozensets(st.sampled_from(["review-app", "keep", "bug"])),
    AGES,
    st.booleans(),
)
clusters = st.builds(
    lambda number, running, account, wrong: Cluster(
        f"core-review-{number}", account, {"Environment": "other" if wrong else f"review-{number}"}, running
    ),
    NUMBERS,
    st.integers(0, 2),
    st.sampled_from([ACCOUNT, ACCOUNT, "111111111111"]),
    st.booleans(),
)
notes_of = st.builds(
    Note,
    active=st.none() | AGES.map(lambda age: NOW - age),
    sha=st.sampled_from(["", "a" * 40]),
    until=st.none() | AGES.map(lambda age: NOW + age),
    asleep=st.none() | AGES.map(lambda age: NOW - age),
    sent=st.none() | AGES.map(lambda age: NOW - age),
    down=st.none() | AGES.map(lambda age: NOW - age),
)
gone_of = st.builds(Gone, st.sampled_from(["closed", "none", "moved"]), AGES.map(lambda age: NOW - age))


def _unique(made, key):
    return st.lists(made, max_size=6, unique_by=key).map(tuple)


worlds = st.builds(
    lambda *lists: Found(*(Listing(each) for each in lists)),
    _unique(pulls, lambda each: each.number),
    _unique(NUMBERS.map(str) | st.just("default"), str),
    _unique(clusters, lambda each: each.name),
    _unique(NUMBERS.map("core-review-{}".format), str),
    _unique(NUMBERS.map("review-{}-abc".format), str),
)


def carried_out(found, notes, decisions, now):
    """The world and the record after the decisions were carried out."""
    notes, removed, changed = dict(notes), set(), {}
    for decision in decisions:
        note = notes.get(decision.number, Note())
        if decision.kind == "tear_down":
            removed.add(decision.number)
            sha = next((pull.sha for pull in found.pulls.items if pull.number == decision.number), "")
            notes[decision.number] = replace(note, down=now, sha=sha)
        if decision.kind == "warn":
            notes[decision.number] = replace(
                note, warned={**note.warned, int(decision.lead.total_seconds()): (decision.end, now)}
            )
        if decision.kind in ("sleep", "wake"):
            changed[decision.number] = 0 if decision.kind == "sleep" else 2
            notes[decision.number] = replace(note, asleep=now if decision.kind == "sleep" else None)
    made = {decision.number for decision in decisions if decision.kind == "deploy"}
    notes |= {number: replace(notes.get(number, Note()), active=now, asleep=None) for number in made}
    kept = lambda name: not any(name == f"core-review-{number}" for number in removed)  # noqa: E731 - a table of two names
    number = lambda name: int(name.rsplit("-", 1)[-1])  # noqa: E731
    there = {each.name for each in found.clusters.items}
    return (
        Found(
            found.pulls,
            Listing(tuple({*(e for e in found.workspaces.items if not e.isdigit() or int(e) not in removed), *map(str, made)})),
            Listing(
                (
                    *(replace(e, running=changed.get(number(e.name), e.running)) for e in found.clusters.items if kept(e.name)),
                    *(cluster(n) for n in made if f"core-review-{n}" not in there),
                )
            ),
            Listing(tuple({*filter(kept, found.databases.items), *(f"core-review-{n}" for n in made)})),
            Listing(tuple({*(e for e in found.images.items if int(e.split("-")[1]) not in removed), *(f"review-{n}-abc" for n in made)})),
        ),
        notes,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(worlds, st.dictionaries(NUMBERS, gone_of), st.dictionaries(NUMBERS, notes_of))
def test_ten_runs_change_nothing_more_than_the_first(found, gone, notes):
    rules, now = replace(RULES, at_once=100), NOW
    found, notes = carried_out(found, notes, decide(found, gone, notes, rules, now), now)
    for _ in range(10):
        again = decide(found, gone, notes, rules, now)
        assert {each.kind for each in again} <= {"nothing", "held", "left_alone"}
        found, notes = carried_out(found, notes, again, now)


@settings(max_examples=60, deadline=None)
@given(worlds, st.dictionaries(NUMBERS, gone_of), st.dictionaries(NUMBERS, notes_of))
def test_nothing_is_touched_that_does_not_match_by_pattern_tags_and_account(found, gone, notes):
    foreign = {
        int(each.name.rsplit("-", 1)[-1])
        for each in found.clusters.items
        if each.account != ACCOUNT or each.tags["Environment"] != each.name.removeprefix("core-")
    }
    for each in decide(found, gone, notes, RULES, NOW):
        if each.number in foreign:
            assert each.kind == "left_alone"


@settings(max_examples=50, deadline=None)
@given(
    worlds,
    st.dictionaries(NUMBERS, gone_of),
    st.dictionaries(NUMBERS, notes_of),
    st.sampled_from(["pulls", "workspaces", "clusters", "databases", "images"]),
)
def test_a_clean_up_that_does_not_know_a_list_deletes_nothing(found, gone, notes, name):
    found = replace(found, **{name: Listing(unknown="not read")})
    assert not {"tear_down", "deploy"} & {each.kind for each in decide(found, gone, notes, RULES, NOW)}
