"""The secrets of a recreation: kept with their values, or gone for good and entered anew by people in AWS, never in Airflow."""

from __future__ import annotations

import json
from collections.abc import Sequence

from include.aws import secrets_manager
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.orphans import keep_orphan
from include.infrastructure.recreation.plan import InfrastructureRecreationPlan
from include.waiters.progress import Progress

QUOTES = "\"'`“”‘’"  # noqa: RUF001  # as documents make them


def complain(text: str | None) -> str:
    """Return what is wrong with the text of a secret that has to be plain, such as "is empty", or "". It never has the text itself."""
    if text is None:
        return "has no value yet"
    if not text.strip():
        return "is empty"
    if text != text.strip():
        return "begins or ends with white space"
    if text[0] in QUOTES and text[-1] in QUOTES:
        return "stands in quotes"
    try:
        if isinstance(json.loads(text), dict | list):
            return "is JSON, as the console makes it of key and value; enter it as plain text"
    except ValueError:
        return ""
    return ""


def wrong_values(ctx: InfrastructureContext, names: Sequence[str]) -> dict[str, str]:
    """Return what is wrong with the values of secrets, by name. The values stay in this process."""
    client = ctx.clients.secretsmanager
    found = {name: secrets_manager.judge_value(client, name, complain) for name in names}
    return {name: why for name, why in found.items() if why}


def give_back_secrets(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> str:
    """Restore the secrets that are marked for deletion, or delete them for good, as was chosen.

    A restored one is put on record as known to no state, so that the build takes it into the state.
    """
    client, said = ctx.clients.secretsmanager, []
    for each in plan.secrets:
        found = secrets_manager.describe_secret(client, each.name)
        if found is None:
            continue
        if plan.choices.secrets == "keep":
            if found.deleted_at:
                ctx.writer.write(secrets_manager.restore_secret(client, found))
                said.append(f"{each.name} was restored")
            keep_orphan(ctx, each.address, found.arn)
        elif found.deleted_at:
            ctx.writer.write(secrets_manager.delete_for_good(client, found))
            said.append(f"{each.name} was deleted for good")
    return "; ".join(said) or "nothing to do"


def look_at_names(ctx: InfrastructureContext, plan: InfrastructureRecreationPlan) -> Progress:
    """Tell whether the names of the secrets that were deleted for good are free. AWS frees them some time after it."""
    if plan.choices.secrets == "keep":
        return Progress(True, "the secrets were kept")
    client = ctx.clients.secretsmanager
    taken = [
        each.name
        for each in plan.secrets
        if (found := secrets_manager.describe_secret(client, each.name)) is not None and found.deleted_at
    ]
    return Progress(not taken, f"the names of {', '.join(taken)} are taken still" if taken else "all names are free")
