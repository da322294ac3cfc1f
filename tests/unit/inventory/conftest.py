"""An inventory folder of one small system, into which a test puts one error."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.errors import InventoryError
from include.inventory import load

LIBRARY: dict[str, Any] = {
    "system": "library",
    "title": "Library catalogue",
    "environments": {
        "staging": {
            "account": "555555555551",
            "region": "eu-west-1",
            "role": "library-staging-runbooks",
            "cluster": "library-staging",
            "services": [
                {
                    "name": "catalogue",
                    "family": "catalogue",
                    "container": "web",
                    "launch_type": "FARGATE",
                    "tasks": 2,
                    "cpu": 512,
                    "memory": 1024,
                    "log_group": "/library/staging",
                    "boot": "45s",
                    "load_balancing": {
                        "target_group": "library-staging",
                        "container_port": 8000,
                        "path": "/health",
                        "matcher": "200",
                        "grace_period": "3m",
                    },
                }
            ],
            "restart": {"strategy": "rolling", "services": ["catalogue"], "timeout": "10m"},
            "approval": {"approvers": ["ann", "bob"], "respond_within": "2h"},
        }
    },
}
ABSENT = object()


@pytest.fixture
def library(tmp_path: Path) -> Callable[..., Path]:
    """Write library.yaml with some paths set (ABSENT: removed) and return its folder.

    A path's parts are joined by slashes; a number is a place in a list.
    """

    def write(changes: dict[str, Any] | None = None) -> Path:
        content = deepcopy(LIBRARY)
        for path, value in (changes or {}).items():
            *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
            place: Any = content
            for part in parents:
                place = place[part]
            if value is ABSENT:
                del place[last]
            else:
                place[last] = value
        (tmp_path / "library.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        return tmp_path

    return write


@pytest.fixture
def complaint() -> Callable[[Path], str]:
    """Return the message about an invalid folder."""

    def read(folder: Path) -> str:
        with pytest.raises(InventoryError) as caught:
            load(folder)
        return str(caught.value)

    return read
