"""CodeBuild's projects and builds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from sandbox.aws.faults.model import Fault
from sandbox.aws.services.ecr.model import Repository

PHASES = {  # seconds that each takes
    "SUBMITTED": 1.0,
    "QUEUED": 2.0,
    "PROVISIONING": 20.0,
    "DOWNLOAD_SOURCE": 15.0,
    "INSTALL": 5.0,
    "PRE_BUILD": 10.0,
    "BUILD": 240.0,
    "POST_BUILD": 45.0,
    "UPLOAD_ARTIFACTS": 2.0,
    "FINALIZING": 5.0,
}


TIMEOUT = 60  # minutes


@dataclass
class Phase:
    kind: str
    start: float
    end: float | None = None
    status: str = ""
    context: tuple[str, str] | None = None  # status code and message


@dataclass
class Project:
    """What builds the image of a system, and where it pushes it."""

    name: str
    target: str
    source: str  # owner/name at GitHub
    repository: Repository
    commit_length: int
    builds: list[Build] = field(default_factory=list)  # oldest first
    tokens: dict[str, tuple[float, str, Build]] = field(default_factory=dict)  # when, what was asked for, its build

    @property
    def log_group(self) -> str:
        return f"/aws/codebuild/{self.name}"


@dataclass
class Build:
    project: Project
    number: int
    version: str  # as it was asked for
    initiator: str
    created: float
    timeout: int = TIMEOUT
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "IN_PROGRESS"
    resolved: str = ""
    phases: list[Phase] = field(default_factory=list)
    lasts: float = PHASES["BUILD"]
    slowed: list[Fault] = field(default_factory=list)  # what makes it last longer, until it has

    @property
    def id(self) -> str:
        return f"{self.project.name}:{self.uuid}"

    @property
    def ended(self) -> float | None:
        return self.phases[-1].start if self.phases[-1].kind == "COMPLETED" else None
