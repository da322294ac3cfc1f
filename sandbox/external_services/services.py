"""All external services of one world."""

from dataclasses import dataclass

from include.inventory import Inventory
from sandbox.aws.sim import external_pipeline
from sandbox.aws.sim.world import World
from sandbox.external_services.github import hooks, payloads
from sandbox.external_services.github.model import Repository, Run
from sandbox.external_services.github.state import GitHub
from sandbox.external_services.jira.state import Jira
from sandbox.external_services.sentry.state import Sentry
from sandbox.external_services.sheets.state import Sheets
from sandbox.external_services.slack.state import Slack


@dataclass(frozen=True)
class ExternalServices:
    slack: Slack
    github: GitHub
    jira: Jira
    sentry: Sentry
    sheets: Sheets

    @classmethod
    def of(cls, inventory: Inventory, world: World) -> "ExternalServices":
        """Return the external services that an inventory names, in their initial state."""
        github = GitHub(inventory, world)
        github.completed += [
            lambda repository, run: _deliver(world, inventory, repository, run),
            lambda repository, run: hooks.announce(
                github, repository, "workflow_run", payloads.workflow_run(repository, run)
            ),
        ]
        return cls(Slack(inventory), github, Jira(inventory, world), Sentry(inventory, world), Sheets(inventory, world))

    def clear(self) -> None:
        """Reset all of them."""
        for each in (self.slack, self.github, self.jira, self.sentry, self.sheets):
            each.clear()


def _deliver(world: World, inventory: Inventory, repository: Repository, run: Run) -> None:
    """Push the image that a workflow has built, or copy a release's image to the registry it is deployed from."""
    if run.conclusion != "success":
        return
    source, file = repository.full_name, run.workflow.file
    if "commit" in run.inputs:
        external_pipeline.publish(world, inventory, source, file, str(run.inputs["commit"]), str(run.id))
    elif run.event == "release":
        external_pipeline.promote(world, inventory, source, file, run.sha)
