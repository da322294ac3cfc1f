"""Runs every selected journey with the fixture `scene` at the same time, in one sandbox."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from include.inventory import load
from tests.support import tiers
from tests.support.running_sandbox import start_sandbox
from tests.support.scenes import AT_ONCE, SPEED, Scene, write_dags, write_inventory


class SideBySide:
    """The outcomes of the tests that run in parallel. The sandbox ends with the last of them."""

    def __init__(self, items: list[pytest.Function], folder: Any):
        self._open = ExitStack()
        inventory = folder / "inventory"
        inventory.mkdir()
        names = [f"scene{number:02}" for number in range(1, len(items) + 1)]
        markers = [item.get_closest_marker("stage") for item in items]
        write_inventory(
            inventory,
            {name: dict(marker.kwargs) if marker else {} for name, marker in zip(names, markers, strict=True)},
        )
        dags = write_dags(folder / "dags")
        starting = contextmanager(start_sandbox)(
            folder / "state", speed=SPEED, RUNBOOK_INVENTORY=str(inventory), SANDBOX_DAGS=str(dags)
        )
        sandbox = self._open.enter_context(starting)
        pool = self._open.enter_context(ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scene"))
        self._open.callback(pool.shutdown, wait=True, cancel_futures=True)
        described = load(inventory)
        self._outcomes: dict[str, Future[None]] = {
            item.nodeid: pool.submit(_play, item, Scene(sandbox, name, described, dags))
            for item, name in zip(items, names, strict=True)
        }

    def report(self, test: str) -> None:
        """Wait for a test's outcome. Raises: what the test raised."""
        outcome = self._outcomes.pop(test)
        try:
            outcome.result()
        finally:
            if not self._outcomes:
                self.close()

    def close(self) -> None:
        self._open.close()


def _play(item: Any, scene: Scene) -> None:
    tiers.skip_if_late(item.config)
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    item.obj(scene, **parameters)
    scene.ensure_promises_kept()


@pytest.fixture(scope="session")
def side_by_side(request, tmp_path_factory):
    items = [item for item in request.session.items if "side_by_side" in getattr(item, "fixturenames", ())]
    playing = SideBySide(items, tmp_path_factory.mktemp("side_by_side"))
    yield playing
    playing.close()


@pytest.fixture
def scene(side_by_side) -> SideBySide:
    """Stand in for the Scene, which the test gets in the thread it runs in."""
    return side_by_side


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Wait for the outcome of a test that runs in parallel, instead of running it now."""
    if "side_by_side" not in pyfuncitem.fixturenames:
        return None
    pyfuncitem.funcargs["scene"].report(pyfuncitem.nodeid)
    return True
