"""The control API's part for an Airflow on other machines: the connections by which it reaches the pretend services."""

import json
from pathlib import Path

from flask import Blueprint, Response, jsonify, request

from include.inventory import Inventory
from sandbox.databases import Databases
from sandbox.settings import Settings
from sandbox.stack import environment


def make_connections(ports: dict[str, int], databases: Databases, inventory: Inventory) -> Blueprint:
    """Return GET /connections, in the form that `airflow connections import` reads, with the host by which it is asked."""
    app = Blueprint("connections", __name__)

    @app.get("/connections")
    def connections() -> Response:
        host = request.host.partition(":")[0]
        reached = Settings(Path(), Path(), 1.0, ports, host=host, database_host=databases.host)
        found = environment.connections(reached, databases, inventory)
        return jsonify({name.removeprefix("AIRFLOW_CONN_").lower(): json.loads(each) for name, each in found.items()})

    return app
