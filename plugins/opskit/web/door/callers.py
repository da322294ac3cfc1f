"""Who sends a request: a user of Airflow, by token or cookie as at Airflow's own API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.models.dag import DagModel
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials

from include.front_door.callers import Caller, person
from include.front_door.problem import Problem


@dataclass(frozen=True)
class Visitor:
    """A caller, and the user of Airflow whose rights count for it."""

    caller: Caller
    user: Any

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
    user = await get_user(request, None, bearer)
    return Visitor(person(str(user.get_name())), user)


VisitorDep = Annotated[Visitor, Depends(visitor)]
