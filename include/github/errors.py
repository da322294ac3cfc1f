"""Translation of PyGithub's exceptions into ours, and retries of reads."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from github import BadAttributeException, GithubException, RateLimitExceededException
from github.GithubException import IncompletableObject
from github.Repository import Repository

from include.errors import PreconditionError, ServiceUnavailableError
from include.external_services import ask, explain, over_http

T = TypeVar("T")


def name_of(repository: Repository) -> str:
    """Return `<owner>/<name>` without a call to GitHub, as its full_name would be."""
    return "/".join(repository.url.rsplit("/", 2)[1:])


def read(thing: str, look: Callable[[], T]) -> T:
    """Return what a read of a thing returns, retried during outages of GitHub. Raises: PreconditionError, ServiceUnavailableError."""

    def once() -> T:
        with translated(thing):
            return look()

    return ask(once)


def listed(found: Iterable[T], field: str) -> list[T]:
    """Return a list's items, after a look at one of them.

    PyGithub makes items without any field from any response with status 200.
    """
    items = list(found)
    if any(getattr(item, field) is None for item in items):
        raise TypeError(f"items without {field}")
    return items


@contextmanager
def translated(thing: str) -> Iterator[None]:
    """Translate what PyGithub raises. Raises: PreconditionError, ServiceUnavailableError."""
    try:
        with over_http("GitHub", thing):
            yield
    except (BadAttributeException, IncompletableObject, ValueError, AttributeError, KeyError, TypeError) as error:
        # PyGithub raises this if, say, a proxy answers 200 with a page of its own
        raise ServiceUnavailableError(
            f"GitHub answered about {thing} with something else ({type(error).__name__}); try again."
        ) from error
    except GithubException as error:
        headers, said = error.headers or {}, _said(error)
        limited = isinstance(error, RateLimitExceededException) or (error.status == 403 and "retry-after" in headers)
        status = 404 if said.startswith("No commit found") else error.status
        raise explain("GitHub", thing, status, said, headers, limited=limited) from error
    except RuntimeError as error:  # PyGithub's error for a redirect that it does not follow
        raise PreconditionError(f"GitHub is not at the address of its Airflow connection: {error}.") from error


def _said(error: GithubException) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    details = data.get("errors")
    words = [
        detail
        if isinstance(detail, str)
        else " ".join(str(detail[name]) for name in ("field", "code", "message") if name in detail)
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, str | dict)
    ]
    message = str(data.get("message") or "")
    return f"{message} ({', '.join(words)})" if words else message
