"""All neighbours of one world together."""

from dataclasses import dataclass

from include.inventory import Inventory
from sandbox.aws.world import World
from sandbox.neighbours.github import GitHub
from sandbox.neighbours.jira import Jira
from sandbox.neighbours.sentry import Sentry
from sandbox.neighbours.slack import Slack


@dataclass(frozen=True)
class Town:
    slack: Slack
    github: GitHub
    jira: Jira
    sentry: Sentry

    @classmethod
    def of(cls, inventory: Inventory, world: World) -> "Town":
        """Return the neighbours that an inventory names, as they are at first."""
        return cls(Slack(inventory), GitHub(inventory, world), Jira(inventory, world), Sentry(inventory, world))

    def clear(self) -> None:
        """Begin again with all of them."""
        for each in (self.slack, self.github, self.jira, self.sentry):
            each.clear()
