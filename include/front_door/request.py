"""A request to start a runbook, read and judged before anything is asked of Airflow."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from include import trigger_request
from include.front_door.problem import FieldProblem, Problem, pointer
from include.request_rules import wrong_request
from include.run.params import Declared, field_errors, shown

KEY_HEADER = "Idempotency-Key"
KEY_FORM = re.compile(r"[\x21-\x7e]{1,200}")
FIELDS = ("params",)


@dataclass(frozen=True)
class StartRequest:
    """What a caller wants to have started. `key` is the caller's own name for this request."""

    runbook: str
    params: Mapping[str, Any]
    key: str

    @property
    def target(self) -> str:
        """The target, or "" if the request names none."""
        target = self.params.get("target")
        return target if isinstance(target, str) else ""

    @property
    def digest(self) -> str:
        """The same for two requests that ask for the same, whatever the order of their fields."""
        asked = {"runbook": self.runbook, "params": self.params}
        return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def read_request(runbook: str, key: str | None, body: bytes) -> StartRequest:
    """Read a request. Raises: Problem if it is not of the form that the front door takes."""
    if key is None or not KEY_FORM.fullmatch(key):
        why = f"must be 1 to 200 visible ASCII characters, not {shown(key)}" if key is not None else "is missing"
        raise Problem(
            "bad-request",
            f"The header {KEY_HEADER} {why}; choose a value per wanted run, such as a release, and repeat it with the request.",
            [FieldProblem(KEY_HEADER, f"The header {why}.")],
        )
    given = read_object(body)
    if wrong := [FieldProblem(pointer(name), "There is no such field.") for name in sorted(set(given) - set(FIELDS))]:
        raise Problem("bad-request", f"A request has the field params and no other, not {shown(list(given))}.", wrong)
    params = given.get("params")
    if not isinstance(params, dict):
        why = "is missing" if params is None else f"must be an object of names and values, not {shown(params)}"
        raise Problem("bad-request", f"params {why}.", [FieldProblem(pointer("params"), f"It {why}.")])
    return StartRequest(runbook, params, key)


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body holds. Raises: Problem."""
    if len(body) > trigger_request.LARGEST:
        raise Problem("too-large", trigger_request.TOO_LARGE)
    try:
        given = trigger_request.parse(body)
    except RecursionError as error:
        raise Problem("bad-request", trigger_request.TOO_DEEP) from error
    except ValueError as error:
        raise Problem("bad-request", "The body is no JSON that can be read.") from error
    if sentence := trigger_request.cannot_be_kept(given):
        raise Problem("bad-request", sentence)
    if not isinstance(given, dict):
        raise Problem("bad-request", f"The body must be a JSON object, not {shown(given)}.")
    return given


def refuse_wrong(request: StartRequest, declared: Mapping[str, Declared]) -> None:
    """Refuse what the runbook cannot take. Raises: Problem with each wrong field."""
    errors = field_errors(declared, request.params)
    if errors:
        fields = [FieldProblem(pointer("params", *error.path), f"{error.text}.") for error in errors]
        raise Problem("wrong-params", f"{'; '.join(error.text for error in errors)}.", fields)
    # what only the inventory knows is said as one sentence about all params
    if sentence := wrong_request(request.runbook, declared, dict(request.params)):
        raise Problem("wrong-params", sentence, [FieldProblem(pointer("params"), sentence)])
