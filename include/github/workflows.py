"""GitHub's workflow runs: list the running ones, start one, find one and follow it."""

from dataclasses import dataclass
from datetime import datetime

from github import GithubObject
from github.Repository import Repository
from github.WorkflowRun import WorkflowRun as Run

from include.github.errors import listed, name_of, read, translated
from include.write import Action, Write

# in the order of a run's states, so that a run that changes state between two calls is seen by the later call
UNFINISHED = ("requested", "waiting", "pending", "queued", "in_progress")
DISPATCH = "workflow_dispatch"
CREATE_DISPATCH = Action("github", "CreateWorkflowDispatch")


@dataclass(frozen=True)
class WorkflowRun:
    """One run of a workflow. Its conclusion is "" until it is completed. `branch` may be one of a fork, by the same name."""

    id: int
    name: str
    file: str
    event: str
    status: str
    conclusion: str
    url: str
    head_sha: str
    branch: str
    created_at: datetime  # by GitHub's clock


def list_running_workflows(repository: Repository) -> tuple[WorkflowRun, ...]:
    """Return the runs that have not ended, oldest first."""

    def look() -> tuple[WorkflowRun, ...]:
        found = {
            run.id: _run(run)
            for status in UNFINISHED
            for run in listed(repository.get_workflow_runs(status=status), "id")
        }
        return tuple(sorted(found.values(), key=_age))

    return read(f"repository {name_of(repository)}", look)


def dispatch_workflow(repository: Repository, file: str, ref: str, inputs: dict[str, str]) -> Write[int | None]:
    """Return the write that starts a workflow and returns its run's id. The id is None if GitHub does not report it; use find_run then.

    A call that failed with ServiceUnavailableError may have started a run: look before starting another.
    Raises: PreconditionError, ServiceUnavailableError.
    """

    def make() -> int | None:
        with translated(f"workflow {file} of {name_of(repository)}"):
            workflow = repository.get_workflow(file)
            run = workflow.create_dispatch(ref, inputs, throw=True, return_run_details=True)
            return run.id if isinstance(run, Run) else None

    return Write(
        CREATE_DISPATCH,
        f"{name_of(repository)} {file}: {', '.join(f'{name} {value[:12]}' for name, value in inputs.items())}",
        make,
        resources={"repository": name_of(repository)},
        values={"workflow": file, **inputs},
    )


def newest_run(repository: Repository, file: str, event: str = DISPATCH) -> int:
    """Return the id of the newest run of a workflow, or 0 if it never ran. Runs that start later have higher ids."""

    def look() -> int:
        return max(
            (run.id for run in listed(repository.get_workflow(file).get_runs(event=event).get_page(0), "id")),
            default=0,
        )

    return read(f"workflow {file} of {name_of(repository)}", look)


def find_run(
    repository: Repository,
    file: str,
    event: str = DISPATCH,
    *,
    after: int = 0,
    since: datetime | None = None,
    sha: str = "",
) -> WorkflowRun | None:
    """Return the first run of a workflow by that event, or None: with an id above `after`, not before `since`, of that commit.

    `since` is by GitHub's clock, such as a release's published_at.
    """

    def look() -> list[WorkflowRun]:
        of = sha or GithubObject.NotSet
        created = f">={since:%Y-%m-%dT%H:%M:%SZ}" if since else GithubObject.NotSet
        runs = repository.get_workflow(file).get_runs(event=event, head_sha=of, created=created)
        return [_run(run) for run in listed(runs, "id") if run.id > after]

    return min(read(f"workflow {file} of {name_of(repository)}", look), key=_age, default=None)


def get_run(repository: Repository, run: int) -> WorkflowRun:
    """Return the current state of a run. Raises: PreconditionError if no run has that id; ServiceUnavailableError."""
    return read(f"workflow run {run} in {name_of(repository)}", lambda: _run(repository.get_workflow_run(run)))


def _age(run: WorkflowRun) -> tuple[datetime, int]:
    return run.created_at, run.id


def _run(run: Run) -> WorkflowRun:
    return WorkflowRun(
        run.id,
        run.name,
        run.path.split("@", 1)[0].rsplit("/", 1)[-1],
        run.event,
        run.status,
        run.conclusion or "",
        run.html_url,
        run.head_sha,
        run.head_branch or "",
        run.created_at,
    )
