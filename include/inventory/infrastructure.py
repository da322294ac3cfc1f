"""Where an environment's Terraform code and state are, and what its changes may do."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from include.inventory.fields import BucketName, Command, Duration, Flag, GitHubName, Model, TableName, Text, Whole

VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$")]
ParameterName = Annotated[str, Field(max_length=1_011, pattern=r"^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")]  # of SSM
Word = Annotated[str, Field(max_length=4_096)]
ModuleAddress = Annotated[str, Field(max_length=500, pattern=r"^module\.[A-Za-z0-9_-]+(\.module\.[A-Za-z0-9_-]+)*$")]
SecretName = Annotated[str, Field(max_length=512, pattern=r"^[A-Za-z0-9/_+=.@-]+$")]
Tag = Annotated[str, Field(min_length=1, max_length=128)]
Value = (
    Flag | Annotated[Whole, Field(ge=-(2**53), le=2**53)] | Word | Annotated[tuple[Word, ...], Field(max_length=200)]
)


class Limits(Model):
    """The most that one change may destroy or replace. Beyond that it is refused, and nobody is asked."""

    destroys: Whole = Field(default=3, ge=0, le=10_000)
    replacements: Whole = Field(default=3, ge=0, le=10_000)


class Settings(Model):
    """A file of variables (`terraform.tfvars`) that stands in S3 instead of in the repository."""

    bucket: BucketName
    key: str = Field(min_length=1, max_length=1_024)


class Recreation(Model):
    """How an environment is destroyed and built again."""

    first: tuple[ModuleAddress, ...] = Field(
        default=(), max_length=100
    )  # built before people enter the secrets' values
    entered: tuple[SecretName, ...] = Field(default=(), max_length=100)  # secrets whose values people enter in AWS
    archive: BucketName | None = None  # where the objects of buckets are kept; default: a bucket with objects stays
    seed: Literal["migrate", "prepare", "seed", "setup"] | None = (
        None  # the command of one_off that fills empty databases
    )
    tags: dict[Tag, Tag] = Field(
        default_factory=dict, max_length=10
    )  # what marks all of this environment in its account
    proved_on: Text | None = None  # the environment that must have been recreated before this one
    within: Duration = timedelta(days=14)  # how long ago that may be

    @model_validator(mode="after")
    def _secrets_are_made_first(self) -> Self:
        if self.entered and not self.first:
            raise ValueError(
                "first: name the modules that make the secrets of 'entered', so that people can enter their values"
            )
        return self


class Terraform(Model):
    """Where an environment's Terraform code and state are, and what its changes may do."""

    tool: Literal["terraform", "tofu"] = "terraform"
    version: str = Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){2}$")  # exactly this one
    repository: GitHubName
    branch: Text = "main"
    folder: Text
    workspace: Text = "default"
    state_bucket: BucketName
    state_key: str = Field(min_length=1, max_length=1_024)
    lock_table: TableName | None = None  # default: a lock file beside the state
    variables: dict[VariableName, Value] = Field(default_factory=dict, max_length=200)
    parameters: dict[VariableName, ParameterName] = Field(
        default_factory=dict, max_length=200
    )  # variables that SSM keeps
    settings: Settings | None = None
    commit_variable: VariableName | None = None  # the variable that gets the first seven letters of the commit
    checks: tuple[Command, ...] = Field(
        default=(), max_length=20
    )  # static checks, run in the folder; each must end with 0
    limits: Limits = Limits()
    drift_check: Flag = False  # whether somebody is told each day what differs from the newest commit
    outputs: ParameterName | None = None  # the SSM parameter that gets the outputs as JSON
    recreation: Recreation | None = None

    @model_validator(mode="after")
    def _variables_have_one_source(self) -> Self:
        if twice := sorted(set(self.variables) & set(self.parameters)):
            raise ValueError(f"parameters: {twice[0]!r} stands in variables as well; remove one of the two")
        return self

    @model_validator(mode="after")
    def _folder_is_inside(self) -> Self:
        if self.folder.startswith("/") or ".." in self.folder.split("/"):
            raise ValueError(f"folder: {self.folder!r} is no folder of the repository")
        return self
