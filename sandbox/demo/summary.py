"""The summary of a rehearsal: the outcome, the healthy count over time, and the manual work it replaces."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from include.inventory import Target

WIDTH = 64  # columns of a chart


@dataclass(frozen=True)
class Point:
    """How many tasks of a service were healthy and wanted, from this moment of the simulated clock on."""

    at: datetime
    healthy: int
    desired: int


def points(timeline: list[dict[str, Any]], begin: datetime, end: datetime) -> list[Point]:
    """Return the timeline between two moments, starting with what held at the first."""
    known = [Point(_time(each["at"]), each["healthy"], each["desired"]) for each in timeline]
    before = [point for point in known if point.at <= begin][-1:]
    return [Point(begin, point.healthy, point.desired) for point in before] + [p for p in known if begin < p.at <= end]


def chart(told: list[Point], end: datetime, width: int = WIDTH) -> list[str]:
    """Draw the counts over time, one row per task: █ healthy, ░ wanted but not healthy yet."""
    if not told:
        return []
    begin = told[0].at
    span = max((end - begin).total_seconds(), 1.0)
    columns = []
    for column in range(width):
        at = begin + timedelta(seconds=span * (column + 0.5) / width)
        columns.append([point for point in told if point.at <= at][-1])
    top = max(max(point.healthy, point.desired) for point in told)
    rows = []
    for level in range(top, 0, -1):
        cells = ("█" if point.healthy >= level else "░" if point.desired >= level else " " for point in columns)
        rows.append(f"{level:>3} ┤{''.join(cells)}".rstrip())
    legend = f"{span / 60:.0f} simulated minutes"
    return [*rows, f"    └{'─' * width}", f"     0{legend:>{width - 1}}"]


def by_hand(target: Target) -> list[str]:
    """Say what the written procedure asks of a person, worked out from the inventory."""
    restart = target.environment.restart
    if restart is None:
        return []
    services = [target.environment.service(name) for name in restart.services]
    minutes = sum(service.boot.total_seconds() for service in services) / 60
    surged = [service for service in services if service.name in restart.surged]
    # group up, count up, one stop per old task, count down: DistrictBuilder's deployment notes, "Restart services"
    actions = sum(3 + service.tasks for service in surged) + len(services) - len(surged)
    ways = ["raise the group, raise the count, stop each old task, put the count back"] if surged else []
    ways += ["force a new deployment of each service"] if len(surged) < len(services) else []
    how = "; ".join(ways)
    return [
        f"{actions} changes in the AWS console: {how}",
        f"at least {minutes:.0f} min of watching for new tasks to be healthy (the inventory's usual boot time)",
        "no plan shown beforehand, nobody else asked, no record",
    ]


@dataclass(frozen=True)
class Outcome:
    """The facts of a finished rehearsal."""

    state: str
    said: str  # by the run itself, in its note
    answers: int
    begin: datetime  # of the simulated clock
    end: datetime
    seconds: float  # by a real clock
    page: str
    broken: str = ""  # on purpose, and how often it took effect


def show(console: Console, outcome: Outcome, timelines: dict[str, list[dict[str, Any]]], procedure: list[str]) -> None:
    """Print the summary; `timelines` is by service, `procedure` what `by_hand` says."""
    console.rule("Summary", align="left")
    if outcome.state == "success":
        console.print(f"[bold green]The run succeeded.[/] {escape(outcome.said)}", soft_wrap=True)
    else:
        console.print(f"[bold red]The run failed.[/] {escape(outcome.said)}", soft_wrap=True)
    if outcome.broken:
        console.print(f"Broken on purpose: {escape(outcome.broken)}.", soft_wrap=True)
    for service, timeline in timelines.items():
        told = points(timeline, outcome.begin, outcome.end)
        if not told:
            continue
        lowest = min(point.healthy for point in told)
        console.print(
            f"\n[bold]{escape(service)}[/]  healthy tasks over time  [dim]█ healthy  ░ wanted, not healthy yet[/]",
            soft_wrap=True,
        )
        for row in chart(told, outcome.end):
            console.print(escape(row), style="cyan", no_wrap=True, crop=False, overflow="ignore")
        colour = "green" if lowest >= told[0].healthy else "red"
        console.print(f"lowest healthy: [{colour}]{lowest}[/] (before: {told[0].healthy}; now: {told[-1].healthy})")
    simulated = (outcome.end - outcome.begin).total_seconds() / 60
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_row("[bold]This run[/]", f"1 form filled in, {outcome.answers} question(s) answered")
    table.add_row("", f"{simulated:.0f} simulated minutes ({outcome.seconds:.0f} s here), with nobody watching")
    pace = simulated * 60 / outcome.seconds
    table.add_row("", f"[dim]at this speed a second of Airflow's, or of an approver's, counts as {pace:.0f} s[/]")
    for number, line in enumerate(procedure):
        table.add_row("[bold]By hand[/]" if number == 0 else "", escape(line))
    if procedure:
        table.add_row("", "[dim]AWS takes its time either way: what goes away is the person's[/]")
    console.print()
    console.print(table)
    console.print(f"\nThe run in the browser: {outcome.page}", soft_wrap=True)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
