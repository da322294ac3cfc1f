"""What all review apps of a template share, and no app's own Terraform code makes: network, server of databases, state, table."""

from include.inventory import Inventory, Target
from sandbox.aws.seed import terraform_backends
from sandbox.aws.seed.static_resources import Clients, StaticResources
from sandbox.aws.services.rds import api as rds
from sandbox.aws.sim.world import World
from sandbox.aws.state.app_sites import sites_of


def build(world: World, clients: Clients, inventory: Inventory) -> None:
    """Make it for every template of review apps."""
    world.app_sites.extend(sites_of(inventory))
    for target in inventory.samples(1):
        if target.environment.review_app is None:
            continue
        clients.account = target.environment.account
        resources = StaticResources(clients, target)
        resources.shared(target.environment.review_app.database.server, shared_name(target))
        terraform_backends.create(resources, target)
        rds.settle(world.region(target.environment.account, target.environment.region))


def shared_name(target: Target) -> str:
    """Return what the names of shared resources begin with."""
    return f"{target.system.system}-development"
