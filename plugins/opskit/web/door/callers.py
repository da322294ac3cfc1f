"""Who sends a request: a user of Airflow, a machine by its token, or a workflow of GitHub Actions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials
from starlette.concurrency import run_in_threadpool

from include.front_door import tokens, workflows
from include.front_door.callers import Caller, person
from include.front_door.problem import Problem
from include.inventory import load
from opskit.connections.external_services import oidc_keys
from opskit.web.door.home import door_store
from opskit.web.door.limits import CALLS, count_failure, limit, refuse_after_failures
from opskit.web.door.users import find_user


@dataclass(frozen=True)
class Visitor:
    """A caller, and the user of Airflow whose rights count for it: nobody's for a workflow, which has those of the inventory alone."""

    caller: Caller
    user: Any = None

    def refuse_unless_may(self, method: Literal["GET", "POST"], runbook: str, target: str) -> None:
        """Refuse to show or start a run that this caller may not. Raises: Problem."""
        self.caller.refuse_beyond_scope(runbook, target)
        if not self._airflow_allows(method, runbook):
            doing = "start" if method == "POST" else "see"
            raise Problem("not-allowed", f"{self.caller.name} may not {doing} runs of {runbook}: Airflow says so.")

    def may(self, method: Literal["GET", "POST"], runbook: str, target: str) -> bool:
        """Tell whether this caller may see or start runs of a runbook on a target."""
        return self.caller.may(runbook, target) and self._airflow_allows(method, runbook)

    def _airflow_allows(self, method: Literal["GET", "POST"], runbook: str) -> bool:
        if self.user is None:
            return self.caller.kind == "workflow"
        details = DagDetails(id=runbook, team_name=DagModel.get_team_name(runbook))
        return bool(
            get_auth_manager().is_authorized_dag(
                method=method, access_entity=DagAccessEntity.RUN, details=details, user=self.user
            )
        )


async def visitor(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer_scheme)]
) -> Visitor:
    """Let a caller in. Raises: HTTPException, Problem."""
    refuse_after_failures(request)
    try:
        found = await _known(request, bearer)
    except (HTTPException, Problem) as error:
        if getattr(error, "status_code", getattr(error, "status", 0)) in (401, 403):
            count_failure(request)
        raise
    limit(CALLS, found.caller.identity)
    return found


async def _known(request: Request, bearer: HTTPAuthorizationCredentials | None) -> Visitor:
    credential = bearer.credentials if bearer else ""
    if credential and (found := await run_in_threadpool(_not_of_airflow, credential)):
        return found
    user = await get_user(request, None, bearer)
    return Visitor(person(str(user.get_name())), user)


async def signed_in_person(found: Annotated[Visitor, Depends(visitor)]) -> Visitor:
    """Let only people in. Raises: Problem for machines, agents and workflows."""
    if found.caller.kind != "person":
        raise Problem("not-allowed", f"Only people may do this, and {found.caller.name} is none.")
    return found


VisitorDep = Annotated[Visitor, Depends(visitor)]
PersonDep = Annotated[Visitor, Depends(signed_in_person)]


def _not_of_airflow(credential: str) -> Visitor | None:
    """Return who calls by a credential that is not Airflow's own, or None. Raises: Problem."""
    if tokens.is_ours(credential):
        return _by_token(credential)
    inventory = load()
    if not workflows.is_from_github(credential, inventory):
        return None
    return Visitor(workflows.check(credential, inventory, _key_of))


def _by_token(credential: str) -> Visitor:
    token = tokens.check(door_store(), credential, datetime.now(UTC))
    user = find_user(token.subject)
    if user is None or str(user.get_name()) != token.owner:
        raise Problem("not-signed-in", tokens.UNKNOWN)  # a token ends with its owner
    return Visitor(token.caller(load()), user)


def _key_of(issuer: str, owner: str, key_id: str) -> Any:
    return oidc_keys(issuer, owner).key(key_id)
