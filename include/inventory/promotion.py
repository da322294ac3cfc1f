"""How a commit comes to an environment whose account is one of several: after which one, with which artefact, and what is watched."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from include.inventory.fields import BucketName, Command, Model, Name, Pause, Text, Whole
from include.inventory.infrastructure import ParameterName, VariableName, Word

StackName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,127}$")]  # as CloudFormation takes it
FileName = Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Pattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./#*-]{1,512}$")]  # a log group's name; * stands for anything
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
FUNCTION = "{function}"  # stands for the name of a function


class Artefact(Model):
    """Functions of Lambda that a tool of its own builds and describes, such as Functionbeat."""

    tool: FileName  # a program on the PATH of the workers
    version: str = Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){2}$")  # exactly this one
    source: Text | None = None  # where people get it
    ask_version: Command  # prints the version
    folder: Text  # of the repository, with the tool's configuration
    variables: dict[VariableName, Word] = Field(default_factory=dict, max_length=100)  # of the tool's environment
    parameters: dict[VariableName, ParameterName] = Field(default_factory=dict, max_length=100)  # such that SSM keeps
    files: dict[FileName, ParameterName] = Field(default_factory=dict, max_length=20)  # SSM keeps them in base64
    check: Command | None = None  # has to end with 0 once everything is in place
    build: Command  # makes the package
    package: FileName  # a zip archive, in the folder
    describe: Command  # prints a function's CloudFormation template; {function} is its name
    bucket: BucketName  # of the packages
    functions: tuple[StackName, ...] = Field(min_length=1, max_length=50)  # each is a stack, too

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if not any(FUNCTION in word for word in self.describe):
            raise ValueError(f"describe: needs {FUNCTION}, the name of the function that is described")
        if len(set(self.functions)) != len(self.functions):
            raise ValueError("functions: the same function is listed twice")
        if twice := sorted(set(self.variables) & set(self.parameters)):
            raise ValueError(f"parameters: {twice[0]!r} stands in variables as well; remove one of the two")
        if self.folder.startswith("/") or ".." in self.folder.split("/"):
            raise ValueError(f"folder: {self.folder!r} is no folder of the repository")
        return self


class LogRetention(Model):
    """How long CloudWatch keeps the lines of an account's log groups."""

    days: Whole = Field(ge=1, le=3_653)
    groups: tuple[Pattern, ...] = Field(min_length=1, max_length=100)  # only groups that fit one of these are set

    @model_validator(mode="after")
    def _known_to_cloudwatch(self) -> Self:
        if self.days not in RETENTIONS:
            near = min(RETENTIONS, key=lambda each: abs(each - self.days))
            raise ValueError(
                f"days: CloudWatch keeps no lines for {self.days} days; the nearest that it takes is {near}"
            )
        return self


class Promotion(Model):
    """How a commit comes to this environment. `after` is the environment that has to have it before."""

    after: Name | None = None
    artefact: Artefact | None = None
    log_retention: LogRetention | None = None
    watch: Pause = timedelta(minutes=5)  # how long no alarm of the environment may fire afterwards
    tested_by: Literal["checks", "nothing"] = "checks"  # whether the commit's checks on GitHub have to be green
