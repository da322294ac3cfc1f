"""Draw docs/images/architecture.svg from the code: the phases of a run, the packages, and their imports."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from include.runbooks import pages

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
WIDTH = 1180


STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}.strong{font-weight:600}"
    ".small{font-size:11.5px;fill:#57606a}.name{font:12px ui-monospace,monospace}.room{fill:#f6f8fa;stroke:#8c959f}"
    ".chip{fill:#fff;stroke:#d0d7de}.phase{fill:#ddf4ff;stroke:#54aeff}.own{fill:#fff8c5;stroke:#d4a72c}"
    ".line{stroke:#d0d7de}.arrow,.dashed{fill:none;stroke:#57606a;stroke-width:1.5}.dashed{stroke-dasharray:5 4}"
)
HEAD = (
    '<marker id="head" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto">'
    '<path d="M0 0 L6 3 L0 6 z" fill="#57606a"/></marker>'
)


@dataclass(frozen=True)
class Phase:
    """A phase of every run. `task` matches the steps of an operator's page, and is empty if the phase is each runbook's own."""

    title: str
    says: tuple[str, ...]
    task: str = ""


PHASES = (
    Phase("Plan", ("reads live state,", "lists the changes,", "may refuse"), r"(^|\.)plan_"),
    Phase("Approve", ("people see that", "very plan", "and answer"), r"(^|\.)approve_"),
    Phase("Take lease", ("one run at a time", "works on", "a target"), r"(^|\.)acquire_lock$"),
    Phase("Confirm", ("plans again, stops", "if anything", "differs"), r"(^|\.)confirm_plan_unchanged$"),
    Phase("Steps", ("each runbook's own:", "writes, waits,", "checks")),
    Phase("Verify", ("proves the result", "with AWS's", "own data"), r"(^|\.)verify_"),
    Phase("Release lease", ("always, also", "after a failure"), r"(^|\.)release_lock$"),
    Phase("Record", ("who asked, who", "approved, what", "was done"), r"(^|\.)record_"),
)
AFTER_A_FAILURE = (
    "If a step or the proof fails, the run goes back by itself where that is safe. Elsewhere it asks a person."
)
RULED = ("plugins/opskit/", "include/")  # the packages that are drawn in rows by their imports
OUTSIDE = {  # client library: the service it talks to
    "botocore": "AWS",
    "github": "GitHub",
    "gspread": "Google Sheets",
    "jira": "Jira",
    "psycopg": "PostgreSQL",
    "sentry": "Sentry",
    "slack_sdk": "Slack",
}


def imported(file: Path) -> set[str]:
    """Return the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def packages(folder: Path) -> list[str]:
    """Return a folder's packages and modules, without empty ones."""
    found = {file.parent.name for file in folder.glob("*/__init__.py")}
    return sorted(found | {file.stem for file in folder.glob("*.py") if file.stem != "__init__"})


def graph(folder: Path) -> dict[str, set[str]]:
    """Return, for each package of a folder, which others of the folder it imports."""
    names = packages(folder)
    arrows: dict[str, set[str]] = {name: set() for name in names}
    for name in names:
        files = [folder / f"{name}.py"] if (folder / f"{name}.py").is_file() else sorted((folder / name).rglob("*.py"))
        for other in (module for file in files for module in imported(file)):
            parts = other.split(".")
            if parts[0] == folder.name and len(parts) > 1 and parts[1] in arrows and parts[1] != name:
                arrows[name].add(parts[1])
    return arrows


def reachable(arrows: dict[str, set[str]], start: str) -> set[str]:
    """Return a package and everything that it imports, directly or indirectly."""
    seen: set[str] = {start}
    ahead = list(arrows[start])
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += arrows[name]
    return seen


def rows(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Return the packages in rows. Each imports only from rows below or, in an import cycle, from its own row."""
    reach = {name: reachable(arrows, name) for name in arrows}
    height: dict[str, int] = {}
    # a package reaches more than any that it imports, unless both are in one cycle and reach the same
    for name in sorted(arrows, key=lambda name: len(reach[name])):
        circle = {other for other in reach[name] if name in reach[other]}
        below = {other for member in circle for other in arrows[member]} - circle
        height[name] = max((height[other] + 1 for other in below), default=0)
    tall = max(height.values(), default=-1)
    return [sorted(name for name in height if height[name] == level) for level in range(tall, -1, -1)]


def _text(x: float, y: float, says: str, style: str = "", anchor: str = "start") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{kind}>{escape(says)}</text>'


def _box(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" class="{style}"/>'


def _arrow(x: float, y: float, to_x: float, to_y: float, style: str = "arrow") -> str:
    return f'<path d="M{x:g} {y:g} L{to_x:g} {to_y:g}" class="{style}" marker-end="url(#head)"/>'


def _chips(x: float, y: float, width: float, names: Iterable[str]) -> tuple[list[str], float]:
    """Return name tags laid out in lines no wider than `width`, and the position of the next line."""
    drawn, at = [], x
    for name in names:
        wide = 7.2 * len(name) + 16
        if at > x and at + wide > x + width:
            at, y = x, y + 30
        drawn += [_box(at, y, wide, 24, "chip"), _text(at + wide / 2, y + 16, name, "name", "middle")]
        at += wide + 8
    return drawn, y + 30


def _run(y: float) -> tuple[list[str], float]:
    drawn = [_text(20, y + 16, "A run: the same parts in every runbook", "title")]
    y, gap = y + 30, 14
    width = (WIDTH - 40 - gap * (len(PHASES) - 1)) / len(PHASES)
    for place, phase in enumerate(PHASES):
        x = 20 + place * (width + gap)
        drawn += [_box(x, y, width, 82, "phase" if phase.task else "own")]
        drawn += [_text(x + width / 2, y + 22, phase.title, "strong", "middle")]
        drawn += [
            _text(x + width / 2, y + 42 + 15 * line, says, "small", "middle") for line, says in enumerate(phase.says)
        ]
        if place:
            drawn.append(_arrow(x - gap, y + 41, x - 2, y + 41))
    return [*drawn, _text(20, y + 104, AFTER_A_FAILURE, "small")], y + 104


def _room(
    x: float, y: float, width: float, title: str, says: str, lines: list[list[str]], ruled: bool = True
) -> tuple[list[str], float]:
    """Return a box with its rows of names, with or without rules, and its lower end."""
    drawn, below = [_text(x + 12, y + 24, title, "strong"), _text(x + 12, y + 42, says, "small")], y + 56
    for place, names in enumerate(lines):
        if place and ruled:
            drawn.append(f'<path d="M{x + 12:g} {below:g} h{width - 24:g}" class="line"/>')
            below += 8
        chips, below = _chips(x + 12, below, width - 24, names)
        drawn += chips
    return [_box(x, y, width, below + 6 - y, "room"), *drawn], below + 6


def _outside() -> list[str]:
    """Return the external services of the packages, by the client libraries and gateways that they import."""
    files = [file for room in ("include", "plugins") for file in sorted((ROOT / room).rglob("*.py"))]
    names = {name.removeprefix("include.").split(".")[0] for file in files for name in imported(file)}
    return sorted(OUTSIDE[name] for name in names & set(OUTSIDE))


def picture() -> str:
    """Return the picture as SVG."""
    drawn, below = _run(14)
    drawn.append(_text(20, below + 46, "The rooms: an arrow means “imports”", "title"))
    top = below + 72
    ends: list[float] = []
    columns = (
        (20, 200, "dags/", "say what a runbook does", [[name] for name in packages(ROOT / "dags")]),
        (256, 320, "plugins/opskit/", "speaks Airflow", rows(graph(ROOT / "plugins" / "opskit"))),
        (612, 360, "include/", "knows AWS, and decides", rows(graph(ROOT / "include"))),
        (1008, 152, "outside", "over the network", [[name] for name in _outside()]),
    )
    for x, width, title, says, lines in columns:
        room, end = _room(x, top, width, title, says, lines, ruled=title in RULED)
        drawn, ends = drawn + room, [*ends, end]
    drawn += [_arrow(x, top + 28, x + 34, top + 28) for x in (220, 576, 972)]
    drawn.append(f'<path d="M120 {top:g} v-10 H792 V{top - 2:g}" class="arrow" marker-end="url(#head)"/>')
    below = ends[2] + 44
    parts = sorted(file.parent.name for file in (ROOT / "sandbox").glob("*/__init__.py"))
    room, end = _room(612, below, 360, "sandbox/", "stands in for everything outside", [parts])
    drawn += [*room, _arrow(792, below, 792, ends[2] + 4)]
    drawn.append(f'<path d="M972 {below + 48:g} H1084 V{ends[3] + 4:g}" class="dashed" marker-end="url(#head)"/>')
    note = "Between two lines is a row. Inside a room, a package imports only from its own row and from rows below."
    bottom = max(*ends, end)
    return _document([*drawn, _text(20, bottom + 26, note, "small")], bottom + 40)


def _document(drawn: list[str], height: float) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" role="img">',
            "<!-- Drawn from the code by `make docs`; edit tools/architecture.py. -->",
            "<title>The parts of a run, and the rooms of the code with what imports what</title>",
            f"<style>{STYLE}</style><defs>{HEAD}</defs>",
            f'<rect width="{WIDTH}" height="{height:g}" fill="#fff"/>',
            *drawn,
            "</svg>\n",
        ]
    )


def missing_phases(page: str) -> list[str]:
    """Return the phases without any step of an operator's page, and those whose first step comes too early."""
    tasks, reached, missing = pages.task_ids(page), -1, []
    for phase in (phase for phase in PHASES if phase.task):
        at = next((place for place, task in enumerate(tasks) if place > reached and re.search(phase.task, task)), None)
        if at is None:
            missing.append(phase.title)
        else:
            reached = at
    return missing


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
