"""The one edge where AWS's answered refusals become ours: one sentence with the way out, never tried again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import RefusedError, ServiceUnavailableError
from include.retry import EXPIRED, UNSENT, may_pass
from include.text import one_line

LONGEST_SAID = (
    400  # characters of a refusal's own text in a message: an encoded authorization failure alone has thousands
)
SENT_AGAIN = "LimitExceededException"  # the SDK repeats a call after this one, although it is a quota's answer as well
WAYS_OUT = (  # the first that fits the error's code
    (
        re.compile("|".join(EXPIRED)),
        "put valid credentials into the target's Airflow connection, or correct the clock of this machine, then start again",
    ),
    (
        re.compile(
            r"AccessDenied|AccessDisabled|[Uu]nauthorized|NotAuthorized|AuthorizationError|AuthFailure|Forbidden"
        ),
        "give the role of the target's Airflow connection that right, then start again",
    ),
    (
        re.compile(r"Signature"),
        "correct the secret in the target's Airflow connection, or the clock of this machine, then start again",
    ),
    (
        re.compile(r"Blocked|OptInRequired|NotSignedUp"),
        "have AWS's support open the account or the region for it, then start again",
    ),
    (
        re.compile(r"Quota|LimitExceeded|TooMany|CountExceeded"),
        "remove what is no longer needed there or have the quota raised, then start again",
    ),
    (
        re.compile(r"NotFound|DoesNotExist|NoSuch|[Ii]nactive|NotActive"),
        "create it, or correct its name in the inventory, then start again",
    ),
    (
        re.compile(r"InUse|Conflict|State(?:Fault|Exception)?$|InProgress|AlreadyExists|Insufficient\w*Capacity"),
        "wait until that is over or put it right there, then start again",
    ),
)


def refusal_of(error: BaseException) -> RefusedError | None:
    """Return our refusal for AWS's own, or None if the error is no refusal or the same call may succeed later."""
    if isinstance(error, UNSENT):
        return RefusedError(f"Nothing was sent to AWS: {_cut(str(error))}; correct what it names, then start again.")
    if not isinstance(error, ClientError) or may_pass(error):
        return None
    return RefusedError(explain(error))


def refusal_of_write(error: BaseException) -> RefusedError | ServiceUnavailableError | None:
    """Return the same for a write, which a refusal proves not to have been made only if the SDK had sent it once.

    Otherwise an earlier answer may be the one that was lost: the step has to look first, so it is tried again.
    """
    refused = refusal_of(error)
    if refused and isinstance(error, ClientError) and _code(error) != SENT_AGAIN:
        again = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        if again:
            return ServiceUnavailableError(f"{refused} It was sent {again + 1} times, so it is looked for before that.")
    return refused


@contextmanager
def translated() -> Iterator[None]:
    """Raise our refusal instead of AWS's own, for a caller that can do without what it asks. Raises: RefusedError."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        if refused := refusal_of(error):
            raise refused from error
        raise


def explain(error: ClientError) -> str:
    """Return one sentence for an error that AWS answered with: what it refuses, in its own words, and the way out."""
    code, said = _code(error), _cut(error.response["Error"].get("Message") or "no reason given")
    way_out = next(
        (way for pattern, way in WAYS_OUT if pattern.search(code)), "correct what it names, then start again"
    )
    return f"AWS refuses {error.operation_name} ({code}: {said}); {way_out}."


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _cut(text: str) -> str:
    text = one_line(text).rstrip(".")
    return text if len(text) <= LONGEST_SAID else f"{text[: LONGEST_SAID - 3]}..."
