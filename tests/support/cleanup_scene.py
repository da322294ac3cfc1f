"""Review apps of a template in the simulated cloud, planted part by part, and the context of a clean-up of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from include.aws import ecr
from include.aws.clients import Clients
from include.inventory import Inventory, Target
from include.review_apps.cleanup.acting import STEP
from include.review_apps.cleanup.model import Note, Settings
from include.review_apps.cleanup.notes import change_note, read_note
from include.review_apps.cleanup.passing import Outcome, clean_up
from include.review_apps.cleanup.settings import settings_of
from include.run.journal import list_events
from include.run.store import RunStore
from opskit.connections.external_services import github_repository
from sandbox.aws.services.ecr.model import make_manifest
from sandbox.external_services.github import people
from sandbox.external_services.github.state import GitHub

REPOSITORY = "example-housing/core"
PATTERN = "core/review-<number>"
PARTS = ("workspace", "cluster", "database", "image")


@dataclass
class CleanupScene:
    """A template's account and repository, and which runs Airflow knows."""

    cloud: Any
    pretend_github: GitHub
    inventory: Inventory
    run: str = "review_app_cleanup/one"
    runs: dict[str, str] = field(default_factory=dict)
    databases: set[str] = field(default_factory=set)  # of the server, which is PostgreSQL's own business
    role: str = ""  # "": the runbooks' own

    @property
    def target(self) -> Target:
        return self.inventory.review_app(PATTERN, 1)

    @cached_property
    def clients(self) -> Clients:
        return Clients(lambda service: self.cloud.client_of_runbooks(service, self.target.name, 2))

    @cached_property
    def somebody(self) -> Clients:
        return Clients(lambda service: self.cloud.client(service, self.target.name))

    @property
    def store(self) -> RunStore:
        return RunStore(self.cloud.client("dynamodb", self.target.name), "runbook-operations")

    @cached_property
    def github(self) -> Any:
        return github_repository(self.target)

    @cached_property
    def state(self) -> str:
        terraform = self.target.environment.terraform
        assert terraform
        self.somebody.s3.put_object(Bucket=terraform.state_bucket, Key="a-state", Body=b"{}")
        return "a-state"

    @property
    def settings(self) -> Settings:
        return settings_of(self.target)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.cloud.world.clock.now(), UTC)

    def list_databases(self) -> tuple[str, ...]:
        return tuple(sorted(self.databases))

    def run_state(self, owner: str) -> str | None:
        return self.runs.get(owner)

    def clean_up(self, *, acting: bool = True) -> Outcome:
        return clean_up(self, self.settings, self.app, acting=acting)

    def app(self, number: int) -> Target:
        return self.inventory.review_app(PATTERN, number)

    def does(self, does: str, **given: Any) -> dict[str, Any]:
        """Act as a person on GitHub."""
        usual = {"number": 1, "text": "Work", "label": "none", "actor": "amelia", "fork": "none"}
        return people.act(self.pretend_github, {"repository": REPOSITORY, "does": does, **usual, **given})

    def opened(self, *, label: bool = True, fork: str = "none") -> int:
        """Open a pull request, and return its number."""
        number = int(self.does("open", fork=fork)["number"])
        if label:
            self.does("label", number=number, label="review-app")
        return number

    def plant(self, number: int, parts: Iterable[str] = PARTS, tag: str = "") -> None:
        """Make these parts of an app."""
        terraform = self.app(number).environment.terraform
        assert terraform
        if "workspace" in parts:
            key, bucket = f"env:/{number}/{terraform.state_key}", terraform.state_bucket
            # S3 lets a body wait for a second, so there is one for all
            self.somebody.s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": self.state})
        if "cluster" in parts:
            tags: Any = [{"key": "review-app", "value": tag or str(number)}]
            self.somebody.ecs.create_cluster(clusterName=f"core-review-{number}-app", tags=tags)
        if "database" in parts:
            self.databases.add(f"core-review-{number}")
        if "image" in parts:
            manifest = make_manifest(REPOSITORY, f"{number:040x}", "built")
            self._repository(number).push(manifest, f"review-{number}-1", self.cloud.world.clock.now())

    def _repository(self, number: int) -> Any:
        registry = self.app(number).registry
        return self.cloud.world.region(registry.account, registry.region).repositories[registry.repository]

    def expire_image(self, number: int) -> None:
        """Have the registry remove the image of an app, as its lifecycle rule does after a while."""
        image = self._repository(number).tagged(f"review-{number}-1")
        client = self.cloud.client("ecr", self.target.name)
        registry = self.app(number).registry
        done = client.batch_delete_image(
            registryId=registry.account,
            repositoryName=registry.repository,
            imageIds=[{"imageDigest": image.digest}],
        )
        assert not done["failures"], done

    def plant_services(self, number: int) -> None:
        """Make the services of an app that has its cluster, with their tasks."""
        place, ec2 = self.app(number).environment, self.somebody.ec2
        subnets: Any = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        image = ecr.image_uri(self.app(number).registry, self._repository(number).tagged(f"review-{number}-1").digest)
        for service in place.services:
            container: Any = {"name": service.container, "image": image, "essential": True}
            definition = self.somebody.ecs.register_task_definition(
                family=service.family,
                networkMode="awsvpc",
                requiresCompatibilities=["FARGATE"],
                cpu=str(service.cpu),
                memory=str(service.memory),
                containerDefinitions=[container],
            )["taskDefinition"]["taskDefinitionArn"]
            self.somebody.ecs.create_service(
                cluster=str(place.cluster),
                serviceName=service.name,
                taskDefinition=definition,
                desiredCount=service.tasks,
                launchType="FARGATE",
                networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
            )

    def desired(self, number: int) -> list[int]:
        """Return the desired counts of an app's services."""
        place = self.app(number).environment
        names = [service.name for service in place.services]
        found = self.somebody.ecs.describe_services(cluster=str(place.cluster), services=names)["services"]
        return [each["desiredCount"] for each in found]

    def note(self, number: int, change: Callable[[Note], Note]) -> None:
        change_note(self.store, self.target.shared_name, number, change)

    def noted(self, number: int) -> Note:
        return read_note(self.store, self.target.shared_name, number)

    def comment(self, number: int) -> str:
        """Return the one comment of a pull request, or "" if there is none."""
        found = [each.body for each in self.issue(number).comments if "<!-- review-app -->" in each.body]
        assert len(found) <= 1
        return found[0] if found else ""

    def issue(self, number: int) -> Any:
        return self.pretend_github.repositories[REPOSITORY].issues[number]

    def written(self) -> list[str]:
        """Return what the clean-up has written, in order."""
        events = list_events(self.store, self.run)
        return [event["text"] for event in events if event["phase"] == "done" and event["step"] == STEP]
