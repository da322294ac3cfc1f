"""GitHub Actions in the REST API: workflows, their runs and dispatches, and the check runs a commit gets from them."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.aws.state.clock import as_text
from sandbox.external_services.github.model import BOT, GitHubError, Repository, Run, Workflow
from sandbox.external_services.github.requests import body, open_repository, page, shapes, text
from sandbox.external_services.github.responses import Json, Shapes
from sandbox.external_services.github.state import GitHub
from sandbox.external_services.service_faults import ServiceFaults

REPO = "/repos/<owner>/<name>"
AS_SEEN: dict[str, tuple[str, str | None]] = {  # by the state of a fault: status and conclusion
    "red": ("completed", "failure"),
    "pending": ("in_progress", None),
    "skipped": ("completed", "skipped"),
}


def make(github: GitHub) -> Blueprint:
    """Return the part of the API that is about Actions."""
    app = Blueprint("actions", __name__)

    def enter(owner: str, name: str) -> Repository:
        repository = open_repository(github, owner, name)
        github.settle()
        return repository

    def answer(repository: Repository, run: Run) -> Json:
        status, conclusion, only = _seen(github.service_faults, repository, run)
        if only and conclusion == "skipped":  # one of its jobs was
            status, conclusion = run.status, run.conclusion
        return shapes().workflow_run(repository, run, status, conclusion)

    @app.get(f"{REPO}/actions/workflows")
    def workflows(owner: str, name: str) -> Response:
        with github.lock:
            repository = enter(owner, name)
            return page([_workflow(shapes(), repository, workflow) for workflow in repository.workflows], "workflows")

    @app.get(f"{REPO}/actions/workflows/<wanted>")
    def workflow(owner: str, name: str, wanted: str) -> Response:
        with github.lock:
            repository = enter(owner, name)
            return jsonify(_workflow(shapes(), repository, _find_workflow(repository, wanted)))

    @app.put(f"{REPO}/actions/workflows/<wanted>/<any(enable, disable):change>")
    def switch(owner: str, name: str, wanted: str, change: str) -> Any:
        with github.lock:
            _find_workflow(enter(owner, name), wanted).active = change == "enable"
            return "", 204

    @app.post(f"{REPO}/actions/workflows/<wanted>/dispatches")
    def dispatch(owner: str, name: str, wanted: str) -> Any:
        with github.lock:
            repository = enter(owner, name)
            found, given = _find_workflow(repository, wanted), body()
            run = _dispatch(github, repository, found, given)
            if given.get("return_run_details") is not True:
                return "", 204
            about = answer(repository, run)
            return jsonify(workflow_run_id=run.id, run_url=about["url"], html_url=about["html_url"])

    @app.get(f"{REPO}/actions/runs")
    @app.get(f"{REPO}/actions/workflows/<wanted>/runs")
    def runs(owner: str, name: str, wanted: str = "") -> Response:
        with github.lock:
            repository = enter(owner, name)
            found = repository.runs
            if wanted:
                one = _find_workflow(repository, wanted)
                found = [each for each in found if each.workflow is one]
            newest = sorted(found, key=lambda each: (each.created, each.id), reverse=True)
            shown = [answer(repository, each) for each in newest if _asked_for(each)]
            if status := request.args.get("status"):
                shown = [each for each in shown if status in (each["status"], each["conclusion"])]
            return page(shown, "workflow_runs")

    @app.get(f"{REPO}/actions/runs/<int:number>")
    def one_run(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository = enter(owner, name)
            return jsonify(answer(repository, _find_run(repository, number)))

    @app.get(f"{REPO}/actions/runs/<int:number>/jobs")
    def jobs(owner: str, name: str, number: int) -> Response:
        with github.lock:
            repository = enter(owner, name)
            run = _find_run(repository, number)
            return page(_jobs(shapes(), repository, run, *_seen(github.service_faults, repository, run)), "jobs")

    @app.post(f"{REPO}/actions/runs/<int:number>/cancel")
    def cancel(owner: str, name: str, number: int) -> Any:
        with github.lock:
            run = _find_run(enter(owner, name), number)
            if run.status == "completed":
                raise GitHubError(409, "Cannot cancel a workflow run that is completed.")
            run.status, run.conclusion, run.updated, run.held = "completed", "cancelled", github.now(), None
            return jsonify({}), 202

    @app.post(f"{REPO}/actions/runs/<int:number>/rerun")
    def rerun(owner: str, name: str, number: int) -> Any:
        with github.lock:
            run = _find_run(enter(owner, name), number)
            if run.status != "completed":
                raise GitHubError(403, "This workflow is already running")
            github.rerun(run)
            return jsonify({}), 201

    @app.get(f"{REPO}/commits/<path:ref>/check-runs")
    def check_runs(owner: str, name: str, ref: str) -> Response:
        with github.lock:
            repository = enter(owner, name)
            commit = repository.resolve(ref)
            if commit is None:
                raise GitHubError(422, f"No commit found for SHA: {ref}")
            shown = [
                _as_check(shapes(), repository, run, job)
                for run in repository.runs
                if run.sha == commit.sha and run.event == "push"
                for job in _jobs(shapes(), repository, run, *_seen(github.service_faults, repository, run))
            ]
            for name_asked, field in (("check_name", "name"), ("status", "status")):
                if value := request.args.get(name_asked):
                    shown = [each for each in shown if each[field] == value]
            return page(shown, "check_runs")

    @app.post(f"{REPO}/check-runs")
    def create_check(owner: str, name: str) -> Response:
        open_repository(github, owner, name)
        raise GitHubError(403, "You must authenticate via a GitHub App.")

    return app


def _asked_for(run: Run) -> bool:
    asked = {"branch": run.branch, "event": run.event, "head_sha": run.sha, "actor": run.actor}
    return all(request.args.get(name) in (None, value) for name, value in asked.items()) and _created(run)


def _created(run: Run) -> bool:
    """Tell whether a run is of the asked time: a day or a moment, alone, after >= or <=, or a range with two dots."""
    asked, at = request.args.get("created"), str(as_text(run.created))
    if not asked:
        return True
    first, dots, last = asked.partition("..")
    if dots:
        return (first == "*" or at >= first) and (last == "*" or at[: len(last)] <= last)
    for sign in (">=", "<=", ">", "<"):
        if asked.startswith(sign):
            bound = asked.removeprefix(sign)
            cut = at[: len(bound)]
            return {">=": cut >= bound, "<=": cut <= bound, ">": cut > bound, "<": cut < bound}[sign]
    return at.startswith(asked)


def _seen(service_faults: ServiceFaults, repository: Repository, run: Run) -> tuple[str, str | None, str | None]:
    """Return a run's status and conclusion as the active faults let them be seen, and the only job of which this is so."""
    if run.held is not None and run.status != "completed":
        run.held.count()
    if run.event == "push":
        name = repository.full_name.lower()
        fault = service_faults.injected(
            "github_checks", name, lambda each: run.sha.startswith(each.fields["commit"] or "")
        )
        if fault and fault.fields["state"] in AS_SEEN:
            return *AS_SEEN[fault.fields["state"]], fault.fields["check"]
    return run.status, run.conclusion, None


def _find_workflow(repository: Repository, wanted: str) -> Workflow:
    for workflow in repository.workflows:
        if wanted in (str(workflow.id), workflow.file):
            return workflow
    raise GitHubError(404, "Not Found")


def _find_run(repository: Repository, number: int) -> Run:
    for run in repository.runs:
        if run.id == number:
            return run
    raise GitHubError(404, "Not Found")


def _dispatch(github: GitHub, repository: Repository, workflow: Workflow, given: Json) -> Run:
    ref, inputs = text(given, "ref", "Workflow"), given.get("inputs") or {}
    if "workflow_dispatch" not in workflow.events:
        raise GitHubError(422, "Workflow does not have 'workflow_dispatch' trigger")
    if not workflow.active:
        raise GitHubError(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if short not in repository.branches and short not in repository.tags:
        raise GitHubError(422, f"No ref found for: {ref}")
    if not isinstance(inputs, dict):
        raise GitHubError(422, "Invalid request.\n\nFor 'properties/inputs', it is not an object.")
    if unknown := sorted(set(inputs) - set(workflow.inputs)):
        raise GitHubError(422, f"Unexpected inputs provided: {unknown}".replace("'", '"'))
    for name, required in workflow.inputs.items():
        if required and not inputs.get(name):
            raise GitHubError(422, f"Required input '{name}' not provided")
    commit = repository.resolve(ref)
    assert commit is not None
    return github.start_run(
        repository, workflow, "workflow_dispatch", short, commit.sha, BOT, workflow.name, inputs=inputs
    )


def _workflow(shape: Shapes, repository: Repository, workflow: Workflow) -> Json:
    return {
        "id": workflow.id,
        "node_id": f"W_{workflow.id}",
        "name": workflow.name,
        "path": workflow.path,
        "state": "active" if workflow.active else "disabled_manually",
        "url": f"{shape.at(repository)}/actions/workflows/{workflow.id}",
        "html_url": f"{shape.page(repository)}/blob/{repository.default_branch}/{workflow.path}",
        "badge_url": f"{shape.page(repository)}/workflows/{workflow.name}/badge.svg",
    }


def _jobs(
    shape: Shapes, repository: Repository, run: Run, status: str, conclusion: str | None, only: str | None
) -> list[Json]:
    """Return a run's jobs; of a failed one the first has failed, or `only` the one of this name is as seen."""
    shown = []
    for place, name in enumerate(run.workflow.jobs):
        number = run.id * 10 + place
        ended = "success" if conclusion == "failure" and place and not only else conclusion
        at = status
        if only and name != only:
            at, ended = run.status, run.conclusion
        shown.append(
            {
                "id": number,
                "run_id": run.id,
                "run_attempt": run.attempt,
                "node_id": f"CR_{number}",
                "head_sha": run.sha,
                "url": f"{shape.at(repository)}/actions/jobs/{number}",
                "html_url": f"{shape.page(repository)}/actions/runs/{run.id}/job/{number}",
                "run_url": f"{shape.at(repository)}/actions/runs/{run.id}",
                "check_run_url": f"{shape.at(repository)}/check-runs/{number}",
                "status": at,
                "conclusion": ended,
                "name": name,
                "workflow_name": run.workflow.name,
                "created_at": as_text(run.created),
                "started_at": as_text(run.started or run.created),
                "completed_at": as_text(run.updated) if at == "completed" else None,
                "steps": [],
                "labels": ["ubuntu-latest"],
            }
        )
    return shown


def _as_check(shape: Shapes, repository: Repository, run: Run, job: Json) -> Json:
    kept = ("id", "node_id", "head_sha", "html_url", "status", "conclusion", "name", "started_at", "completed_at")
    return {
        **{name: job[name] for name in kept},
        "external_id": f"{job['id']}",
        "url": job["check_run_url"],
        "details_url": job["html_url"],
        "output": {
            "title": None,
            "summary": None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{job['check_run_url']}/annotations",
        },
        "check_suite": {"id": run.id},
        "app": {"id": 15368, "slug": "github-actions", "name": "GitHub Actions", "owner": shape.owner("github")},
        "pull_requests": [],
    }
