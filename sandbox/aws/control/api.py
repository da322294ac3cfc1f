"""The control API: show the world, inject faults, set the speed, reset."""

import re
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request, send_from_directory
from werkzeug.exceptions import HTTPException

from include.errors import InventoryError
from include.inventory import Inventory, Target
from sandbox.app_databases import AppDatabases
from sandbox.aws.control import secret_entry
from sandbox.aws.control.fault_injection import find_service, inject
from sandbox.aws.faults.model import FaultError
from sandbox.aws.http.endpoint import Application
from sandbox.aws.http.routes import QuickFlask
from sandbox.aws.services.ecs.model import Task
from sandbox.aws.sim import external_pipeline, task_lifecycle
from sandbox.aws.sim.world import World
from sandbox.aws.state import region_data
from sandbox.aws.state.clock import as_text
from sandbox.aws.state.snapshot import state_json, world_json
from sandbox.databases import Databases, keeps_regions
from sandbox.external_services import control_api as external_control
from sandbox.external_services.services import ExternalServices

PAGE = Path(__file__).parents[2] / "page"


def make_control(
    world: World,
    application: Application,
    inventory: Inventory,
    rebuild: Any,
    external: ExternalServices | None = None,
    databases: Databases | None = None,
) -> Flask:
    """Return the control API as a WSGI application; `rebuild()` resets the world, `databases` hold region_config."""
    app = QuickFlask(__name__, static_folder=None)
    external = external or ExternalServices.of(inventory, world)
    app.register_blueprint(external_control.make_routes(external, world))

    @app.get("/")
    def page() -> Response:
        return send_from_directory(PAGE, "index.html")

    @app.get("/static/<path:name>")
    def static_file(name: str) -> Response:
        return send_from_directory(PAGE, name)

    @app.get("/status")
    def status() -> Response:
        with world.lock:
            now = as_text(world.clock.now())
        return jsonify(ok=not world.problem, problem=world.problem, speed=world.clock.speed, now=now)

    @app.get("/world")
    def show_world() -> Any:
        try:
            targets = asked_for(inventory)
        except InventoryError as error:
            return refusal(str(error))
        with world.lock:
            return jsonify(world_json(world, targets))

    @app.get("/regions")
    def show_regions() -> Any:
        name = request.args.get("target")
        try:
            targets = [inventory.target(name)] if name else list(inventory.targets.values())
        except InventoryError as error:
            return refusal(str(error))
        shown = [
            regions_json(world, each, external, databases) for each in targets if name or each.environment.region_data
        ]
        return jsonify(shown[0] if name else {"targets": shown})

    @app.get("/state")
    def show_state() -> Any:
        try:
            targets = asked_for(inventory)
        except InventoryError as error:
            return refusal(str(error))
        with world.lock:
            return jsonify(state_json(world, targets))

    @app.get("/timeline")
    def timeline() -> Any:
        key = (request.args.get("target", ""), request.args.get("service", ""))
        with world.lock:
            world.catch_up()
            if key not in world.timeline:
                return refusal(f"There is no service {key[1]!r} in target {key[0]!r}; GET /world lists them.")
            return jsonify(points=[{**point, "at": as_text(point["at"])} for point in world.timeline[key]])

    @app.get("/calls")
    def calls() -> Response:
        after, account = request.args.get("after", 0, type=int), request.args.get("account")
        with world.lock:
            found = [call for call in application.calls if call.n > after and account in (None, call.account)]
        return jsonify(calls=[call.as_json() for call in found])

    @app.post("/reset")
    def reset() -> Response:
        with world.lock:
            rebuild()
            application.calls.clear()
            application.api_faults.forget()
        external.clear()
        if databases:
            databases.begin_anew(inventory)
            AppDatabases(databases).begin_anew(inventory)
        return jsonify(ok=True)

    @app.post("/secrets")
    def enter_secret() -> Any:
        given = given_fields()
        try:
            target = inventory.target(str(given.get("target")))
            with world.lock:
                secret_entry.enter(world, target, given.get("name"), given.get("value"))
        except (InventoryError, FaultError) as error:
            return refusal(str(error))
        return jsonify(ok=True)

    @app.post("/images")
    def push_image() -> Any:
        given = given_fields()
        commit = given.get("commit")
        if not isinstance(commit, str) or not re.fullmatch(r"[0-9a-f]{40}", commit):
            return refusal(f"commit must be a full sha of 40 hexadecimal digits, not {commit!r}.")
        try:
            target = inventory.target(str(given.get("target")))
        except InventoryError as error:
            return refusal(str(error))
        if target.environment.cluster is None:
            return refusal(f"Target {target.name} has no cluster, and so no registry in the sandbox.")
        with world.lock:
            image = external_pipeline.push(world, target, commit, "an outside pipeline")
        return jsonify(digest=image.digest, tags=image.tags)

    @app.post("/speed")
    def set_speed() -> Any:
        speed = given_fields().get("speed")
        if not isinstance(speed, int | float) or isinstance(speed, bool) or not 0 < speed <= 3600:
            return refusal(f"speed must be a number above 0 and up to 3600, not {speed!r}.")
        with world.lock:
            world.catch_up()
            world.clock.set_speed(float(speed))
        return jsonify(speed=speed)

    @app.get("/faults")
    def list_faults() -> Response:
        with world.lock:
            return jsonify(faults=[fault.as_json() for fault in world.faults])

    @app.post("/faults")
    def add_fault() -> Any:
        try:
            fault = inject(world, inventory, given_fields(), external, databases)
        except (FaultError, InventoryError) as error:
            return refusal(str(error))
        return jsonify(fault.as_json())

    @app.delete("/faults")
    def clear_faults() -> Response:
        with world.lock:
            for fault in reversed(world.faults):
                fault.undo()
            world.faults.clear()
            application.api_faults.forget()
        return jsonify(faults=[])

    @app.delete("/faults/<name>")
    def remove_fault(name: str) -> Any:
        with world.lock:
            found = [fault for fault in world.faults if fault.id == name]
            if not found:
                return refusal(f"There is no fault {name!r}; GET /faults lists the active ones.")
            world.faults.remove(found[0])
            found[0].undo()
            application.api_faults.let_go(found[0])
        return jsonify(found[0].as_json())

    @app.get("/health/<system>/<environment>/<service>/<task>")
    def health(system: str, environment: str, service: str, task: str) -> Any:
        with world.lock:
            now = world.catch_up()
            found = find_service(world, inventory, f"{system}/{environment}", service)
            for each in found[0].tasks_of(found[1]) if found else []:
                if each.id == task:
                    return answer_health(inventory, f"{system}/{environment}", each, now)
        return refusal(f"There is no task {task!r} of service {service!r}; GET /world lists them.", 404)

    @app.errorhandler(HTTPException)
    def no_page(error: HTTPException) -> Any:
        return refusal(f"{error.code} {error.name}: {request.method} {request.path}", error.code or 500)

    return app


def given_fields() -> dict[str, Any]:
    """Return the request's JSON object; empty if it has none, so that the missing fields get named."""
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def asked_for(inventory: Inventory) -> list[Target]:
    """Return the targets that the request names, or all. Raises: InventoryError."""
    names = request.args.getlist("target")
    return [inventory.target(name) for name in names] if names else list(inventory.targets.values())


def refusal(text: str, status: int = 400) -> Any:
    return jsonify(error=text), status


def regions_json(
    world: World, target: Target, external: ExternalServices, databases: Databases | None
) -> dict[str, Any]:
    """Return a target's region data: folders in S3, rows of region_config (None if the database is down) and of the sheet."""
    with world.lock:
        folders = region_data.folders_json(target)
        sheet = external.sheets.rows(target)
    rows = databases.rows(target) if databases and keeps_regions(target) else None
    live = {f"{row['country_code']}/{row['region_code']}" for row in rows or () if not row["archived"]}
    for folder in folders:
        if folder["region"] in live:
            folder.pop("publishable", None)
    return {"target": target.name, "folders": folders, "region_config": rows, "sheet": sheet}


def answer_health(inventory: Inventory, target: str, task: Task, now: float) -> Any:
    """Answer as the task's own health URL would."""
    described = inventory.target(target).environment.service(str(task.service))
    matcher = described.load_balancing.matcher if described.load_balancing else "200"
    body = (
        task.load.body() if task.load is not None else {"status": "up" if task_lifecycle.passes(task, now) else "down"}
    )
    return jsonify(body), int(matcher[:3]) if task_lifecycle.passes(task, now) else 503
