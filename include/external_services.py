"""What asking GitHub, Jira, Sentry and Google Sheets has in common: retries while one does not answer, and what its refusal means."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TypeVar

import requests

from include.errors import PreconditionError, ServiceUnavailableError
from include.retry import EXTERNAL_SERVICE
from include.text import one_line

T = TypeVar("T")
UNTOLD = 60.0  # default pause in seconds if a rate-limited service gives none: GitHub asks for at least a minute
LIMITS = ("x-ratelimit", "x-sentry-rate-limit")
LONGEST_SAID = 300  # characters of a refusal's text in a message


def ask(look: Callable[[], T]) -> T:
    """Return what a read returns. A read changes nothing, so it is retried while that may help. Raises: ServiceUnavailableError."""
    return EXTERNAL_SERVICE.run(look)


def explain(
    service: str, thing: str, status: int, said: str, headers: Mapping[str, str], *, limited: bool = False
) -> ServiceUnavailableError | PreconditionError:
    """Return the error for a service's refusal of a call about a thing; `limited`: it takes no more calls for now."""
    answered = f"HTTP {status}" + (f": {one_line(said)[:LONGEST_SAID]}" if said.strip() else "")
    if limited or status == 429:
        seconds = seconds_to_wait(headers)
        return ServiceUnavailableError(
            f"{service} takes no more calls for now, asked about {thing} ({answered}); try again in {seconds:.0f} s.",
            seconds,
        )
    if status >= 500 or status == 408:
        return ServiceUnavailableError(f"{service} did not answer about {thing} ({answered}); try again.")
    if status == 404:
        return PreconditionError(
            f"{service} has no {thing}, or shows it to others than this connection's user; correct one of them."
        )
    if status == 401:
        return PreconditionError(
            f"{service} does not know who asks about {thing} ({answered}); put a valid token into its Airflow connection."
        )
    if status == 403:
        return PreconditionError(
            f"{service} does not allow that with {thing} ({answered}); give the user of its Airflow connection the right to."
        )
    return PreconditionError(f"{service} refuses what is asked about {thing} ({answered}); correct it there or here.")


def seconds_to_wait(headers: Mapping[str, str], now: float | None = None) -> float:
    """Return how many seconds a service that limits its callers asks them to wait, by what its answer says."""
    given = {name.lower(): str(value).strip() for name, value in headers.items()}
    moment = time.time() if now is None else now
    if after := given.get("retry-after"):
        return _seconds(after, moment)
    for limit in LIMITS:
        reset = _number(given.get(f"{limit}-reset", ""))
        if given.get(f"{limit}-remaining") == "0" and reset is not None:
            return max(1.0, math.ceil(reset - moment))
    return UNTOLD


def _seconds(after: str, now: float) -> float:
    seconds = _number(after)
    if seconds is not None:
        return max(1.0, seconds)
    try:
        return max(1.0, math.ceil(parsedate_to_datetime(after).timestamp() - now))
    except ValueError:
        return UNTOLD


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@contextmanager
def over_http(service: str, thing: str) -> Iterator[None]:
    """Translate what `requests` raises. Raises: ServiceUnavailableError, PreconditionError."""
    try:
        yield
    except requests.HTTPError as error:
        answer = error.response
        if answer is None:
            raise ServiceUnavailableError(f"{service} did not answer about {thing} ({error!r}); try again.") from error
        html = "html" in answer.headers.get("Content-Type", "")  # an HTML page of something else, such as a proxy
        said = str(answer.reason or "") if html else str(error)
        raise explain(service, thing, answer.status_code, said, answer.headers) from error
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
        raise PreconditionError(
            f"The Airflow connection to {service} has no usable address ({one_line(str(error))}); correct its host."
        ) from error
    except requests.RequestException as error:
        raise ServiceUnavailableError(
            f"{service} cannot be reached about {thing} ({one_line(str(error))[:LONGEST_SAID]}); try again."
        ) from error
