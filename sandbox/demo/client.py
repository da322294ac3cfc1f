"""A client of Airflow's REST API and of the control API, for rehearsals."""

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import httpx

from include.inventory import load
from sandbox.errors import SandboxError

TIMEOUT = 30.0  # seconds for one answer


class RefusedError(SandboxError):
    """The sandbox refused a request. `status` is the HTTP status of its answer."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


OF_INFRASTRUCTURE = (  # runbooks whose commits are of the Terraform code
    "account_promotion",
    "infrastructure_change",
    "infrastructure_recreation",
)


class Client:
    """Talks to the sandbox that an endpoints.json names, as any of its users."""

    def __init__(self, endpoints: dict[str, Any]):
        self.endpoints = endpoints
        self.http = httpx.Client(trust_env=False, timeout=TIMEOUT)
        self._tokens: dict[str, str] = {}

    def get(self, path: str, user: str = "operator", **params: Any) -> Any:
        return self._ask("GET", path, user, params=params)

    def post(self, path: str, body: dict[str, Any], user: str = "operator") -> Any:
        return self._ask("POST", path, user, json=body)

    def patch(self, path: str, body: dict[str, Any], user: str) -> Any:
        return self._ask("PATCH", path, user, json=body)

    def control(self, path: str, **params: Any) -> Any:
        """Return what the control API says."""
        answer = self.http.get(self.endpoints["control"] + path, params=params)
        return _content(answer)

    def inject(self, fault: dict[str, Any]) -> dict[str, Any]:
        """Inject a fault; returns it with all its fields. Raises: SandboxError."""
        injected: dict[str, Any] = _content(self.http.post(self.endpoints["control"] + "/faults", json=fault))
        return injected

    def struck(self, fault: str) -> int:
        """Return how often a fault has taken effect."""
        return int(next(each["injected"] for each in self.control("/faults")["faults"] if each["id"] == fault))

    def heal(self, fault: str) -> None:
        """Remove a fault."""
        _content(self.http.delete(f"{self.endpoints['control']}/faults/{fault}"))

    def target(self, name: str) -> dict[str, Any] | None:
        """Return a target of the world as it is now, or None if the world has none of that name."""
        found: list[dict[str, Any]] = [target for target in self.control("/world")["targets"] if target["name"] == name]
        return found[0] if found else None

    def newest_commit(self, target: str, runbook: str) -> str:
        """Return the newest commit on the main branch of the repository that a runbook works with. Raises: SandboxError."""
        found, terraform = load().target(target), load().target(target).environment.terraform
        wanted = terraform.repository if terraform and runbook in OF_INFRASTRUCTURE else found.system.github
        known = [repository for repository in self.control("/github")["repositories"] if repository["name"] == wanted]
        if not known:
            raise SandboxError(f'{target} has no repository on GitHub; name a commit in PARAMS={{"commit": "..."}}.')
        return str(known[0]["commits"][0]["sha"])

    def wanted_app(self, like: str) -> str:
        """Return a review app of the same template as another, whose pull request asks for it. Raises: SandboxError."""
        app, inventory = load().target(like), load()
        label = app.review_app.label if app.review_app.opt_in == "label" else None
        for repository in self.control("/github")["repositories"]:
            for issue in repository["issues"] if repository["name"] == app.system.github else ():
                if issue["pull"] and issue["state"] == "open" and (label is None or label in issue["labels"]):
                    return inventory.review_app(app.pattern, issue["number"]).name
        raise SandboxError(f"No open pull request of {app.system.github} asks for a review app; name one in TARGET.")

    def act(self, repository: str, number: int, does: str, **more: str) -> dict[str, Any]:
        """Do something with a pull request, as a person does."""
        body = {"repository": repository, "number": number, "does": does, **more}
        made: dict[str, Any] = _content(self.http.post(self.endpoints["control"] + "/github/pulls", json=body))
        return made

    def enter_secrets(self, target: str) -> None:
        """Enter a value into each secret that the inventory has people enter, as one of them does in AWS."""
        terraform = load().target(target).environment.terraform
        for name in terraform.recreation.entered if terraform and terraform.recreation else ():
            body = {"target": target, "name": name, "value": f"rehearsal-of-{name.lower()}@example.com"}
            _content(self.http.post(self.endpoints["control"] + "/secrets", json=body))

    def new_data(self, target: str) -> list[dict[str, str]]:
        """Return the regions of a target that have new data, each with its newest whole folder. Raises: SandboxError."""
        folders = self.control("/regions", target=target)["folders"]
        found = [{"region": folder["region"], "data": folder["uri"]} for folder in folders if folder["is_new"]]
        if not found:
            raise SandboxError(f'{target} has no new region data; name some in PARAMS={{"regions": [...]}}.')
        return found

    def _ask(self, method: str, path: str, user: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token(user)}", "Accept": "application/json"}
        return _content(self.http.request(method, f"{self.endpoints['airflow']}/api/v2{path}", headers=headers, **more))

    def _token(self, user: str) -> str:
        if user not in self._tokens:
            login = {"username": user, "password": self.endpoints["users"][user]["password"]}
            self._tokens[user] = _content(self.http.post(f"{self.endpoints['airflow']}/auth/token", json=login))[
                "access_token"
            ]
        return self._tokens[user]


class Run:
    """One run of a runbook."""

    def __init__(self, client: Client, dag_id: str, run_id: str):
        self.client = client
        self.dag_id = dag_id
        self.run_id = run_id
        self.path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"

    @property
    def page(self) -> str:
        """Where a browser shows the run."""
        return f"{self.client.endpoints['airflow']}/dags/{self.dag_id}/runs/{quote(self.run_id, safe='')}"

    def state(self) -> str:
        return str(self.client.get(self.path)["state"])

    def note(self) -> str:
        """Return what the run says of itself in Airflow's list of runs, without its links."""
        return unescape(re.sub(r" \[[^]]*\]\(\S*\)", "", str(self.client.get(self.path)["note"] or "")))

    def plan(self) -> str:
        """Return the plan as Markdown, or nothing if there is none."""
        for task in self.tasks():
            if task["task_id"].startswith("plan_") and task["state"] == "success":
                found = self.client.get(f"{self._task(task)}/xcomEntries/return_value", deserialize=True)
                return str(found["value"]["markdown"])
        return ""

    def tasks(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.client.get(f"{self.path}/taskInstances", limit=200)["task_instances"]
        return listed

    def question(self, task: dict[str, Any]) -> dict[str, Any]:
        """Return what a task that awaits input asks."""
        asked: dict[str, Any] = self.client.get(f"{self._task(task)}/{task['map_index']}/hitlDetails")
        return asked

    def answer(self, task: dict[str, Any], option: str, user: str, form: dict[str, Any] | None = None) -> None:
        """Choose an option; `form` holds what the question's form asks for besides."""
        body = {"chosen_options": [option], "params_input": form or {}}
        self.client.patch(f"{self._task(task)}/{task['map_index']}/hitlDetails", body, user)

    def log(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the log of a task's last try, line by line."""
        tries = max(1, task["try_number"])
        content: list[dict[str, Any]] = self.client.get(
            f"{self._task(task)}/logs/{tries}", map_index=task["map_index"]
        )["content"]
        return [line for line in content if isinstance(line, dict)]

    def _task(self, task: dict[str, Any]) -> str:
        return f"{self.path}/taskInstances/{quote(task['task_id'], safe='')}"


def trigger(client: Client, dag_id: str, conf: dict[str, Any]) -> Run:
    """Start a run as the operator."""
    started = client.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
    return Run(client, dag_id, started["dag_run_id"])


def declared_params(client: Client, dag_id: str) -> dict[str, Any]:
    """Return the params of a runbook. Raises: SandboxError naming the runbooks there are."""
    known = [dag["dag_id"] for dag in client.get("/dags", limit=200)["dags"]]
    if dag_id not in known:
        raise SandboxError(f"There is no runbook {dag_id!r}; choose one of {', '.join(sorted(known)) or 'none'}.")
    params: dict[str, Any] = client.get(f"/dags/{dag_id}/details")["params"] or {}
    return params


def _content(answer: httpx.Response) -> Any:
    if answer.status_code >= 400:
        try:
            body = answer.json()
            said = body.get("detail") or body.get("error") or body
        except ValueError:
            said = answer.text[:300]
        raise RefusedError(
            f"{answer.request.method} {answer.request.url.path} was refused ({answer.status_code}): {said}",
            answer.status_code,
        )
    return answer.json()
