"""Runs that no person approves: the inventory allows them per runbook and environment, and the record says so."""

from datetime import datetime

from include.errors import PreconditionError
from include.inventory.approving import Unattended
from include.inventory.models import Environment
from include.run.approval.policy import POLICY_SEAT, Decision

HARMLESS = ("read", "safe")


def find_unattended(environment: Environment, target: str, runbook: str, risk: str) -> Unattended | None:
    """Return the rule by which a runbook needs no approval here, or None if people have to be asked.

    Raises: PreconditionError if the rule does not explicitly cover production and a runbook of this risk.
    """
    rule = environment.approval.unattended.get(runbook)
    if rule is None:
        return None
    if risk not in HARMLESS and environment.purpose == "production" and not rule.even_if_disruptive:
        raise PreconditionError(
            f"The inventory lets {runbook} run on {target} without an approval, but it is {risk} and {target} counts as production; "
            f"nothing was changed. Add even_if_disruptive: true to approval.unattended.{runbook} if that is meant, or remove the rule."
        )
    return rule


def approve_by_policy(rule: Unattended, runbook: str, digest: str, at: datetime) -> Decision:
    """Return the decision on record in place of a person's."""
    why = f"the inventory lets {runbook} run without an approval: {rule.reason}"
    return Decision(seat=POLICY_SEAT, outcome="approved", by=None, at=at, digest=digest, why=why)
