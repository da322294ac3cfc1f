"""A project's environments and their unresolved issues, page by page. A caller that can do without treats an error as None."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from include.errors import PreconditionError, ServiceUnavailableError
from include.external_services import over_http

TIMEOUT = (5, 10)  # seconds to connect, and to answer
PAGE = 100
MOST_PAGES = 50  # more issues than a person can read: a filter is missing in Sentry


@dataclass(frozen=True)
class Sentry:
    """Access to Sentry. `http` carries the token, `url` is the base of its API, up to /api/0."""

    http: requests.Session
    url: str


@dataclass(frozen=True)
class Trouble:
    """One Sentry issue of the release's environment."""

    id: str
    title: str
    level: str
    first_seen: datetime
    count: int
    url: str = ""


def list_issues(
    sentry: Sentry, organization: str, project: str, environment: str, release: str | None = None
) -> tuple[Trouble, ...]:
    """Return a project's unresolved issues in an environment, counted there. With a release, return only that release's.

    The call is not retried: a bake looks again soon anyway. Raises: ServiceUnavailableError, PreconditionError.
    """
    thing = f"project {organization}/{project}, environment {environment}"
    query = "is:unresolved" + (f' release:"{release}"' if release else "")
    given = {"projectSlug": project, "environment": environment, "query": query, "limit": str(PAGE)}
    url = f"{sentry.url}/organizations/{organization}/issues/"
    found = {}
    for issue in _pages(sentry, url, given, thing):
        try:
            trouble = _trouble(issue)
        except (KeyError, TypeError, ValueError) as error:
            raise ServiceUnavailableError(f"Sentry answered about {thing} with something else ({error!r}).") from error
        found[trouble.id] = trouble  # an issue that moves between two pages appears twice
    return tuple(found.values())


def list_environments(sentry: Sentry, organization: str, project: str) -> tuple[str, ...]:
    """Return the environments from which a project has had events, also those hidden in Sentry's menus.

    Sentry answers a search in an environment that it knows from another project only with an empty list.
    Raises: ServiceUnavailableError, PreconditionError.
    """
    thing = f"project {organization}/{project}"
    url = f"{sentry.url}/projects/{organization}/{project}/environments/"
    found = _pages(sentry, url, {"visibility": "all"}, thing)
    try:
        return tuple(sorted(str(each["name"]) for each in found))
    except (KeyError, TypeError) as error:
        raise ServiceUnavailableError(f"Sentry answered about {thing} with something else ({error!r}).") from error


def _pages(sentry: Sentry, url: str, given: dict[str, str], thing: str) -> Iterator[Any]:
    cursor = ""
    for _ in range(MOST_PAGES):
        with over_http("Sentry", thing):
            more = {"cursor": cursor} if cursor else {}
            answer = sentry.http.get(url, params={**given, **more}, timeout=TIMEOUT, allow_redirects=False)
            if not answer.ok:
                raise requests.HTTPError(_said(answer), response=answer)
            items = answer.json() if answer.status_code == 200 else None
        if not isinstance(items, list):
            raise ServiceUnavailableError(
                f"Sentry answered about {thing} with something that is not its own (HTTP {answer.status_code}); look at "
                "the address in its Airflow connection."
            )
        yield from items
        following = answer.links.get("next", {})
        if following.get("results") != "true":  # Sentry names a next page even if it is empty
            return
        cursor = str(following["cursor"])
    raise PreconditionError(
        f"Sentry has more than {MOST_PAGES} pages about {thing}; resolve or remove some of it first."
    )


def _said(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return ""
    return str(body.get("detail", "")) if isinstance(body, dict) else ""


def _trouble(item: Any) -> Trouble:
    return Trouble(
        id=str(item["id"]),
        title=str(item["title"]),
        level=str(item["level"]),
        first_seen=datetime.fromisoformat(item["firstSeen"]),
        count=int(item["count"]),  # Sentry returns text
        url=str(item.get("permalink") or ""),
    )
