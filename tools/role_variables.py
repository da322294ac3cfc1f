"""Print the variables of the Terraform module terraform/roles for a target: `python -m tools.role_variables core/staging [--reading]`.

With --reading they are those of the role that looks for drift, and can only read.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from include.inventory import Inventory, Target, load
from include.inventory.policy_resources import policy_resources
from tools.policies import offered

DRIFT, DELIVERY = "infrastructure_drift", "slack_delivery"


def role_variables(inventory: Inventory, target: Target, *, reading: bool = False) -> dict[str, Any]:
    """Return what the inventory knows of the module's variables; who may assume the role it does not know."""
    role = target.environment.role
    runbooks = [name for name, targets in offered().items() if target.name in getattr(inventory, targets)()]
    return {
        "name": f"{role}-read" if reading else role,
        "runbooks": [DRIFT] if reading else sorted([*runbooks, DELIVERY]),
        "resources": policy_resources(target),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the variables of terraform/roles for a target.")
    parser.add_argument("target")
    parser.add_argument("--reading", action="store_true", help="of the role that can only read")
    given = parser.parse_args()
    inventory = load()
    print(json.dumps(role_variables(inventory, inventory.target(given.target), reading=given.reading), indent=2))


if __name__ == "__main__":
    main()
