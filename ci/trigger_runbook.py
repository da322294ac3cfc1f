#!/usr/bin/env python3
"""Trigger a runbook from CI, follow it, and exit as it ended. Copy this one file; it needs only apache-airflow-client.

    AIRFLOW_URL=https://airflow.example.org AIRFLOW_USERNAME=ci AIRFLOW_PASSWORD=... \\
        python trigger_runbook.py service_restart --param target=core/staging --param reason="Release $TAG"

The key is the run's id: the same key again follows the first run instead of starting a second.
"""

import argparse
import difflib
import hashlib
import json
import math
import os
import re
import signal
import sys
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import urllib3
from airflow_client.client import ApiClient, ApiException, Configuration, DAGApi, DagRunApi, TaskInstanceApi, XComApi

SUCCEEDED, FAILED, REFUSED, LOST, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = f"""exit codes:
  {SUCCEEDED}    the run succeeded (with --no-wait: it was started)
  {FAILED}    the run failed or was refused by an approver; the last line says why
  {REFUSED}    what was asked for is wrong; nothing was started by this call
  {LOST}    Airflow could not be reached, did not let us in, or --timeout was over; a run that was started goes on
  {INTERRUPTED}  interrupted; a run that was started goes on

environment:
  AIRFLOW_URL                            where Airflow is, such as https://airflow.example.org
  AIRFLOW_TOKEN                          a ready token; or instead
  AIRFLOW_USERNAME and AIRFLOW_PASSWORD  to log in at /auth/token, again whenever the token has expired"""

LOOK_EVERY = 2.0  # seconds between two looks at a run
PATIENCE = 300.0  # seconds without any answer before Airflow counts as lost: longer than a restart of its API server
CALL = 30.0  # seconds for one answer
LONGEST_PAUSE = 30.0  # seconds between two tries
TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
ENDED = ("success", "failed")
SETTLED = ("success", "failed", "skipped", "upstream_failed", "removed")
KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9_.~:+-]{1,250}")
RESERVED = ("scheduled__", "backfill__", "asset_triggered__", "operator_triggered__")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class RefusedError(Exception):
    """What was asked for is wrong; nothing was started."""


class LostError(Exception):
    """Airflow cannot be asked any more; what was started goes on."""


# --- what is asked for ------------------------------------------------------------------------------------------------


def default_key(environment: Mapping[str, str], params: Mapping[str, Any]) -> str:
    """Return the key of this CI job's attempt at this target. Raises: RefusedError outside a known CI."""
    for names in (
        ("GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB"),
        ("CI_PROJECT_PATH", "CI_COMMIT_SHA", "CI_PIPELINE_ID", "CI_JOB_ID"),  # GitLab
    ):
        if all(environment.get(name) for name in names):
            repository, commit, *rest = (environment[name] for name in names)
            parts = ["ci", repository, commit[:12], *rest, *filter(None, [params.get("target")])]
            return _fitting("-".join(map(str, parts)))
    raise RefusedError("This is no GitHub or GitLab job, so there is nothing to make a key of; say --key.")


def _fitting(text: str) -> str:
    flat = re.sub(r"\.\.+", ".", re.sub(r"[^A-Za-z0-9_.~:+-]+", "-", text))
    if len(flat) <= 200 and flat == text:
        return flat
    # two texts may look the same once they are made to fit, so the whole of it is in the end
    return f"{flat[:200]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def checked_key(key: str) -> str:
    """Return a key that Airflow takes as the id of a run. Raises: RefusedError."""
    if not KEY.fullmatch(key) or key.startswith(RESERVED):
        raise RefusedError(
            f"Key {shown(key)} is no id for a run: 1 to 250 of the characters A-Z a-z 0-9 _ . ~ : + - without '..', "
            f"and not beginning with {', '.join(RESERVED)}."
        )
    return key


def given_params(pairs: Sequence[str], file: str | None, declared: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the params of --params-file and, over them, of --param. Raises: RefusedError."""
    params = _file_params(Path(file)) if file else {}
    seen = set()
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise RefusedError(f"--param {shown(pair)} is not of the form name=value.")
        if name in seen:
            raise RefusedError(f"--param {name} is given twice; keep one of the two.")
        seen.add(name)
        params[name] = value_of(text, ((declared or {}).get(name) or {}).get("schema") or {})
    return params


def value_of(text: str, schema: Mapping[str, Any]) -> Any:
    """Return the JSON value that a text is, or the text itself: also where a text is wanted, so that 1.10 stays 1.10."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text
    wanted = _kinds(schema)
    return text if wanted and "string" in wanted and not _is_of(value, wanted) else value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _file_params(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise RefusedError(f"--params-file {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise RefusedError(f"--params-file {file} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise RefusedError(f"--params-file {file} must hold a JSON object, not {shown(content)}.")
    return content


def complaint(params: Mapping[str, Any], declared: Mapping[str, Any]) -> str | None:
    """Return what of the params the runbook does not take, or None. The rest of its schema is Airflow's to check."""
    if unknown := sorted(set(params) - set(declared)):
        near = difflib.get_close_matches(unknown[0], declared, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        return (
            f"It knows no {', '.join(map(shown, unknown))}; it takes {', '.join(sorted(declared)) or 'nothing'}.{meant}"
        )
    for name, param in declared.items():
        schema = param.get("schema") or {}
        if name not in params and param.get("value") is None and "null" not in _kinds(schema, without="null"):
            return f"{name} is missing; say --param {name}=..."
        if name in params and (problem := _problem(params[name], schema)):
            return f"{name} is {shown(params[name])}, but {problem}."
    return None


def _problem(value: Any, schema: Mapping[str, Any]) -> str | None:
    kinds = _kinds(schema)
    if kinds and not _is_of(value, kinds):
        return f"must be of type {' or '.join(kinds)}"
    offered = schema.get("enum")
    if offered and value not in offered:
        near = difflib.get_close_matches(str(value).strip().lower(), map(str, offered), n=1, cutoff=0.8)
        meant = f" (did you mean {near[0]}?)" if near else ""
        return f"must be one of {', '.join(map(str, offered))}{meant}"
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            return f"at least {schema['minLength']} characters are needed"
        if len(value) > schema.get("maxLength", math.inf):
            return f"at most {schema['maxLength']} characters are taken"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", -math.inf):
            return f"the least is {schema['minimum']}"
        if value > schema.get("maximum", math.inf):
            return f"the most is {schema['maximum']}"
    return None


def _kinds(schema: Mapping[str, Any], without: str | None = None) -> list[str]:
    kinds = schema.get("type") or ([without] if without else [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _is_of(value: Any, kinds: Sequence[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return True
    return any(isinstance(value, KINDS.get(kind, (object,))) for kind in kinds)


def differences(asked: Mapping[str, Any], first: Mapping[str, Any], declared: Mapping[str, Any]) -> list[str]:
    """Say in which params a run differs from what is asked for; a default counts as given."""
    defaults = {name: param.get("value") for name, param in declared.items()}
    one, other = {**defaults, **asked}, {**defaults, **first}
    return [
        f"{name} is {shown(other.get(name))} there and {shown(one.get(name))} here"
        for name in sorted({*one, *other})
        if (name in one, one.get(name)) != (name in other, other.get(name))
    ]


def seconds(text: str) -> float:
    """Return the seconds of 90s, 30m, 4h or 1d."""
    match = re.fullmatch(r"([0-9]+)([smhd])", text)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 90s, 30m or 4h")
    return int(match[1]) * UNITS[match[2]]


def one_line(text: object) -> str:
    """Return text on one line, without marks that can hide or reorder what a log shows."""
    return "".join(mark for mark in " ".join(str(text).split()) if unicodedata.category(mark) not in ("Cc", "Cf"))


def shown(value: object) -> str:
    """Return a value as a message shows it: cut, and in ASCII so that a look-alike gives itself away."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:80]}... ({len(text):,} characters)"


def say(text: str) -> None:
    """Print a line, with the time before it: CI systems take orders from lines that begin with '::'."""
    print(f"{datetime.now():%H:%M:%S}  {one_line(text)}", flush=True)  # noqa: DTZ005 - the reader's own clock


# --- Airflow ----------------------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """What Airflow answered: status, and the JSON body or the text."""

    status: int
    body: Any

    @property
    def detail(self) -> str:
        """What is wrong, on one line."""
        detail = self.body.get("detail", self.body) if isinstance(self.body, dict) else self.body
        if isinstance(detail, list):  # FastAPI's own list of mistakes
            return "; ".join(f"{'.'.join(map(str, each.get('loc', [])))}: {each.get('msg')}" for each in detail)
        if isinstance(detail, dict):
            return one_line(detail.get("reason") or detail)[:500]
        return one_line(str(detail).split("\n\n")[0])[:500]  # a schema's dump follows after an empty line


class Airflow:
    """The REST API through the official client, patient with a server that is away for a while."""

    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float] = time.monotonic):
        self.url = _url(environment.get("AIRFLOW_URL", ""))
        self._token = environment.get("AIRFLOW_TOKEN")
        self._login = (environment.get("AIRFLOW_USERNAME"), environment.get("AIRFLOW_PASSWORD"))
        if not self._token and not all(self._login):
            raise RefusedError("Set AIRFLOW_TOKEN, or AIRFLOW_USERNAME and AIRFLOW_PASSWORD, in the environment.")
        # its own tries are switched off: they know neither a 401 nor when to give up; redirects too: a token goes nowhere else
        self.client = ApiClient(Configuration(host=self.url, access_token=self._token, retries=urllib3.Retry(False)))
        self.dags, self.runs = DAGApi(self.client), DagRunApi(self.client)
        self.tasks, self.xcoms = TaskInstanceApi(self.client), XComApi(self.client)
        self.deadline = math.inf
        self._clock = clock

    def ask(self, call: Callable[..., Any], *args: Any, **fields: Any) -> Answer:
        """Make a call of the client until there is an answer; a token that has expired is renewed once.

        Raises: LostError if there is none, or the token is not taken.
        """
        if self.client.configuration.access_token is None:
            self._renew()
        answer = self._patiently(lambda: call(*args, **fields, _request_timeout=CALL))
        if answer.status == 401:
            self._renew()
            answer = self._patiently(lambda: call(*args, **fields, _request_timeout=CALL))
        if answer.status == 401:
            raise LostError(f"Airflow does not take our token: {answer.detail}.")
        return answer

    def _renew(self) -> None:
        if not all(self._login):
            raise LostError("Airflow does not (or no longer) take the token of AIRFLOW_TOKEN; get a new one.")
        username, password = self._login

        def login() -> Any:
            body, headers = {"username": username, "password": password}, {"Content-Type": "application/json"}
            rest: Any = self.client.rest_client  # carries no annotations
            return rest.request("POST", f"{self.url}/auth/token", headers, body, _request_timeout=CALL).response

        answer = self._patiently(login)
        if answer.status not in (200, 201) or not isinstance(answer.body, dict) or "access_token" not in answer.body:
            raise LostError(f"Airflow does not let {username} in ({answer.status}): {answer.detail}.")
        self.client.configuration.access_token = answer.body["access_token"]

    def _patiently(self, call: Callable[[], Any]) -> Answer:
        give_up, pause, told = min(self._clock() + PATIENCE, self.deadline), 1.0, False
        while True:
            wait = pause
            try:
                response = call()
                answer = Answer(response.status, _content(response))
                if answer.status not in TRY_AGAIN:
                    return answer
                why = f"it answers {answer.status}"
                wait = _wished(response.headers.get("Retry-After"), pause)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                why = one_line(type(error).__name__ if isinstance(error, urllib3.exceptions.ProtocolError) else error)
            except ApiException as error:  # what the client makes of a certificate that is not trusted
                raise LostError(f"No safe connection to {self.url}: {one_line(error.reason)}.") from error
            if self._clock() + wait >= give_up:
                raise LostError(f"Airflow at {self.url} could not be reached: {why}.")
            if not told:
                say(f"Airflow is not there at the moment ({why}); trying again.")
                told = True
            time.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)


def _url(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise RefusedError(
            "AIRFLOW_URL must be an address such as https://airflow.example.org, without user or password."
        )
    return text.strip().rstrip("/")


def _content(response: Any) -> Any:
    text = response.data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _wished(header: str | None, otherwise: float) -> float:
    return min(float(header), LONGEST_PAUSE) if header and header.isdigit() else otherwise


# --- one run ----------------------------------------------------------------------------------------------------------


@dataclass
class Followed:
    """One run of a runbook, as it is told line by line."""

    airflow: Airflow
    runbook: str
    key: str
    _told: set[tuple[str, int, int, str]] = field(default_factory=set)
    _why: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> str:
        return f"{self.airflow.url}/dags/{self.runbook}/runs/{quote(self.key, safe='')}"

    def find(self) -> dict[str, Any] | None:
        """Return the run if there is one already. Raises: RefusedError."""
        answer = self.airflow.ask(self.airflow.runs.get_dag_run_without_preload_content, self.runbook, self.key)
        if answer.status == 404:
            return None
        return _of(answer, 200, f"Run {self.key} of {self.runbook} cannot be read")

    def start_or_find(self, params: Mapping[str, Any], declared: Mapping[str, Any]) -> bool:
        """Start the run, or find the first one of this key; returns whether it was started. Raises: RefusedError."""
        found = self.find()
        if found is None:
            if problem := complaint(params, declared):
                raise RefusedError(f"{self.runbook} was not started. {problem}")
            self._refuse_unfit()
            body = {"dag_run_id": self.key, "logical_date": None, "conf": dict(params)}
            answer = self.airflow.ask(self.airflow.runs.trigger_dag_run_without_preload_content, self.runbook, body)
            if answer.status != 409:
                _of(answer, 200, f"{self.runbook} was not started")
                return True
            found = self.find()  # another process with our key was faster, or our own first try had arrived after all
            if found is None:
                raise RefusedError(
                    f"{self.runbook} was not started: Airflow has a run {self.key} but does not show it."
                )
        if different := differences(params, found["conf"] or {}, declared):
            raise RefusedError(
                f"Key {self.key} is taken by a run that was asked for something else: {'; '.join(different)}. Its outcome "
                f"would not be yours; use another key. {self.page}"
            )
        return False

    def _refuse_unfit(self) -> None:
        details = self.airflow.ask(self.airflow.dags.get_dag_without_preload_content, self.runbook).body
        if details.get("has_import_errors"):
            raise RefusedError(f"{self.runbook} was not started: its file has an import error, see {self.airflow.url}.")
        if details.get("is_paused"):
            raise RefusedError(
                f"{self.runbook} was not started: it is paused, so a run would only wait; unpause it first."
            )

    def follow(self, until: float) -> bool:
        """Tell the run until it has ended; returns whether it succeeded. Raises: LostError."""
        while True:
            state = self._state()  # before the tasks: what ends in between is told at the next look
            self._tell(self._tasks())
            if state in ENDED:
                return state == "success"
            if time.monotonic() > until:
                raise LostError(f"The time is over and {self.runbook} is still {state}.")
            time.sleep(LOOK_EVERY)

    def outcome(self, succeeded: bool) -> str:
        """Return the last sentence of the run: what its record says, and what failed first."""
        tasks = sorted(self._tasks(), key=lambda task: str(task["end_date"]))
        if not succeeded:
            reasons = [self._why[task["task_id"]] for task in tasks if self._why.get(task["task_id"])]
            last = [reasons[-1]] if reasons[1:] and reasons[-1] != reasons[0] else []
            return f"{self.runbook} failed. {' '.join([*reasons[:1], *last]) or 'See ' + self.page}"
        said = [
            self._said(task) for task in tasks if task["state"] == "success" and task["task_id"].startswith("record_")
        ]
        return f"{self.runbook} succeeded. {' '.join(text for text in said if text)}".strip()

    def plan(self) -> str | None:
        """Return the plan that a planning task left, as Markdown."""
        for task in self._tasks():
            if task["task_id"].startswith("plan_") and task["state"] == "success":
                value = self._xcom(task)
                return str(value["markdown"]) if isinstance(value, dict) and "markdown" in value else None
        return None

    def _state(self) -> str:
        found = self.find()
        if found is None:
            raise LostError(f"Run {self.key} of {self.runbook} is gone: somebody deleted it.")
        return str(found["state"])

    def _tasks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = self.airflow.ask(
                self.airflow.tasks.get_task_instances_without_preload_content,
                self.runbook,
                self.key,
                limit=100,
                offset=len(found),
            )
            page = _of(answer, 200, f"The tasks of {self.key} cannot be read")
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= (page.get("total_entries") or 0):
                return found

    def _tell(self, tasks: Sequence[dict[str, Any]]) -> None:
        for task in sorted(tasks, key=lambda each: (str(each["end_date"] or "~"), str(each["start_date"]))):
            state, name = task["state"], task["task_id"]
            step = (name, task["map_index"], task["try_number"], str(state))
            if state in (None, "none", "scheduled", "queued", "skipped", "upstream_failed") or step in self._told:
                continue
            self._told.add(step)
            line = f"{state:<20}{name}{_lasted(task)}"
            if state == "awaiting_input":
                line += f": {self._question(task)}"
            elif state in ("failed", "up_for_retry"):
                self._why[name] = self._failure(task)
                line += f": {self._why[name]}"
            say(line)

    def _question(self, task: dict[str, Any]) -> str:
        answer = self.airflow.ask(
            self.airflow.tasks.get_hitl_detail_without_preload_content,
            self.runbook,
            self.key,
            task["task_id"],
            task["map_index"],
        )
        link = f"{self.page}/tasks/{quote(task['task_id'], safe='')}/required_actions?map_index={task['map_index']}"
        if answer.status != 200:  # it may have been answered meanwhile, or is not ours to read
            return link
        people = " or ".join(one_line(user["name"]) for user in answer.body.get("assigned_users") or []) or "anyone"
        return f"waiting for {people}: {answer.body.get('subject')} {link}"

    def _failure(self, task: dict[str, Any]) -> str:
        answer = self.airflow.ask(
            self.airflow.tasks.get_log_without_preload_content,
            self.runbook,
            self.key,
            task["task_id"],
            max(1, task["try_number"] - (task["state"] == "up_for_retry")),
            map_index=task["map_index"],
            full_content=True,
            accept="application/json",
        )
        lines = answer.body.get("content", []) if answer.status == 200 and isinstance(answer.body, dict) else []
        for line in reversed(lines):
            if isinstance(line, dict) and (details := line.get("error_detail")):
                return one_line(details[0].get("exc_value") or details[0].get("exc_type"))
        return ""

    def _said(self, task: dict[str, Any]) -> str:
        value = self._xcom(task)
        return one_line(value) if isinstance(value, str) else ""

    def _xcom(self, task: dict[str, Any]) -> Any:
        answer = self.airflow.ask(
            self.airflow.xcoms.get_xcom_entry_without_preload_content,
            self.runbook,
            task["task_id"],
            self.key,
            "return_value",
            map_index=task["map_index"],
            stringify=False,
        )
        return answer.body.get("value") if answer.status == 200 else None


def _of(answer: Answer, expected: int, otherwise: str) -> dict[str, Any]:
    if answer.status != expected or not isinstance(answer.body, dict):
        raise RefusedError(f"{otherwise} ({answer.status}): {answer.detail}")
    return answer.body


def _lasted(task: Mapping[str, Any]) -> str:
    if task["state"] not in SETTLED or not task["start_date"] or not task["end_date"]:
        return ""
    lasted = datetime.fromisoformat(task["end_date"]) - datetime.fromisoformat(task["start_date"])
    return f" ({lasted.total_seconds():.0f} s)"


def declared_params(airflow: Airflow, runbook: str) -> dict[str, Any]:
    """Return the params a runbook declares. Raises: RefusedError naming the runbooks there are."""
    answer = airflow.ask(airflow.dags.get_dag_details_without_preload_content, runbook)
    if answer.status == 404:
        listed = airflow.ask(airflow.dags.get_dags_without_preload_content, limit=100)
        names = sorted(dag["dag_id"] for dag in listed.body["dags"]) if listed.status == 200 else []
        raise RefusedError(
            f"There is no runbook {shown(runbook)}; there is {', '.join(names) or 'none that we may see'}."
        )
    return dict(_of(answer, 200, f"{runbook} cannot be read").get("params") or {})


# --- the command ------------------------------------------------------------------------------------------------------


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command's options; ends the program with code 2 if they are wrong."""
    words = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXIT_CODES, formatter_class=words, allow_abbrev=False)
    parser.add_argument("runbook", help="such as service_restart")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="JSON where it is; may repeat"
    )
    parser.add_argument("--params-file", metavar="FILE", help="a JSON object of params; --param goes before it")
    parser.add_argument("--key", help="the run's id (default: repository, commit, workflow run, attempt, job, target)")
    parser.add_argument("--timeout", type=seconds, default=seconds("4h"), metavar="4h", help="how long to follow")
    parser.add_argument("--no-wait", action="store_true", help="only start the run")
    return parser.parse_args(arguments)


def run(given: argparse.Namespace, environment: Mapping[str, str], followed: list[Followed]) -> int:
    """Start or find the run and follow it; returns the exit code. Raises: RefusedError, LostError."""
    until = time.monotonic() + given.timeout
    key = checked_key(given.key) if given.key is not None else None
    given_params(given.param, given.params_file)  # what cannot be read is refused before Airflow is asked
    airflow = Airflow(environment)
    airflow.deadline = until
    declared = declared_params(airflow, given.runbook)
    params = given_params(given.param, given.params_file, declared)
    this = Followed(airflow, given.runbook, key or default_key(environment, params))
    started = this.start_or_find(params, declared)
    followed.append(this)
    say(f"{'Started' if started else 'Follows the run this key has already:'} {this.key}  {this.page}")
    if given.no_wait:
        return SUCCEEDED
    try:
        succeeded = this.follow(until)
        if succeeded and params.get("plan_only") is True and (plan := this.plan()):
            print("\n".join(f"  | {one_line(line)}" for line in plan.splitlines()), flush=True)
        say(this.outcome(succeeded))
    except RefusedError as refusal:  # to read the run, not to start it
        raise LostError(str(refusal)) from refusal
    return SUCCEEDED if succeeded else FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code."""
    given, followed = options(arguments), list[Followed]()
    signal.signal(signal.SIGTERM, _interrupt)  # how CI systems end a job
    try:
        return run(given, os.environ, followed)
    except RefusedError as refusal:
        say(f"Refused: {refusal}")
        return REFUSED
    except LostError as lost:
        say(f"{lost} {_how_to_follow(followed)}")
        return LOST
    except KeyboardInterrupt:
        say(f"Interrupted. {_how_to_follow(followed)}")
        return INTERRUPTED


def _how_to_follow(followed: Sequence[Followed]) -> str:
    if not followed:
        return "Whether a run was started is not known; the same command with the same key is safe to repeat."
    return f"The run goes on: {followed[0].page} (the same command with --key {followed[0].key} follows it again)"


def _interrupt(_sign: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
