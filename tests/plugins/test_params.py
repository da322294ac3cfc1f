"""The fields of every runbook's form."""

from types import SimpleNamespace

import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from include.errors import PreconditionError
from opskit.context import StepContext
from opskit.params import common_params, refuse_wrong


def value(name, given):
    return common_params(["core/staging"])[name].resolve(given)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("target", "core/production"),
        ("target", "Core/Staging"),
        ("target", "core/staging "),
        ("target", "core/stаging"),  # noqa: RUF001  # a Cyrillic letter, on purpose
        ("target", None),
        ("reason", "too short"),
        ("reason", ""),
        ("reason", None),
        ("reason", "x" * 501),
        ("reason", " " * 10),
        ("reason", "a \n\t b  c   "),
        ("reason", "\u200b" * 10),
        ("reason", "half of it is \x00 hidden"),
        ("reason", "a second line\nrings a \x07 bell"),
        ("reason", "it reads \u202e backwards"),
        ("plan_only", "yes"),
    ],
)
def test_what_does_not_fit_the_form_is_refused(name, given):
    with pytest.raises(ParamValidationError):
        value(name, given)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("target", "core/staging"),
        ("reason", "ten chars!"),
        ("reason", "two lines\nin a commit"),
        ("reason", "Grüße an 👩\u200d🚒 <!channel>"),
        ("plan_only", True),
    ],
)
def test_what_fits_the_form_is_taken(name, given):
    assert value(name, given) == given


def started(**conf):
    """A step of a run that was started without the API, such as by Airflow's command line."""
    params = ParamsDict(common_params(["core/staging"]))
    run = SimpleNamespace(dag_id="service_restart", conf=conf)
    return StepContext({"dag": SimpleNamespace(params=params), "dag_run": run})


def test_run_that_came_past_the_api_with_an_unknown_key_is_refused_by_its_plan():
    with pytest.raises(PreconditionError) as caught:
        refuse_wrong(started(target="core/staging", plan_onyl=True))
    assert str(caught.value) == (
        "This runbook knows no 'plan_onyl', did you mean 'plan_only'? It takes plan_only, reason, target. "
        "Nothing was changed."
    )
    refuse_wrong(started(target="core/staging", plan_only=True))


def test_reason_is_one_line_wherever_it_goes():
    ctx = StepContext({"params": {"reason": "release\n2026-11-21 ERROR forged \u202e\x07 line"}})
    assert ctx.reason == "release 2026-11-21 ERROR forged  line"


def test_field_that_was_emptied_has_its_default_and_a_required_one_stays_as_it_is():
    ctx = StepContext({"params": {"target": "core/staging", "bump": None, "version": None, "words": None, "cpu": None}})
    assert ctx.params == {"target": "core/staging", "bump": "patch", "version": "", "words": [], "cpu": None}
    assert StepContext({"params": {"bump": "major", "reason": None}}).params == {"bump": "major", "reason": None}
