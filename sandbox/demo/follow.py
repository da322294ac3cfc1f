"""Following a run: the result of each task, what a waiting task sees, and every question."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.markup import escape
from rich.panel import Panel
from rich.prompt import Prompt
from rich.text import Text

from sandbox.demo.client import RefusedError, Run
from sandbox.demo.options import Options
from sandbox.errors import SandboxError

AT_WORK = ("running", "deferred", "up_for_reschedule", "up_for_retry", "awaiting_input")
WAITING = ("deferred", "up_for_reschedule")  # for the pretend cloud, whose clock is faster
ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")
LOOK_EVERY = 0.5  # seconds
QUIET_LINE_EVERY = 5.0  # seconds between two lines about a wait where there is no live line
DEADLINE = 6 * 3600.0  # seconds; a run that asks a person may take long
PROGRESS = "progress:"
TYPED = "typed"  # the field in which an approver types the target's name


@dataclass
class Follower:
    """Prints what is new at each look; `answers` counts the questions answered by people."""

    run: Run
    options: Options
    console: Console
    target: str | None
    answers: int = 0
    _seen: dict[tuple[str, int], float] = field(default_factory=dict)
    _waits: set[tuple[str, int]] = field(default_factory=set)
    _told: set[tuple[str, int, int]] = field(default_factory=set)
    _answered: set[tuple[str, int, int]] = field(default_factory=set)
    _users: set[str] = field(default_factory=set)
    _shown: str | None = None
    _last_line: str = ""
    _last_told: float = 0.0

    def follow(self) -> str:
        """Stay until the run has ended; returns its state."""
        end = time.monotonic() + DEADLINE
        with Live(Text(""), console=self.console, auto_refresh=False, transient=True) as live:
            while time.monotonic() < end:
                state = self.run.state()  # before the tasks: what ends in between is told at the next look
                tasks = self.run.tasks()
                self._tell_ended(tasks)
                if question := self._due(tasks):
                    live.update(Text(""), refresh=True)
                    live.stop()
                    self._ask(question)
                    live.start()
                if state in ("success", "failed"):
                    return state
                self._tell_now(live, tasks)
                time.sleep(LOOK_EVERY)
        raise SandboxError(f"Waited {DEADLINE / 3600:.0f} hours for run {self.run.run_id} to end, in vain.")

    def _tell_ended(self, tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            if task["state"] in AT_WORK:
                self._seen.setdefault((task["task_id"], task["map_index"]), time.monotonic())
            if task["state"] in WAITING:
                self._waits.add((task["task_id"], task["map_index"]))
        new = [task for task in tasks if task["state"] in ENDED and _key(task) not in self._told]
        self._told |= {_key(task) for task in new}
        for task in sorted(new, key=lambda each: (each["end_date"] or "", each["start_date"] or "")):
            name, lasted = f"{_name(task):<34}", self._duration(task)
            match task["state"]:
                case "success":
                    self.console.print(f"[green]✓[/] {name} [dim]{lasted}[/]")
                case "failed":
                    why = self._reason(task)
                    self.console.print(f"[red]✗[/] {name} [dim]{lasted}[/]  [red]{escape(why)}[/]", soft_wrap=True)
        for words, states in (("not needed", ("skipped",)), ("not reached", ("upstream_failed", "removed"))):
            if names := [_name(task) for task in new if task["state"] in states]:
                self.console.print(f"[dim]· {words}: {', '.join(names)}[/]", soft_wrap=True)

    def _reason(self, task: dict[str, Any]) -> str:
        for line in reversed(self.run.log(task)):
            if details := line.get("error_detail"):
                return str(details[0].get("exc_value") or details[0].get("exc_type"))
            if line.get("level") == "error" and line.get("logger") == "task":
                return str(line["event"])  # a failure that was foreseen: its sentence, without an exception
        return ""

    def _due(self, tasks: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return a task whose question has no answer yet."""
        open_ones = (task for task in tasks if task["state"] == "awaiting_input" and _key(task) not in self._answered)
        return next(open_ones, None)

    def _ask(self, task: dict[str, Any]) -> None:
        asked = self.run.question(task)
        self._answered.add(_key(task))
        if asked.get("response_received"):
            return  # answered in the browser meanwhile
        if (body := asked["body"] or "") != self._shown:
            self._shown = body
            self.console.print(Panel(Markdown(body), title=escape(asked["subject"]), title_align="left"))
        else:
            self.console.print(f"[bold]{escape(asked['subject'])}[/] It is the plan shown above.", soft_wrap=True)
        user, options = self._who(asked), list(asked["options"])
        option = options[0]
        if self.options.yes and task["task_id"] == "enter_secrets" and self.target:
            self.run.client.enter_secrets(self.target)
        if self.options.yes:
            self.console.print(f"[bold]{escape(user)}[/] answers [bold]{escape(option)}[/] (YES=1)")
        else:
            option = self._choose(user, options)
        try:
            self.run.answer(task, option, user, self._fill_in(asked))
        except RefusedError as refused:
            if refused.status == HTTPStatus.FORBIDDEN:
                raise SandboxError(
                    f"{user} may not answer {asked['subject']!r}, so the run would wait for ever: answer it in the browser, {self.run.page}"
                ) from refused
            # the browser was faster, or the question expired: the run goes on either way
            self.console.print(f"[yellow]! {escape(str(refused))}[/]", soft_wrap=True)
            return
        self._users.add(user)
        self.answers += 1

    def _choose(self, user: str, options: list[str]) -> str:
        self.console.print(
            f"\nYou are [bold]{escape(user)}[/]. Or answer in the browser: {self.run.page}", soft_wrap=True
        )
        for number, option in enumerate(options, 1):
            self.console.print(f"  {number}  {escape(option)}")
        try:
            given = Prompt.ask(
                "Your answer", console=self.console, choices=[str(n) for n in range(1, len(options) + 1)]
            )
        except EOFError as error:
            raise SandboxError("There is nobody at the terminal to answer; use YES=1 to answer by itself.") from error
        return options[int(given) - 1]

    def _fill_in(self, asked: dict[str, Any]) -> dict[str, str]:
        """Return what a person writes into the question's form; by itself, what of its suggestions the question is about."""
        form = {}
        for name, param in (asked.get("params") or {}).items():
            schema = param.get("schema") or {}
            suggested = [example for example in schema.get("examples") or [] if example in asked["subject"]]
            form[name] = suggested[0] if suggested else ""
            if name == TYPED and self.options.yes:
                form[name] = self.target or ""
            if not self.options.yes:
                form[name] = Prompt.ask(f"{schema.get('title', name)}", console=self.console, default=form[name])
        return form

    def _who(self, asked: dict[str, Any]) -> str:
        """Return who answers: of those asked, somebody who has not answered in this run yet."""
        users = self.run.client.endpoints["users"]
        people = [each["id"] for each in asked.get("assigned_users") or [] if each["id"] in users] or [
            "approver",
            "operator",
        ]
        fresh = [user for user in people if user not in self._users]
        return str((fresh or people)[0])

    def _tell_now(self, live: Live, tasks: list[dict[str, Any]]) -> None:
        waiting = [task for task in tasks if task["state"] in AT_WORK]
        said = self._progress(waiting[0]) if waiting else ""
        names = ", ".join(_name(task) for task in waiting) or "..."
        world = self._world()
        live.update(Text.from_markup(f"[cyan]▸[/] {escape(names)}  {escape(said)}\n  {world}"), refresh=True)
        quiet = not self.console.is_terminal
        if quiet and said and said != self._last_line and time.monotonic() - self._last_told > QUIET_LINE_EVERY:
            self._last_line, self._last_told = said, time.monotonic()
            self.console.print(f"  {escape(names)}: {escape(said)}", soft_wrap=True)

    def _progress(self, task: dict[str, Any]) -> str:
        if task["state"] == "awaiting_input":
            return "asks a person"
        if task["state"] == "up_for_retry":
            return f"try {task['try_number']} of {task['max_tries'] + 1} failed, is made again: {self._reason(task)}"
        try:
            lines = [str(line.get("event", "")) for line in self.run.log(task)]
        except SandboxError:  # the log of a task that has only just begun is not there yet
            return ""
        told = [line for line in lines if PROGRESS in line]
        return told[-1].split(PROGRESS, 1)[1].strip() if told else ""

    def _duration(self, task: dict[str, Any]) -> str:
        """Return how long a task was at work, and how long a wait was by the pretend cloud's clock.

        Airflow's own figure begins anew when a wait or a question is over.
        """
        if not (task["start_date"] and task["end_date"]):
            return ""
        own = (datetime.fromisoformat(task["end_date"]) - datetime.fromisoformat(task["start_date"])).total_seconds()
        key = task["task_id"], task["map_index"]
        seen = self._seen.get(key)
        seconds = max(own, time.monotonic() - seen if seen else 0.0)
        if key not in self._waits:
            return f"{seconds:6.1f} s"
        simulated = seconds * float(self.run.client.control("/status")["speed"]) / 60
        return f"{seconds:6.1f} s, {simulated:.0f} simulated minutes"

    def _world(self) -> str:
        world = self.run.client.target(self.target) if self.target else None
        if not world:
            return ""
        services = [f"{service['name']} {_meter(service)}" for service in world["services"]]
        return "   ".join(services)


def _meter(service: dict[str, Any]) -> str:
    healthy, desired = service.get("healthy") or 0, service.get("desired") or 0
    bar = f"[green]{'●' * healthy}[/][dim]{'○' * max(0, desired - healthy)}[/]"
    return f"{bar} {healthy} healthy of {desired} wanted"


def _key(task: dict[str, Any]) -> tuple[str, int, int]:
    return task["task_id"], task["map_index"], task["try_number"]


def _name(task: dict[str, Any]) -> str:
    return str(task["task_id"]) + (f"[{task['map_index']}]" if task["map_index"] >= 0 else "")
