"""The sandbox's supervisor is light: it starts the pretend cloud, and does not load it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["sandbox.__main__", "sandbox.demo.__main__"])
def test_the_pretend_cloud_is_loaded_by_its_own_process_only(package):
    loaded = f"import {package}, sys; print(sorted({{'airflow', 'flask', 'moto.ec2', 'sandbox.aws.sim.world'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
