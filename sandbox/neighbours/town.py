"""All neighbours of one world together."""

from dataclasses import dataclass

from include.inventory import Inventory
from sandbox.aws import delivery
from sandbox.aws.world import World
from sandbox.neighbours.github import GitHub
from sandbox.neighbours.github_model import Repository, Run
from sandbox.neighbours.jira import Jira
from sandbox.neighbours.sentry import Sentry
from sandbox.neighbours.sheets import Sheets
from sandbox.neighbours.slack import Slack


@dataclass(frozen=True)
class Town:
    slack: Slack
    github: GitHub
    jira: Jira
    sentry: Sentry
    sheets: Sheets

    @classmethod
    def of(cls, inventory: Inventory, world: World) -> "Town":
        """Return the neighbours that an inventory names, as they are at first."""
        github = GitHub(inventory, world)
        github.completed.append(lambda repository, run: _deliver(world, inventory, repository, run))
        return cls(Slack(inventory), github, Jira(inventory, world), Sentry(inventory, world), Sheets(inventory, world))

    def clear(self) -> None:
        """Begin again with all of them."""
        for each in (self.slack, self.github, self.jira, self.sentry, self.sheets):
            each.clear()


def _deliver(world: World, inventory: Inventory, repository: Repository, run: Run) -> None:
    """Push the image that a workflow has built, or bring the one of a release to where it deploys."""
    if run.conclusion != "success":
        return
    source, file = repository.full_name, run.workflow.file
    if "commit" in run.inputs:
        delivery.publish(world, inventory, source, file, str(run.inputs["commit"]), str(run.id))
    elif run.event == "release":
        delivery.promote(world, inventory, source, file, run.sha)
