"""What the sandbox prints at the terminal."""

import time

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from sandbox.credentials import Credentials, role_of
from sandbox.settings import ROOT, Settings


class Screen:
    """One line per thing that came up, and one page that says how to use it."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.began = time.monotonic()

    def up(self, what: str, detail: str = "") -> None:
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
            "Pretend Slack", f"{settings.url('neighbours')}/slack/api/  (its channels are on the world's page)"
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
