"""A target's Terraform code at one commit, ready to run in a folder of this worker."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.errors import PreconditionError
from include.github.archive import download_files
from include.infrastructure.context import InfrastructureContext, InfrastructureReadContext
from include.infrastructure.follow import CODE
from include.infrastructure.state import DEFAULT, terraform_of
from include.terraform import process
from include.terraform.binary import find_binary
from include.terraform.command import CHANGED, Backend, Commands, environment
from include.terraform.errors import explain
from include.terraform.events import Event, read_events
from include.terraform.plan import TerraformPlan, read_plan
from include.terraform.process import Ended
from include.terraform.workdir import run_folder

MISSING = "doesn't exist"  # what Terraform says of a workspace
LOCK_FILE = ".terraform.lock.hcl"


@dataclass(frozen=True)
class WorkingCopy:
    """Where and how Terraform's commands run. `folder` is private; the code's own folder is below it."""

    folder: Path
    code: Path
    commands: Commands
    environment: Mapping[str, str]

    def run(self, name: str, argv: Sequence[str]) -> Ended:
        """Run a command to its end. `name` is part of the name of the folder with its output."""
        run = self.folder / f"{name}-{uuid.uuid4().hex[:8]}"
        return process.complete(argv, folder=self.code, run=run, environment=self.environment)

    def expect(self, name: str, argv: Sequence[str], codes: Sequence[int] = (0,)) -> str:
        """Run a command that changes nothing and return its output. Raises: PreconditionError with what it says if it fails."""
        ended = self.run(name, argv)
        if ended.code not in codes:
            raise explain(read_events(f"{ended.output}\n{ended.messages}"))
        return ended.output

    def plan(self, files: Sequence[Path], *, destroy: bool = False, targets: Sequence[str] = ()) -> TerraformPlan:
        """Make a plan with these files of variables, and return it, read. Raises: PreconditionError if Terraform cannot plan."""
        if said := self.try_plan(files, destroy=destroy, targets=targets):
            raise explain(said)
        return self.show()

    def try_plan(
        self, files: Sequence[Path], *, destroy: bool = False, targets: Sequence[str] = ()
    ) -> tuple[Event, ...]:
        """Make a plan. Return nothing, or all that Terraform says if it cannot."""
        ended = self.run("plan", self.commands.plan(files, destroy=destroy, targets=targets))
        return () if ended.code in (0, CHANGED) else read_events(f"{ended.output}\n{ended.messages}")

    def show(self) -> TerraformPlan:
        """Return the plan that was made last, read."""
        return read_plan(self.expect("show", self.commands.show()))

    @property
    def lock_file(self) -> str:
        """The SHA-256 of the lock file, which fixes the versions and the content of the providers."""
        return hashlib.sha256((self.code / LOCK_FILE).read_bytes()).hexdigest()


def check_out(ctx: InfrastructureReadContext, commit: str, folder: Path, *, create: bool = False) -> WorkingCopy:
    """Fetch the code of a commit into a folder, and initialise Terraform there. Raises: PreconditionError.

    `create` makes the target's workspace, with an empty state, if it is missing.
    """
    terraform, access = terraform_of(ctx), ctx.clients.access
    binary = find_binary(terraform.tool, terraform.version).path
    (folder / "repository").mkdir()
    download_files(ctx.infrastructure, commit, folder / "repository")
    code = folder / "repository" / terraform.folder
    if not code.is_dir():
        raise PreconditionError(
            f"Commit {commit[:12]} of {terraform.repository} has no folder {terraform.folder}; give another commit, or correct "
            "terraform.folder in the inventory, nothing was changed."
        )
    if not (code / LOCK_FILE).is_file():
        raise PreconditionError(
            f"Commit {commit[:12]} of {terraform.repository} has no {terraform.folder}/{LOCK_FILE}, so which providers would run is "
            f"not fixed; run '{terraform.tool} init' there and commit the file, nothing was changed."
        )
    assert access  # of every connection
    made = WorkingCopy(folder, code, Commands(binary), environment(access.environment(folder)))
    region = ctx.target.environment.region
    backend = Backend(terraform.state_bucket, terraform.state_key, region, terraform.lock_table or "")
    made.expect("init", made.commands.init(backend))
    if terraform.workspace != DEFAULT:
        _select(made, terraform.workspace, create=create)
    return made


def _select(copy: WorkingCopy, workspace: str, *, create: bool) -> None:
    ended = copy.run("workspace", copy.commands.select_workspace(workspace, create=create))
    if ended.code != 0 and not create and MISSING in ended.messages:
        raise PreconditionError(
            f"Terraform has no workspace {workspace} yet, and a run that only plans makes none; start it without plan_only, which asks "
            "before it changes anything, or create the workspace. Nothing was changed."
        )
    if ended.code != 0:
        raise explain(read_events(f"{ended.output}\n{ended.messages}"))


def open_copy(ctx: InfrastructureContext, code: Path) -> WorkingCopy:
    """Return the copy in which an earlier step of this run has worked on this worker."""
    terraform, access = terraform_of(ctx), ctx.clients.access
    assert access  # of every connection
    folder = run_folder(ctx.apply_id) / CODE
    return WorkingCopy(
        folder,
        code,
        Commands(find_binary(terraform.tool, terraform.version).path),
        environment(access.environment(folder)),
    )
