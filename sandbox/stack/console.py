"""What the sandbox prints at the terminal."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.status import Status
from rich.table import Table

from sandbox.credentials import Credentials, role_of
from sandbox.settings import ROOT, Settings

TOLD_EVERY = 1.0  # seconds
TOLD_ELSEWHERE = 15.0  # where no line can be replaced


class Screen:
    """One line per thing that came up, and one page that says how to use it."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.began = time.monotonic()
        self._awaited: dict[str, float] = {}  # since when

    def awaits(self, what: str) -> None:
        """Note that something is waited for, until it is up."""
        self._awaited[what] = time.monotonic()

    def arrived(self, what: str) -> None:
        """Note that something is not waited for any more, without a line about it."""
        self._awaited.pop(what, None)

    @asynccontextmanager
    async def telling_what_is_awaited(self) -> AsyncIterator[None]:
        """Tell meanwhile what is waited for: in one moving line at a terminal, elsewhere in a line now and then."""
        with self.console.status("") if self.console.is_terminal else nullcontext() as status:
            telling = asyncio.ensure_future(self._tell(status))
            try:
                yield
            finally:
                telling.cancel()

    async def _tell(self, status: Status | None) -> None:
        while True:
            await asyncio.sleep(TOLD_EVERY if status else TOLD_ELSEWHERE)
            if status:
                status.update(escape(self.waiting()))
            else:
                self.say(f"  {self.waiting()}")

    def waiting(self) -> str:
        """Say what is waited for, and for how long already."""
        now = time.monotonic()
        named = [f"{what} ({now - since:.0f} s)" for what, since in self._awaited.items()]
        return f"waiting for {', '.join(named) or 'the rest'}"

    def up(self, what: str, detail: str = "") -> None:
        self.arrived(what)
        elapsed = time.monotonic() - self.began
        self.console.print(f"[green]✓[/] {escape(what):<22} [dim]{elapsed:5.1f} s  {escape(detail)}[/]", soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(escape(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        self.console.print(f"[yellow]! {escape(text)}[/]", soft_wrap=True)

    def fail(self, text: str) -> None:
        self.console.print(f"[bold red]✗[/] {escape(text)}", soft_wrap=True)

    def ready(self, settings: Settings, credentials: Credentials) -> None:
        """Print where everything is and how to log in and stop."""
        places = Table.grid(padding=(0, 2))
        places.add_row("Airflow", f"[link]{settings.url('airflow')}[/link]")
        places.add_row("The world", f"[link]{settings.url('control')}[/link]  (what the pretend cloud looks like now)")
        places.add_row("Pretend AWS", f"{settings.url('aws')}  (access key and secret: sandbox)")
        places.add_row(
            "Pretend Slack", f"{settings.url('external_services')}/slack/api/  (its channels are on the world's page)"
        )
        places.add_row("Time", f"{settings.speed:g} simulated seconds a second")
        places.add_row("Logs", str(settings.logs))
        people = Table("user", "password", "role", box=None, padding=(0, 2, 0, 0), header_style="dim")
        for user, password in credentials.passwords.items():
            may = _MAY.get(user, "approves, says the inventory")
            people.add_row(user, password, f"{role_of(user)} [dim]{may}[/]")
        page = Table.grid(padding=(0, 0))
        page.add_row(places)
        page.add_row("")
        page.add_row(people)
        elapsed = time.monotonic() - self.began
        self.console.print(
            Panel(page, title=f"The sandbox is ready ({elapsed:.0f} s)", title_align="left", expand=False)
        )
        how = ROOT / "docs" / "how-to" / "rehearse.md"
        self.say(f"How to rehearse: {how.relative_to(ROOT)}. Stop with Ctrl-C.")


_MAY = {
    "viewer": "may look",
    "operator": "starts runbooks",
    "approver": "approves them",
    "second_approver": "approves them",
    "admin": "may do everything in Airflow",
    "ci": "starts runbooks, as a pipeline would",
}
