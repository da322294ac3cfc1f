#!/usr/bin/env python3
"""Trigger a runbook from CI, follow it, and exit as it ended. Copy this one file; it needs nothing but Python 3.11.

    AIRFLOW_URL=https://airflow.example.org AIRFLOW_USERNAME=ci AIRFLOW_PASSWORD=... \\
        python trigger_runbook.py service_restart --param target=core/staging --param reason="Release $TAG"

The key is the run's id: the same key again follows the first run instead of starting a second.
"""

import argparse
import hashlib
import http.client
import json
import os
import re
import signal
import ssl
import sys
import time
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

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
LOST_AFTER = 300.0  # seconds without any answer before Airflow counts as lost: longer than a restart of its API server
CALL = 30.0  # seconds for one answer
LONGEST_PAUSE = 30.0  # seconds between two tries
TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
NOT_TOLD = (None, "none", "scheduled", "queued", "skipped", "upstream_failed")
CI_SYSTEMS = (
    ("GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB"),
    ("CI_PROJECT_PATH", "CI_COMMIT_SHA", "CI_PIPELINE_ID", "CI_JOB_ID"),  # GitLab
)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class RefusedError(Exception):
    """What was asked for is wrong; nothing was started."""


class LostError(Exception):
    """Airflow cannot be asked any more; what was started goes on."""


def default_key(environment: Mapping[str, str], target: object) -> str:
    """Return the key of this CI job's attempt at this target. Raises: RefusedError outside a known CI."""
    for names in CI_SYSTEMS:
        values = [environment.get(name, "") for name in names]
        if all(values):
            text = "-".join(["ci", values[0], values[1][:12], *values[2:], *([str(target)] if target else [])])
            flat = re.sub(r"\.\.+", ".", re.sub(r"[^A-Za-z0-9_.~:+-]+", "-", text))[:200]
            # two texts may look the same once they are made to fit, so the whole of it is in the end
            return text if flat == text else f"{flat}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    raise RefusedError("This is no GitHub or GitLab job, so there is nothing to make a key of; say --key.")


def given_params(pairs: Sequence[str], file: str | None, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the params of --params-file and, over them, of --param. Raises: RefusedError."""
    try:
        params: dict[str, Any] = dict(json.loads(Path(file).read_text(encoding="utf-8"))) if file else {}
    except (OSError, ValueError, TypeError) as error:
        raise RefusedError(f"--params-file {file} is no JSON object that can be read: {error}.") from error
    seen = set()
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name or name in seen:
            raise RefusedError(f"--param {pair!r} is not of the form name=value, or its name is given twice.")
        seen.add(name)
        params[name] = value_of(text, declared.get(name, {}).get("schema", {}).get("type", ()))
    return params


def value_of(text: str, kinds: str | Sequence[str]) -> Any:
    """Return the JSON value that a text is, or the text itself: also where a text is wanted, so that 1.10 stays 1.10."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    wants_text = "string" in kinds and not isinstance(value, str) and not (value is None and "null" in kinds)
    return text if wants_text else value


def differences(asked: Mapping[str, Any], first: Mapping[str, Any], declared: Mapping[str, Any]) -> list[str]:
    """Say in which params a run differs from what is asked for; a default counts as given."""
    defaults = {name: param.get("value") for name, param in declared.items()}
    here, there = {**defaults, **asked}, {**defaults, **first}
    names = [name for name in sorted({*here, *there}) if json.dumps(here.get(name)) != json.dumps(there.get(name))]
    return [f"{name} is {there.get(name)!a} there and {here.get(name)!a} here" for name in names]


def seconds(text: str) -> float:
    """Return the seconds of 90s, 30m, 4h or 1d."""
    match = re.fullmatch(r"([0-9]+)([smhd])", text)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 90s, 30m or 4h")
    return int(match[1]) * UNITS[match[2]]


def one_line(text: object) -> str:
    """Return text on one line, without marks that can hide or reorder what a log shows."""
    return "".join(mark for mark in " ".join(str(text).split()) if unicodedata.category(mark) not in ("Cc", "Cf"))


def say(text: str) -> None:
    """Print a line, with the time before it: CI systems take orders from lines that begin with '::'."""
    print(f"{time.strftime('%H:%M:%S')}  {one_line(text)}", flush=True)


def cause_in(line: dict[str, Any]) -> str:
    """Return the cause of a failure that a line of a task's log tells, or "": an exception, or the sentence of a foreseen one."""
    if details := line.get("error_detail"):
        return str(details[0].get("exc_value") or details[0].get("exc_type"))
    return str(line["event"]) if line.get("level") == "error" and line.get("logger") == "task" else ""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes nowhere but to AIRFLOW_URL."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Airflow:
    """The REST API of Airflow, asked again while its server is away."""

    def __init__(self, environment: Mapping[str, str], deadline: float):
        self.url, self.deadline = environment.get("AIRFLOW_URL", "").strip().rstrip("/"), deadline
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or set("@?#") & {*self.url}:
            raise RefusedError("AIRFLOW_URL must be an address such as https://airflow.example.org, without a user.")
        self.token = environment.get("AIRFLOW_TOKEN")
        self.login = {name: environment.get(f"AIRFLOW_{name.upper()}") for name in ("username", "password")}
        if not self.token and not all(self.login.values()):
            raise RefusedError("Set AIRFLOW_TOKEN, or AIRFLOW_USERNAME and AIRFLOW_PASSWORD, in the environment.")
        self.opener = urllib.request.build_opener(NoRedirect)

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """GET a path of the API, or POST to it; a token that has expired is renewed once. Raises: LostError."""
        for renewed in (False, True):
            if renewed or not self.token:
                self.token = self._new_token()
            status, content = self._until_answered(
                f"/api/v2/dags/{path}", body, {"Authorization": f"Bearer {self.token}"}
            )
            if status != 401:
                return status, content
        raise LostError(f"Airflow does not take our token: {detail(content)}.")

    def _new_token(self) -> str:
        if not all(self.login.values()):
            raise LostError("Airflow does not (or no longer) take the token of AIRFLOW_TOKEN; get a new one.")
        status, content = self._until_answered("/auth/token", self.login, {})
        if status not in (200, 201) or not isinstance(content, dict) or "access_token" not in content:
            raise LostError(f"Airflow does not let {self.login['username']} in ({status}): {detail(content)}.")
        return str(content["access_token"])

    def _until_answered(self, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int, Any]:
        give_up, pause, told = min(time.monotonic() + LOST_AFTER, self.deadline), 1.0, False
        while True:
            wait = pause
            try:
                status, content, retry_after = self._once(path, body, headers)
                if status not in TRY_AGAIN:
                    return status, content
                why = f"it answers {status}"
                wait = min(float(retry_after), LONGEST_PAUSE) if retry_after.isdigit() else pause
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error)
                if isinstance(reason, ssl.SSLCertVerificationError):
                    raise LostError(f"No safe connection to {self.url}: {reason}.") from error
                why = str(reason) or type(reason).__name__
            if time.monotonic() + wait >= give_up:
                raise LostError(f"Airflow at {self.url} could not be reached: {why}.")
            if not told:
                say(f"Airflow is not there at the moment ({why}); trying again.")
            told, pause = True, min(pause * 2, LONGEST_PAUSE)
            time.sleep(wait)

    def _once(self, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int, Any, str]:
        data = None if body is None else json.dumps(body).encode()
        sent = {**headers, "Accept": "application/json", "Content-Type": "application/json"}
        try:  # the scheme of the address is checked above
            response = self.opener.open(urllib.request.Request(self.url + path, data, sent), timeout=CALL)  # noqa: S310
        except urllib.error.HTTPError as error:
            response = error
        with response:
            text, retry_after = response.read().decode("utf-8", "replace"), response.headers.get("Retry-After", "")
        try:
            return response.status, json.loads(text), retry_after
        except ValueError:
            return response.status, text, retry_after


def good(answer: tuple[int, Any], otherwise: str) -> dict[str, Any]:
    """Return the body of a good answer. Raises: RefusedError with Airflow's own sentence."""
    status, content = answer
    if status != 200 or not isinstance(content, dict):
        raise RefusedError(f"{otherwise} ({status}): {detail(content)}")
    return content


def detail(content: Any) -> str:
    """Return Airflow's own sentence."""
    return one_line(content.get("detail", content) if isinstance(content, dict) else content)[:600]


class Run:
    """One run of a runbook, as it is told line by line."""

    def __init__(self, airflow: Airflow, runbook: str, key: str):
        self.airflow, self.runbook, self.key = airflow, runbook, key
        self.path = f"{runbook}/dagRuns/{quote(key, safe='')}"
        self.page = f"{airflow.url}/dags/{runbook}/runs/{quote(key, safe='')}"
        self.told: set[tuple[Any, ...]] = set()
        self.reasons: list[str] = []

    def start_or_find(self, params: Mapping[str, Any], details: Mapping[str, Any]) -> bool:
        """Start the run, or find the first one of this key. Return whether it was started. Raises: RefusedError."""
        found, otherwise = self.airflow.ask(self.path), f"{self.runbook} was not started"
        if found[0] == 404:
            if details.get("is_paused"):
                raise RefusedError(f"{otherwise}: it is paused, so a run would only wait; unpause it first.")
            body = {"dag_run_id": self.key, "logical_date": None, "conf": params}
            answer = self.airflow.ask(f"{self.runbook}/dagRuns", body)
            if answer[0] != 409:
                return bool(good(answer, otherwise))
            found = self.airflow.ask(
                self.path
            )  # another process was faster, or our own first try had arrived after all
        first = good(found, f"Run {self.key} of {self.runbook} cannot be read")["conf"] or {}
        if different := "; ".join(differences(params, first, details["params"])):
            raise RefusedError(
                f"Key {self.key} is taken by a run that was asked for something else: {different}. Its outcome would not be "
                f"yours; use another key. {self.page}"
            )
        return False

    def follow(self) -> bool:
        """Tell the run until it has ended. Return whether it succeeded. Raises: RefusedError, LostError."""
        while True:
            # before the tasks: what ends in between is told at the next look
            state = good(self.airflow.ask(self.path), f"Run {self.key} of {self.runbook} cannot be read")["state"]
            for task in self.tasks():
                self._tell(task)
            if state in ("success", "failed"):
                return bool(state == "success")
            if time.monotonic() > self.airflow.deadline:
                raise LostError(f"Timed out; {self.runbook} is still {state}.")
            time.sleep(LOOK_EVERY)

    def tasks(self) -> list[dict[str, Any]]:
        """Return the hundred tasks that started last, the first of them first; those before have been told."""
        started = "start_date_gte=1970-01-01T00:00:00Z&order_by=-start_date"
        answer = self.airflow.ask(f"{self.path}/taskInstances?{started}&limit=100")
        return list(reversed(good(answer, f"The tasks of {self.key} cannot be read")["task_instances"]))

    def results(self, prefix: str) -> list[Any]:
        """Return what the tasks of a kind returned: plan_ a plan, record_ the run's last sentence."""
        tasks = [task for task in self.tasks() if task["task_id"].startswith(prefix) and task["state"] == "success"]
        answers = [self._of(task, "xcomEntries/return_value", "&stringify=false") for task in tasks]
        return [content["value"] for status, content in answers if status == 200]

    def _of(self, task: Mapping[str, Any], what: str, more: str = "") -> tuple[int, Any]:
        task_id = quote(task["task_id"], safe="")
        return self.airflow.ask(f"{self.path}/taskInstances/{task_id}/{what}?map_index={task['map_index']}{more}")

    def _tell(self, task: dict[str, Any]) -> None:
        state, name = task["state"], task["task_id"]
        step = (name, task["map_index"], task["try_number"], state)
        if state in NOT_TOLD or step in self.told:
            return
        self.told.add(step)
        line = f"{state:<20}{name}"
        if state in ("success", "failed") and task["duration"] is not None:
            line += f" ({task['duration']:.0f} s)"
        if state == "awaiting_input":
            line += f": {self._question(task)}"
        if state in ("failed", "up_for_retry"):
            self.reasons.append(self._failure(task))
            line += f": {self.reasons[-1]}"
        say(line)

    def _question(self, task: dict[str, Any]) -> str:
        status, content = self._of(task, f"{task['map_index']}/hitlDetails")
        link = f"{self.page}/tasks/{quote(task['task_id'], safe='')}/required_actions?map_index={task['map_index']}"
        if status != 200:  # it may have been answered meanwhile, or is not ours to read
            return link
        people = " or ".join(user["name"] for user in content.get("assigned_users") or []) or "anyone"
        return f"waiting for {people}: {content['subject']} {link}"

    def _failure(self, task: dict[str, Any]) -> str:
        tried = max(1, task["try_number"] - (task["state"] == "up_for_retry"))
        status, content = self._of(task, f"logs/{tried}", "&full_content=true")
        lines = content["content"] if status == 200 else []
        causes = [cause for line in lines if isinstance(line, dict) and (cause := cause_in(line))]
        return one_line(causes[-1]) if causes else ""


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command's options; ends the program with code 2 if they are wrong."""
    words = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXIT_CODES, formatter_class=words, allow_abbrev=False)
    parser.add_argument("runbook", help="such as service_restart")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="JSON, or text; may repeat")
    parser.add_argument("--params-file", metavar="FILE", help="a JSON object of params; --param goes before it")
    parser.add_argument("--key", help="the run's id (default: repository, commit, workflow run, attempt, job, target)")
    parser.add_argument("--timeout", type=seconds, default=seconds("4h"), metavar="4h", help="how long to follow")
    parser.add_argument("--no-wait", action="store_true", help="only start the run")
    return parser.parse_args(arguments)


def follow(given: argparse.Namespace, environment: Mapping[str, str], runs: list[Run]) -> int:
    """Start or find the run and follow it. Return the exit code. Raises: RefusedError, LostError."""
    if given.key is not None and not re.fullmatch(r"[A-Za-z0-9_.~:+-]{1,250}", given.key):
        raise RefusedError(f"Key {given.key!a} is no id for a run: 1 to 250 of the characters A-Z a-z 0-9 _ . ~ : + -")
    airflow = Airflow(environment, time.monotonic() + given.timeout)
    details = good(airflow.ask(f"{quote(given.runbook, safe='')}/details"), f"Runbook {given.runbook!a} cannot be read")
    params = given_params(given.param, given.params_file, details["params"])
    run = Run(airflow, given.runbook, given.key or default_key(environment, params.get("target")))
    started = run.start_or_find(params, details)
    runs.append(run)
    say(f"{'Started' if started else 'Follows the run this key has already:'} {run.key}  {run.page}")
    if given.no_wait:
        return SUCCEEDED
    try:
        succeeded = run.follow()
        plans = run.results("plan_") if succeeded and params.get("plan_only") is True else []
        print(
            "".join(f"  | {one_line(line)}\n" for plan in plans for line in str(plan["markdown"]).splitlines()), end=""
        )
        said = run.results("record_") if succeeded else list(dict.fromkeys(filter(None, run.reasons)))
    except RefusedError as refusal:  # to read the run, not to start it
        raise LostError(str(refusal)) from refusal
    if succeeded:
        say(f"{run.runbook} succeeded. {' '.join(map(str, said))}")
        return SUCCEEDED
    say(f"{run.runbook} failed. {' '.join([*said[:1], *said[1:][-1:]]) or f'See {run.page}'}")
    return FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code."""
    given, runs = options(arguments), list[Run]()
    # CI systems end a job with either; one that a shell started in the background would ignore the first
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        return follow(given, os.environ, runs)
    except RefusedError as refusal:
        say(f"Refused: {refusal}")
        return REFUSED
    except (LostError, KeyboardInterrupt) as end:
        going_on = "Whether a run was started is not known; the same command with the same key is safe to repeat."
        if runs:
            going_on = f"The run goes on: {runs[0].page} (the same command with --key {runs[0].key} follows it again)"
        say(f"{end if isinstance(end, LostError) else 'Interrupted.'} {going_on}")
        return LOST if isinstance(end, LostError) else INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
