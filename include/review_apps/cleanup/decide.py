"""What a clean-up does about each review app: a decision from five lists, what is on record, and the time. It asks nobody anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from include.inventory.templates import NUMBER
from include.review_apps.cleanup.model import Cluster, Decision, Found, Gone, Note, OpenPull, Settings
from include.review_apps.cleanup.names import Naming, number_of_image

WORKSPACE, CLUSTER, DATABASE, IMAGES = "workspace", "cluster", "database", "images"
REMOVING, STARTED = "tear_down", ("tear_down", "deploy")
CLOSED, UNLABELLED, EXPIRED, VANISHED, MISSING, PARTIAL, ASLEEP, NO_IMAGE = (
    "closed", "unlabelled", "expired", "vanished", "missing", "partial", "asleep", "no image"
)  # fmt: skip
NEW = Note()
LATE = "its pull request changed a moment ago; the event may still come"


@dataclass(frozen=True)
class Apps:
    """What the lists have of each app by its number, and what only looks like an app. `barred` must not be touched, and why."""

    parts: Mapping[int, frozenset[str]]
    clusters: Mapping[int, Cluster]
    barred: Mapping[int, str]
    alike: tuple[Decision, ...]


def read_apps(found: Found, settings: Settings) -> Apps:
    """Assign everything on the lists to apps: by its name, and a cluster by its account and tags, too."""
    parts: dict[int, set[str]] = {}
    clusters: dict[int, Cluster] = {}
    barred: dict[int, str] = {}
    alike: list[Decision] = []

    def names(kind: str, text: str, given: tuple[str, ...]) -> None:
        naming = Naming(text, settings.pattern)
        for name in given if naming.is_by_app else ():
            if (number := naming.number(name)) is not None:
                parts.setdefault(number, set()).add(kind)
            elif naming.looks_alike(name):
                alike.append(Decision(f"{kind} {name}", "left_alone", f"its name does not fit {naming.of(NUMBER)}"))

    names(WORKSPACE, settings.workspace, found.workspaces.items)
    names(DATABASE, settings.database, found.databases.items)
    for tag in found.images.items:
        if (number := number_of_image(tag, settings.image)) is not None:
            parts.setdefault(number, set()).add(IMAGES)
    naming = Naming(settings.cluster, settings.pattern)
    for cluster in found.clusters.items:
        number = naming.number(cluster.name)
        if number is None:
            if naming.looks_alike(cluster.name):
                why = f"its name does not fit {naming.of(NUMBER)}"
                alike.append(Decision(f"{CLUSTER} {cluster.name}", "left_alone", why))
        elif why := _is_not_ours(cluster, number, settings):
            barred[number] = why
        else:
            parts.setdefault(number, set()).add(CLUSTER)
            clusters[number] = cluster
    return Apps({each: frozenset(had) for each, had in parts.items()}, clusters, barred, tuple(alike))


def numbers_to_ask(found: Found, settings: Settings) -> tuple[int, ...]:
    """Return the numbers of apps without an open pull request, about which GitHub is to be asked one by one."""
    if found.pulls.unknown:
        return ()
    apps, pulls = read_apps(found, settings), {each.number for each in found.pulls.items}
    return tuple(sorted(set(apps.parts) - pulls - set(apps.barred)))


def decide(
    found: Found, gone: Mapping[int, Gone], notes: Mapping[int, Note], settings: Settings, now: datetime
) -> tuple[Decision, ...]:
    """Return the decisions by the numbers of apps, then the look-alikes. A warned app may sleep as well, so it has two.

    `gone` is what GitHub answers about apps without an open pull request.
    """
    apps = read_apps(found, settings)
    pulls = {each.number: each for each in found.pulls.items}
    wanted = {pull.number for pull in pulls.values() if is_asked_for(pull, settings)}
    decisions: list[Decision] = []
    for number in sorted({*apps.parts, *wanted, *apps.barred}):
        note = notes.get(number, NEW)
        if number in apps.barred:
            taken = [_of(number, settings, "left_alone", apps.barred[number])]
        elif found.pulls.unknown:
            taken = [_of(number, settings, "nothing", found.pulls.unknown)]
        elif number not in pulls:
            taken = [_without_pull(number, gone.get(number), note, settings, now)]
        else:
            parts = apps.parts.get(number, frozenset())
            taken = _with_pull(pulls[number], parts, apps.clusters.get(number), note, settings, now)
        decisions += [_held_back(each, found) for each in taken]
    return (*decisions, *apps.alike)


def is_asked_for(pull: OpenPull, settings: Settings) -> bool:
    """Tell whether a pull request is to have an app."""
    return settings.label is None or settings.label in pull.labels


def end_of(active: datetime, note: Note, settings: Settings) -> datetime:
    """Return when the time of an app is over."""
    end = active + settings.lives
    return max(end, note.until) if note.until else end


def take(decisions: tuple[Decision, ...], in_progress: int, settings: Settings) -> tuple[Decision, ...]:
    """Hold back the teardowns and deployments above the limit: teardowns go first, which give room back."""
    room = max(0, settings.at_once - in_progress)
    waiting = sorted(
        (decision for decision in decisions if decision.kind in STARTED), key=lambda each: each.kind != REMOVING
    )
    why = f"{settings.at_once} at once at the most; the next clean-up goes on"
    held = {id(each) for each in waiting[room:]}
    return tuple(
        replace(decision, kind="held", why=f"{decision.why}; {why}") if id(decision) in held else decision
        for decision in decisions
    )


def _is_not_ours(cluster: Cluster, number: int, settings: Settings) -> str:
    if cluster.account != settings.account:
        return f"its cluster {cluster.name} is in account {cluster.account}, and review apps are in {settings.account}"
    for key, text in settings.tags.items():
        expected, given = Naming(text, settings.pattern).of(str(number)), cluster.tags.get(key)
        if given != expected:
            said = f"has the tag {key} = {given!r}" if given is not None else f"lacks the tag {key}"
            return f"its cluster {cluster.name} {said}, and a review app's has {expected!r}"
    return ""


def _held_back(decision: Decision, found: Found) -> Decision:
    """Hold a teardown or deployment back while a list is not known: nothing is missing from it, and nothing else is left over."""
    if decision.kind not in STARTED or not found.unknown:
        return decision
    if decision.kind == "deploy":
        return replace(decision, kind="nothing", mends=False, why="whether all of it is there is not known")
    return replace(decision, kind="held", mends=False, why=f"{decision.why}; but a list is not known")


def _of(
    number: int,
    settings: Settings,
    kind: str,
    why: str,
    cause: str = "",
    *,
    mends: bool = False,
    end: datetime | None = None,
) -> Decision:
    return Decision(settings.pattern.replace(NUMBER, str(number)), kind, why, number, cause, mends, end)


def _without_pull(number: int, gone: Gone | None, note: Note, settings: Settings, now: datetime) -> Decision:
    if gone is None:
        return _of(number, settings, "held", "GitHub has not said yet what became of its pull request")
    if gone.state == "open":
        return _of(number, settings, "nothing", "its pull request was opened again a moment ago")
    if gone.state == "moved":
        return _of(number, settings, "left_alone", f"pull request {number} is in another repository by now")
    if gone.state == "none":
        if note.active is None:
            return _of(number, settings, "left_alone", f"GitHub shows no pull request {number}, and none is on record")
        if now < end_of(note.active, note, settings):
            why = (
                f"GitHub shows pull request {number} no longer, as after its author was suspended; its time is not over"
            )
            return _of(number, settings, "left_alone", why)
        return _of(
            number,
            settings,
            REMOVING,
            f"GitHub shows pull request {number} no longer, and its time is over",
            VANISHED,
            mends=True,
        )
    if gone.at is not None and now - gone.at < settings.settles:
        return _of(number, settings, "nothing", "its pull request was closed a moment ago; the event may still come")
    why = f"its pull request {number} is closed"
    return _of(number, settings, REMOVING, why, CLOSED, mends=True, end=gone.at)


def _with_pull(
    pull: OpenPull, parts: frozenset[str], cluster: Cluster | None, note: Note, settings: Settings, now: datetime
) -> list[Decision]:
    number, settled = pull.number, now - pull.updated >= settings.settles
    if not is_asked_for(pull, settings):
        if not settled:
            return [_of(number, settings, "nothing", LATE)]
        why = f"its pull request {number} has no label {settings.label}"
        return [replace(_of(number, settings, REMOVING, why, UNLABELLED, mends=True), sha=pull.sha)]
    active = note.active or pull.updated
    kept, end = bool(settings.keep & pull.labels), end_of(active, note, settings)
    if not parts & {WORKSPACE, CLUSTER, DATABASE}:
        return [replace(_missing(pull, note, settings, settled=settled, over=now >= end and not kept), sha=pull.sha)]
    by_time = None if kept else _by_time(number, end, note, settings, now)
    if by_time is not None and by_time.kind != "warn":
        return [by_time]
    lacking = _lacking(parts, settings)
    if lacking and settled and note.down is None:
        why = f"it has no {lacking}, though pull request {number} is to have an app"
        by_use = replace(_of(number, settings, "deploy", why, PARTIAL), sha=pull.sha)
    else:
        by_use = _by_use(pull, cluster, active, note, settings, now, has_image=IMAGES in parts)
    if by_time is None:
        return [by_use]
    return [by_time] if by_use.kind == "nothing" else [by_time, by_use]


def _missing(pull: OpenPull, note: Note, settings: Settings, *, settled: bool, over: bool) -> Decision:
    number = pull.number
    if note.down is not None and note.sha == pull.sha:
        return _of(number, settings, "nothing", "it was torn down; a push or /deploy brings it back")
    if over:
        return _of(number, settings, "nothing", "its time is over; a push or /deploy brings it back")
    if not pull.own:
        return _of(number, settings, "nothing", "its branch is in a fork, or its fork is gone, so people decide on it")
    if not settled:
        return _of(number, settings, "nothing", LATE)
    return _of(
        number, settings, "deploy", f"pull request {number} is to have an app, and has none", MISSING, mends=True
    )


def _lacking(parts: frozenset[str], settings: Settings) -> str:
    texts = {WORKSPACE: settings.workspace, CLUSTER: settings.cluster, DATABASE: settings.database}
    by_app = [kind for kind, text in texts.items() if Naming(text, settings.pattern).is_by_app]
    return " and no ".join(kind for kind in by_app if kind not in parts)


def _by_time(number: int, end: datetime, note: Note, settings: Settings, now: datetime) -> Decision | None:
    """Return the warning that is due, or the end of an app's time, which comes only after the last warning was out as long as it says."""
    due = [lead for lead in settings.warnings if now >= end - lead]
    if not due:
        return _expired(number, end, settings) if now >= end else None
    lead = min(due)
    spoken_of, given = note.warned.get(int(lead.total_seconds()), (None, None))
    if spoken_of != end or given is None:
        over = max(end, now + lead) if lead == min(settings.warnings) else end
        decision = _of(number, settings, "warn", f"its time is over on {_day(over)}")
        return replace(decision, end=end, lead=lead)
    if now < end:
        return None
    if now - given < lead:
        return _of(number, settings, "nothing", f"its time is over; people were warned on {_day(given)}")
    return _expired(number, end, settings)


def _expired(number: int, end: datetime, settings: Settings) -> Decision:
    return _of(number, settings, REMOVING, f"its time was over on {_day(end)}", EXPIRED, end=end)


def _by_use(
    pull: OpenPull,
    cluster: Cluster | None,
    active: datetime,
    note: Note,
    settings: Settings,
    now: datetime,
    *,
    has_image: bool,
) -> Decision:
    number = pull.number
    working = settings.hours is not None and settings.hours.contain(now)
    running = cluster is not None and cluster.running > 0
    idle = settings.sleeps_after is not None and not working and now - active >= settings.sleeps_after
    if cluster is not None and note.asleep is not None and not running:
        if active > note.asleep and not idle and (note.sent is None or active > note.sent):
            if has_image:
                return _of(number, settings, "wake", "its pull request is in use again")
            why = "its pull request is in use again, and its image has expired, so that it is built anew"
            return replace(_of(number, settings, "deploy", why, NO_IMAGE, end=note.asleep), sha=pull.sha)
        if working and note.sent is None and has_image:
            return _of(number, settings, "wake", "it is within working hours")
        until = "" if has_image else ", and its image has expired: it is built anew once somebody uses it"
        return _of(number, settings, "nothing", f"it sleeps since {_day(note.asleep)}{until}", ASLEEP)
    if running and note.sent is not None and note.sent >= active:
        return _of(number, settings, "sleep", "somebody sent it to sleep")
    if running and idle:
        return _of(number, settings, "sleep", f"nobody has used it for {_long(now - active)}")
    return _of(number, settings, "nothing", "it is as it should be")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _long(time: timedelta) -> str:
    hours = int(time.total_seconds() // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
