"""A plan that takes into the state what killed applies have made outside of it, so that nothing is made twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.aws.secrets_manager import describe_secret
from include.errors import PreconditionError
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.orphans import list_begun, list_orphans
from include.infrastructure.state import terraform_of
from include.infrastructure.working_copy import WorkingCopy
from include.terraform.diagnosis import Problem, problems
from include.terraform.errors import explain
from include.terraform.import_ids import import_id, is_made_once
from include.terraform.plan import ResourceChange, TerraformPlan
from include.terraform.state import State

IMPORTS = "runbook_imports.tf"
ABSENT = "Cannot import non-existent remote object"
SECRET = "aws_secretsmanager_secret"  # noqa: S105  # a type of resource


class MadeAlreadyError(PreconditionError):
    """A plan would make once more what a killed apply has made, and what no plan can take into the state."""


@dataclass(frozen=True)
class Adoption:
    """A plan, and what it takes into the state. `unclear`: what it creates although it may be there already."""

    plan: TerraformPlan
    taken: Mapping[str, str]  # id by address
    unclear: tuple[str, ...]
    unplanned: tuple[str, ...]  # made by an earlier apply, and not in the code of this plan

    @property
    def remarks(self) -> tuple[str, ...]:
        """What an approver should know."""
        found = [
            f"{address} ({each}) was made by an apply that was killed, and is in no state: this plan takes it into the state."
            for address, each in sorted(self.taken.items())
        ]
        if self.unclear:
            found.append(
                f"Begun by an apply that was killed, and perhaps there already: {', '.join(self.unclear)}. This plan would make it a "
                "second time, so look for it in the account, and delete or import it, before you approve."
            )
        if self.unplanned:
            found.append(
                f"Made by an earlier apply, in no state, and not in this commit's code: {', '.join(self.unplanned)}."
            )
        return tuple(found)


def plan_adopting(
    ctx: InfrastructureContext,
    copy: WorkingCopy,
    files: Sequence[Path],
    state: State | None,
    *,
    targets: Sequence[str] = (),
) -> Adoption:
    """Make a plan that imports what was made, and what was begun and is found by its name. What is gone by now is created.

    Raises: PreconditionError if Terraform cannot plan, or cannot take in what was made.
    """
    shown = copy.plan(files, targets=targets)
    made, begun = list_orphans(ctx, state), list_begun(ctx, state)
    _refuse_replaced(ctx, shown, made, state)
    created = {each.address: each for each in shown.of("create")}
    perhaps = {address: _find(ctx, created[address]) for address in begun - made.keys() if address in created}
    wanted = {address: import_id(each) or made[address] for address, each in created.items() if address in made}
    wanted |= {address: found for address, found in perhaps.items() if found}
    unclear = tuple(sorted(address for address, found in perhaps.items() if found is None))
    tried = bool(wanted)
    while wanted:
        _write_imports(copy.code, wanted)
        if not (said := copy.try_plan(files, targets=targets)):
            return Adoption(copy.show(), wanted, unclear, tuple(sorted(made.keys() - created.keys())))
        absent = _absent(problems(said), wanted)
        if not absent:
            raise explain(said)
        wanted = {address: found for address, found in wanted.items() if address not in absent}
    if tried:
        remove_imports(copy)
        shown = copy.plan(files, targets=targets)
    return Adoption(shown, {}, unclear, tuple(sorted(made.keys() - created.keys())))


def remove_imports(copy: WorkingCopy) -> None:
    """Leave the code as the commit has it."""
    (copy.code / IMPORTS).unlink(missing_ok=True)


def _find(ctx: InfrastructureContext, change: ResourceChange) -> str | None:
    """Return the id by which Terraform looks for what may be there, "" if it is not there, or None if its arguments tell no id."""
    if change.type == SECRET:
        name = next((attribute.after for attribute in change.attributes if attribute.path == "name"), None)
        found = describe_secret(ctx.clients.secretsmanager, name) if name else None
        return found.arn if found and not found.deleted_at else ""
    return import_id(change) or ("" if is_made_once(change.type) else None)


def _absent(found: Iterable[Problem], wanted: Mapping[str, str]) -> set[str]:
    """Return the addresses of what is not there. Terraform names them in the text only."""
    return {address for each in found if ABSENT in each.text for address in wanted if json.dumps(address) in each.text}


def _refuse_replaced(
    ctx: InfrastructureContext, shown: TerraformPlan, made: Mapping[str, str], state: State | None
) -> None:
    """Refuse to make once more what an apply has made in the place of something else that the state still names.

    Terraform ignores an import of what its state has. Raises: MadeAlreadyError.
    """
    known = state.ids if state else {}
    for each in shown.of("create", "replace"):
        if each.address in made and each.address in known:
            raise MadeAlreadyError(
                f"{each.address} is {made[each.address]} by now, made by an apply that was killed, and the state still names "
                f"{known[each.address]}, so this plan would make another one. Run 'terraform state rm {each.address}' in "
                f"{terraform_of(ctx).folder} once you have seen that {known[each.address]} is gone, then start a new run, which takes the "
                "new one into the state. Nothing was changed."
            )


def _write_imports(code: Path, wanted: Mapping[str, str]) -> None:
    blocks = (
        f"import {{\n  to = {address}\n  id = {_quoted(found)}\n}}\n" for address, found in sorted(wanted.items())
    )
    (code / IMPORTS).write_text("\n".join(blocks))


def _quoted(text: str) -> str:
    """Return a text as a literal of Terraform's language."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
