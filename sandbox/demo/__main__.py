"""Rehearse one runbook from start to end: `python -m sandbox.demo`, or `make demo`."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import FrameType
from typing import Any

import httpx
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.panel import Panel

from include.errors import RunbookError
from include.inventory import FOLDER_VARIABLE, inventory_folder, load
from sandbox.aws.faults.model import FaultError
from sandbox.demo import summary
from sandbox.demo.broken import broken
from sandbox.demo.client import Client, declared_params, trigger
from sandbox.demo.follow import Follower
from sandbox.demo.options import Options
from sandbox.demo.wrong_params import refuse_wrong_params
from sandbox.errors import SandboxError
from sandbox.settings import ROOT, Settings
from sandbox.stack import process_registry, processes

START_DEADLINE = 1800.0  # seconds; the sandbox has deadlines of its own, and ends with a reason: this one only ends a wait for nothing
AGAIN, TAKEN_AWAY = "infrastructure_recreation", "review_app_teardown"
STOP_DEADLINE = 60.0  # seconds until a sandbox asked to stop must have


@contextmanager
def sandbox(settings: Settings, console: Console) -> Iterator[tuple[Client, subprocess.Popen[bytes] | None]]:
    """Use the sandbox that runs in this folder, else start one and stop it at the end."""
    if process_registry.is_held(settings.folder):
        endpoints = _await_endpoints(settings, None)
        refuse_another(endpoints, settings)
        client = Client(endpoints)
        speed = client.control("/status")["speed"]
        console.print(f"Using the sandbox that runs already, at {speed:g} simulated seconds a second.")
        yield client, None
        return
    settings.endpoints.unlink(missing_ok=True)  # of a sandbox that was killed
    started = subprocess.Popen(
        [sys.executable, "-m", "sandbox"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is ours: the sandbox ends when we say so
        preexec_fn=processes.end_with_parent(signal.SIGTERM),
    )
    try:
        yield Client(_await_endpoints(settings, started)), started
    finally:
        if started.poll() is None:
            started.terminate()
        started.wait(STOP_DEADLINE)


def refuse_another(endpoints: dict[str, Any], settings: Settings) -> None:
    """Refuse a sandbox that was started with another inventory or other runbooks than this rehearsal. Raises: SandboxError."""
    wanted = ((FOLDER_VARIABLE, "inventory", inventory_folder()), ("SANDBOX_DAGS", "dags", settings.dags))
    for variable, key, folder in wanted:
        if (other := endpoints[key]) != str(folder):
            raise SandboxError(
                f"The sandbox that runs already (process {endpoints['pid']}) was started with {variable}={other}, and this "
                f"rehearsal has {folder}; stop that one with Ctrl-C or `kill {endpoints['pid']}`, or set {variable} to its folder."
            )


def _await_endpoints(settings: Settings, started: subprocess.Popen[bytes] | None) -> dict[str, Any]:
    end = time.monotonic() + START_DEADLINE
    while time.monotonic() < end:
        if started and started.poll() is not None:
            raise SandboxError("The sandbox did not start, so there is nothing to rehearse in; the reason is above.")
        if settings.endpoints.exists():
            endpoints: dict[str, Any] = json.loads(settings.endpoints.read_text(encoding="utf-8"))
            return endpoints
        time.sleep(0.2)
    raise SandboxError(f"Waited {START_DEADLINE:.0f} s for the sandbox to be ready ({settings.endpoints}), in vain.")


def rehearse(options: Options, client: Client, console: Console) -> bool:
    """Run the runbook to its end and sum it up; returns whether it succeeded."""
    known: dict[str, Callable[[str], Any]] = {
        "commit": partial(client.newest_commit, runbook=options.runbook),
        "regions": client.new_data,
    }
    conf = options.conf(declared_params(client, options.runbook), known, client.wanted_app)
    if options.runbook == AGAIN and not build_before(conf, options, client, console):
        return False
    if options.runbook == TAKEN_AWAY and not deploy_before(conf, options, client, console):
        return False
    target, began = conf.get("target"), time.monotonic()
    begin = _simulated(client)
    with broken(client, {"target": target, **options.fault} if options.fault else {}, console) as strikes:
        run = trigger(client, options.runbook, conf)
        console.rule(f"{options.runbook} {target or ''}", align="left")
        console.print(f"Watch it in Airflow: {run.page}", soft_wrap=True)
        anchor = f"/#{target}" if target else ""
        console.print(f"Watch the world:     {client.endpoints['control']}{anchor}\n", soft_wrap=True)
        follower = Follower(run, options, console, target)
        state = follower.follow()
        outcome = summary.Outcome(
            state=state,
            said=run.note(),
            answers=follower.answers,
            begin=begin,
            end=_simulated(client),
            seconds=time.monotonic() - began,
            page=run.page,
            broken=strikes(),
        )
    if conf.get("plan_only"):
        if plan := run.plan():
            console.print(Panel(Markdown(plan), title="The plan", title_align="left"))
        return state == "success"
    world = client.target(target) if target else None
    names = [service["name"] for service in world["services"]] if world else []
    timelines = {name: client.control("/timeline", target=target, service=name)["points"] for name in names}
    procedure = summary.by_hand(load().target(target)) if target and options.runbook == "service_restart" else []
    summary.show(console, outcome, timelines, procedure)
    return state == "success"


def build_before(conf: dict[str, Any], options: Options, client: Client, console: Console) -> bool:
    """Have the infrastructure that is to be destroyed, made by the runbook that makes it; returns whether it is there."""
    target = conf["target"]
    console.print(f"{target} has to be there before it can be destroyed, so it is built first.")
    first = {"target": target, "reason": options.reason, "commit": conf["commit"]}
    run = trigger(client, "infrastructure_change", first)
    console.rule(f"infrastructure_change {target}", align="left")
    return Follower(run, options, console, target).follow() == "success"


def deploy_before(conf: dict[str, Any], options: Options, client: Client, console: Console) -> bool:
    """Have the review app that is to be taken away, and its pull request closed; returns whether it is there."""
    target = load().target(conf["target"])
    console.print(f"{target.name} has to be there before it can be taken away, so it is deployed first.")
    first = {"target": target.name, "reason": options.reason}
    run = trigger(client, "review_app_deployment", first)
    console.rule(f"review_app_deployment {target.name}", align="left")
    if Follower(run, options, console, target.name).follow() != "success":
        return False
    client.act(target.system.github or "", target.number or 0, "close")
    console.print(f"Pull request {target.number} was closed.")
    return True


def _simulated(client: Client) -> datetime:
    return datetime.fromisoformat(client.control("/status")["now"])


def _stay(started: subprocess.Popen[bytes], client: Client, console: Console) -> None:
    users = client.endpoints["users"]
    console.print(
        f"\nThe sandbox stays open: {client.endpoints['airflow']} (operator / {escape(users['operator']['password'])}). "
        "Ctrl-C stops it.",
        soft_wrap=True,
    )
    try:
        started.wait()
    except KeyboardInterrupt:
        console.print()


def _interrupt(_sign: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Return 0 only if the run succeeded."""
    console = Console(highlight=False)
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _interrupt)
    succeeded = False
    try:
        options, settings = Options.from_environment(), Settings.from_environment()
        options.check([file.stem for file in sorted(settings.dags.glob("*.py"))], list(load().targets))
        refuse_wrong_params(options.runbook, options.params, settings.dags)
        with sandbox(settings, console) as (client, started):
            succeeded = rehearse(options, client, console)
            if started and options.keep:
                _stay(started, client, console)
    except (SandboxError, RunbookError, FaultError) as problem:
        console.print(f"[bold red]✗[/] {escape(str(problem))}", soft_wrap=True)
    except httpx.HTTPError as problem:
        console.print(f"[bold red]✗[/] The sandbox does not answer any more: {escape(str(problem))}", soft_wrap=True)
    except KeyboardInterrupt:
        console.print("\nInterrupted.")
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
