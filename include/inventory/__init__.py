"""The inventory: targets as data. It names the systems, environments and services that runbooks work on."""

from include.inventory.approving import Approval, Unattended
from include.inventory.deployment_strategy import DeploymentStrategy, LifecycleHook
from include.inventory.loader import FOLDER_VARIABLE, Inventory, inventory_folder, load
from include.inventory.models import Environment, Service
from include.inventory.system import System
from include.inventory.target import Target

__all__ = [
    "FOLDER_VARIABLE",
    "Approval",
    "DeploymentStrategy",
    "Environment",
    "Inventory",
    "LifecycleHook",
    "Service",
    "System",
    "Target",
    "Unattended",
    "inventory_folder",
    "load",
]
