"""What every runbook's form asks for."""

import pytest
from airflow.sdk.exceptions import ParamValidationError

from opskit.params import common_params


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
