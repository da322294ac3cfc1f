"""Serve the pretend AWS, the external services and their control API until told to stop: python -m sandbox.aws."""

import argparse
import logging
import signal
import sys
import threading

from include.errors import InventoryError
from include.inventory import load
from sandbox.app_databases import AppDatabases
from sandbox.aws.control.api import make_control
from sandbox.aws.control.connections import make_connections
from sandbox.aws.http.endpoint import Application
from sandbox.aws.http.server import Server
from sandbox.aws.seed.build import build
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import Clock
from sandbox.aws.state.region_lists import RegionLists
from sandbox.databases import Databases
from sandbox.external_services.server import ExternalServicesApplication, Handler
from sandbox.external_services.services import ExternalServices
from sandbox.settings import HOST


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws", description=__doc__)
    parser.add_argument("--aws-port", type=int, default=4566)
    parser.add_argument("--control-port", type=int, default=4567)
    parser.add_argument("--external-services-port", type=int, default=4568)
    parser.add_argument("--host", default=HOST, help="the address to listen on; 0.0.0.0 in a container")
    parser.add_argument("--speed", type=float, default=60.0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    try:
        inventory = load()
    except InventoryError as error:
        print(error, file=sys.stderr)
        return 2
    done = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: done.set())
    databases = Databases.from_environment()
    world = World(Clock(options.speed), RegionLists(databases))
    world.app_databases = AppDatabases(databases) if databases else None
    application = Application(world)
    aws = Server(application, options.aws_port, host=options.host)
    try:
        build(world, aws.url, inventory)
    except InventoryError as error:
        print(error, file=sys.stderr)
        return 2
    external = ExternalServices.of(inventory, world)
    external_application = ExternalServicesApplication(
        world, external.slack, external.github, external.jira, external.sentry, external.sheets
    )
    external_server = Server(external_application, options.external_services_port, Handler, options.host)
    pages = make_control(world, application, inventory, lambda: build(world, aws.url, inventory), external, databases)
    if options.host != HOST and databases:
        databases.begin_anew(inventory)
        AppDatabases(databases).begin_anew(inventory)
        ports = {"aws": options.aws_port, "external_services": options.external_services_port}
        pages.register_blueprint(make_connections(ports, databases, inventory))
    control = Server(pages, options.control_port, host=options.host)
    world.start()
    print(f"ready: aws {aws.url} control {control.url} speed {options.speed:g}", flush=True)
    done.wait()
    world.stop()
    external_application.stop()
    control.stop()
    external_server.stop()
    aws.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
