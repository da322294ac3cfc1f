"""One simulated AWS in this process, and the runbook's DAG to run."""

import pytest
import yaml

from include.inventory import load
from include.inventory.loader import SHIPPED
from include.run.store import RunStore
from tests.inprocess.cloud import TABLE, Cloud
from tests.inprocess.driver import Orchestrator, dag_of


@pytest.fixture(scope="module")
def small_inventory(tmp_path_factory):
    """One surge and one rolling target of the shipped ones."""
    folder = tmp_path_factory.mktemp("inventory")
    for name in ("districtbuilder", "core"):
        content = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())
        content["environments"] = {"staging": content["environments"]["staging"]}
        for service in content["environments"]["staging"]["services"]:
            service["boot"] = "3m"  # every minute of a load is simulated, in every branch of a run
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return load(folder)


@pytest.fixture(scope="module")  # a wider scope would answer the calls of other tests, too
def only_cloud(small_inventory):
    with pytest.MonkeyPatch.context() as patch:
        made = Cloud(small_inventory, patch)
        patch.setattr("opskit.context.clients_for", made.clients)
        patch.setattr("opskit.context.run_store", lambda target: RunStore(made.clients(target).dynamodb, TABLE))
        # otherwise the files would be read again for every step
        patch.setattr("opskit.context.load", lambda: small_inventory)
        yield made


@pytest.fixture
def cloud(only_cloud):
    only_cloud.reset()
    return only_cloud


@pytest.fixture(scope="module")
def dag():
    return dag_of("service_restart")


@pytest.fixture
def airflow(cloud, dag):
    return Orchestrator(cloud, dag)
