"""OIDC tokens of GitHub Actions: checked by GitHub's keys, and held against the entries of the inventory."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import jwt

from include.front_door.callers import Caller
from include.front_door.problem import Problem
from include.inventory import Inventory
from include.inventory.front_door import Workflow
from include.run.params import shown
from include.text import one_line

ALGORITHMS = ["RS256"]  # what GitHub signs with; a token must not choose
NEEDED = ["exp", "iat", "iss", "aud", "sub"]
LEEWAY = 30  # seconds between GitHub's clock and ours
LONGEST = 400  # characters of a name on record

KeyOf = Callable[[str, str, str], Any]  # the issuer, the owner of the repository, and the id of the key


def is_from_github(credential: str, inventory: Inventory) -> bool:
    """Tell whether a credential says that it is a token of an issuer that the inventory accepts. Nothing is verified yet."""
    issuer = _unverified(credential).get("iss")
    return any(workflow.issuer == issuer for _, workflow in _entries(inventory))


def check(credential: str, inventory: Inventory, key_of: KeyOf) -> Caller:
    """Return a workflow as a caller. Raises: Problem if the token is wrong, or no entry of the inventory accepts it."""
    said = _unverified(credential)
    issuer, repository = str(said.get("iss")), str(said.get("repository") or "").lower()
    entries = [
        (target, workflow)
        for target, workflow in _entries(inventory)
        if (workflow.issuer, workflow.repository.lower()) == (issuer, repository)
    ]
    if not entries:
        raise _unknown(said)
    try:
        key = key_of(
            issuer, entries[0][1].repository.split("/")[0], str(jwt.get_unverified_header(credential).get("kid"))
        )
        # each entry has its own audience, which is compared below
        options: Any = {"require": NEEDED, "verify_aud": False}
        claims = jwt.decode(credential, key, ALGORITHMS, options, issuer=issuer, leeway=LEEWAY)
    except jwt.ExpiredSignatureError as error:
        raise Problem(
            "not-signed-in", "This token of GitHub Actions has expired; have the job ask for a new one."
        ) from error
    except jwt.InvalidTokenError as error:
        raise Problem("not-signed-in", f"This is no valid token of GitHub Actions: {error}.") from error
    grants: dict[str, frozenset[str]] = {}
    for target, workflow in entries:
        if _accepts(workflow, claims):
            grants[target] = grants.get(target, frozenset()) | frozenset(workflow.runbooks)
    if not grants:
        raise _unknown(claims)
    name = claims["repository"]
    what = f"{claims.get('workflow') or 'a workflow'} of {name}"
    # the colon tells GitHub's users from Airflow's, whose names have none
    by = f"github:{claims.get('actor') or 'unknown'} via {what}"
    return Caller("workflow", one_line(by)[:LONGEST], f"workflow of {name.lower()}", grants)


def _accepts(workflow: Workflow, claims: Mapping[str, Any]) -> bool:
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    return (
        workflow.audience in audience
        and any(fnmatchcase(str(claims.get("ref") or ""), ref) for ref in workflow.refs)
        and claims.get("event_name") in workflow.events
        and workflow.environment in (None, claims.get("environment"))
        and workflow.repository_id in (None, str(claims.get("repository_id")))
    )


def _entries(inventory: Inventory) -> Iterator[tuple[str, Workflow]]:
    for name, target in inventory.targets.items():
        for workflow in target.environment.front_door.workflows:
            yield name, workflow


def _unverified(credential: str) -> dict[str, Any]:
    try:
        return dict(jwt.decode(credential, options={"verify_signature": False}))
    except jwt.InvalidTokenError:
        return {}


def _unknown(claims: Mapping[str, Any]) -> Problem:
    said = ", ".join(
        f"{name} {shown(claims.get(name))}" for name in ("repository", "ref", "event_name", "environment", "aud")
    )
    return Problem("not-allowed", f"No entry front_door.workflows of the inventory accepts this token: {said}.")
