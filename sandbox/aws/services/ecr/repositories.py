"""The ECR operations on repositories themselves: create, describe, tag and delete."""

from typing import Any

from moto.core.responses import ActionResult, BaseResponse

from sandbox.aws.http.error_responses import ApiError
from sandbox.aws.services.ecr.model import Repository
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import as_datetime


class RepositoryOperations(BaseResponse):
    """`world` is set once, when the server is made."""

    world: World

    def create_repository(self) -> ActionResult:
        region, name = self.world.region(self.current_account, self.region), str(self._get_param("repositoryName"))
        if name in region.repositories:
            raise ApiError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{self.current_account}'",
            )
        made = Repository(name, self.current_account, self.region, self.world.catch_up())
        made.immutable = self._get_param("imageTagMutability") == "IMMUTABLE"
        made.scan_on_push = bool((self._get_param("imageScanningConfiguration") or {}).get("scanOnPush"))
        made.tags = {each["Key"]: each["Value"] for each in self._get_param("tags") or []}
        region.repositories[name] = made
        return ActionResult({"repository": describe(made)})

    def describe_repositories(self) -> ActionResult:
        wanted = self._get_param("repositoryNames")
        if wanted:
            found = [self.find(each) for each in wanted]
        else:
            region = self.world.region(self.registry(), self.region)
            found = [
                repository for repository in region.repositories.values() if repository.admits(self.current_account)
            ]
        return ActionResult({"repositories": [describe(each) for each in found]})

    def delete_repository(self) -> ActionResult:
        repository = self.find(str(self._get_param("repositoryName")))
        if repository.images and self._get_param("force") is not True:
            raise ApiError(
                "RepositoryNotEmptyException",
                f"The {where(repository)} cannot be deleted because it still contains images",
            )
        del self.world.region(repository.account, self.region).repositories[repository.name]
        return ActionResult({"repository": describe(repository)})

    def put_image_tag_mutability(self) -> ActionResult:
        repository = self.find(str(self._get_param("repositoryName")))
        repository.immutable = self._get_param("imageTagMutability") == "IMMUTABLE"
        named = {"registryId": repository.account, "repositoryName": repository.name}
        return ActionResult({**named, "imageTagMutability": self._get_param("imageTagMutability")})

    def list_tags_for_resource(self) -> ActionResult:
        tags = self._by_arn().tags
        return ActionResult({"tags": [{"Key": name, "Value": value} for name, value in tags.items()]})

    def tag_resource(self) -> ActionResult:
        self._by_arn().tags |= {each["Key"]: each["Value"] for each in self._get_param("tags")}
        return ActionResult({})

    def untag_resource(self) -> ActionResult:
        tags = self._by_arn().tags
        for name in self._get_param("tagKeys"):
            tags.pop(name, None)
        return ActionResult({})

    def registry(self) -> str:
        return str(self._get_param("registryId") or self.current_account)

    def find(self, name: str) -> Repository:
        """Return a repository that the caller may use. Raises: ApiError."""
        account = self.registry()
        found = self.world.region(account, self.region).repositories.get(name)
        if found and not found.admits(self.current_account):
            raise ApiError(
                "AccessDeniedException",
                f"User: arn:aws:iam::{self.current_account}:root is not authorized to perform: ecr:{self._get_action()} "
                f"on resource: {found.arn} because no resource-based policy allows the ecr:{self._get_action()} action",
            )
        if found is None:
            raise ApiError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id '{account}'",
            )
        return found

    def _by_arn(self) -> Repository:
        return self.find(str(self._get_param("resourceArn")).partition(":repository/")[2])


def describe(repository: Repository) -> dict[str, Any]:
    return {
        "repositoryArn": repository.arn,
        "registryId": repository.account,
        "repositoryName": repository.name,
        "repositoryUri": repository.uri,
        "createdAt": as_datetime(repository.created),
        "imageTagMutability": "IMMUTABLE" if repository.immutable else "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def where(repository: Repository) -> str:
    return f"repository with name '{repository.name}' in the registry with id '{repository.account}'"
