"""Injecting a fault: its fields and target are checked, and its immediate effect takes place."""

import uuid
from functools import partial
from typing import Any

from include.inventory import Inventory, Target
from sandbox.aws.faults import catalogue, infra_faults, release_faults, s3_faults, terraform_faults
from sandbox.aws.faults.model import Fault, FaultError
from sandbox.aws.services.ecs.model import Service
from sandbox.aws.sim import scheduled_actions
from sandbox.aws.sim.world import World
from sandbox.aws.state.region import Region
from sandbox.databases import Databases, keeps_regions
from sandbox.external_services import control_api as external_control
from sandbox.external_services.services import ExternalServices


def find_service(world: World, inventory: Inventory, target: str, name: str | None) -> tuple[Region, Service] | None:
    """Return a target's region and its service of that name (None: the first), or None."""
    environment = inventory.target(target).environment
    region = world.region(environment.account, environment.region)
    for service in region.services.values():
        if service.cluster == environment.cluster and name in (None, service.name):
            return region, service
    return None


def inject(
    world: World,
    inventory: Inventory,
    given: dict[str, Any],
    external: ExternalServices,
    databases: Databases | None = None,
) -> Fault:
    """Add a fault. Raises: FaultError, InventoryError."""
    rest = {key: value for key, value in given.items() if key not in ("kind", "target", "service")}
    fields = catalogue.parse_fields(given.get("kind"), rest)
    if given["kind"] in catalogue.EXTERNAL_SERVICE_FAULTS:
        return external_control.inject(world, inventory, external, given, fields)
    target, name = str(given.get("target")), given.get("service")
    environment = inventory.target(target).environment
    one_off = environment.one_off
    fault = Fault(uuid.uuid4().hex[:8], given["kind"], target, "", fields, environment.account)
    with world.lock:
        now = fault.since = world.catch_up()
        if fault.kind in catalogue.RELEASE_FAULTS:
            release_faults.prepare(fault, world, inventory.target(target), name)
            if fault.kind in ("database_away", "database_denied"):
                _apply_to_database(fault, inventory.target(target), databases)
            world.faults.append(fault)
            return fault
        if fault.kind in catalogue.TERRAFORM_FAULTS:
            terraform_faults.prepare(fault, world, inventory.target(target), name)
            world.faults.append(fault)
            return fault
        if fault.kind in catalogue.API_FAULTS:
            if fault.kind == "object_archived":
                s3_faults.archive_objects(fault, inventory.target(target), now)
            world.faults.append(fault)
            return fault
        found = find_service(world, inventory, target, name)
        if fault.kind == "lease_record":
            infra_faults.write_lease(fault, inventory.target(target).environment)
        elif found is not None:
            fault.service = found[1].name
            _apply(fault, *found)
            infra_faults.prepare(fault, *found)
            world.apply_fault(fault, now)
        elif fault.kind == "crash" and one_off and name == one_off.family:
            fault.service = one_off.family
        else:
            raise FaultError(f"Target {target} has no service {name or 'at all'}; GET /world lists them.")
        world.faults.append(fault)
    return fault


def _apply_to_database(fault: Fault, target: Target, databases: Databases | None) -> None:
    """Make the target's PostgreSQL refuse every connection, or its role's password, until the fault is removed. Raises: FaultError."""
    if databases is None or not keeps_regions(target):
        raise FaultError(f"Target {target.name} keeps no region_config here, so {fault.kind} cannot apply to it.")
    if fault.kind == "database_away":
        databases.take_away(target)
        fault.undo = partial(databases.give_back, target)
    else:
        databases.shut_out(target)
        fault.undo = partial(databases.let_in, target)
    fault.count()


def _apply(fault: Fault, region: Region, service: Service) -> None:
    """Apply a fault's immediate effect, or check that it can have one. Raises: FaultError."""
    if fault.kind == "topology_errors" and not service.data_uri:
        raise FaultError(f"Service {service.name} loads no topology, so topology_errors cannot apply to it.")
    if fault.kind == "group_max":
        if service.group is None:
            raise FaultError(f"Service {service.name} has no scaling group, so group_max cannot apply to it.")
        group = region.groups[service.group]
        fault.undo = partial(setattr, group, "max", group.max)
        group.max = fault.fields["max"]
        group.desired = min(group.desired, group.max)
        fault.count()
    if fault.kind == "scheduled_scaling":
        known = scheduled_actions.names_of(region, service)
        if fault.fields["action"] not in known:
            raise FaultError(
                f"Service {service.name} has no scheduled action {fault.fields['action']!r}; it has {', '.join(known) or 'none'}."
            )
        scheduled_actions.fire(region, service, fault.fields["action"])
        fault.count()
