"""A commit goes through two accounts on real Airflow: one run is triggered, and it starts the other."""

import shutil

import pytest

from sandbox.external_services.github.infrastructure import CHANGE, sha_of

pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

CODE = "example-devices/staff-device-logging"


def test_commit_goes_through_the_account_before_and_to_its_target(sandbox):
    conf = {
        "target": "staff-device-logging/pre-production",
        "reason": "A promotion of the tests",
        "commit": sha_of(CODE, CHANGE),
    }
    run = sandbox.trigger("account_promotion", conf)
    assert run.wait(1800) == "success", run.describe()
    assert "staff-device-logging/development has proved commit" in run.log("await_earlier_account")
    assert "with package" in run.log("keep_promotion_proof")
    assert "staff-device-pre-production-infra-syslog (90 days)" in run.log("set_log_retention")
