"""All operations tables of the inventory, asked at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import RunbookError
from include.inventory import load
from include.run.store import RunStore
from opskit.connections.aws import run_store

T = TypeVar("T")
TIMEOUT = 20.0  # seconds: one account that does not answer must not hold back what the others have answered


def tables() -> dict[str, str]:
    """Return a target for each operations table, by the table's account, region and name. Templates' targets count."""
    inventory = load()
    found: dict[str, str] = {}
    for target in inventory.with_samples:
        place = target.environment
        found.setdefault(f"{place.account}/{place.region}/{place.operations_table}", target.name)
    return found


def at_all_tables(act: Callable[[RunStore], T]) -> tuple[dict[str, T], dict[str, str]]:
    """Return what was done at each table, and for the others why it is not known to be done."""
    pool, where = ThreadPoolExecutor(16, "tables"), tables()

    def one(target: str) -> T:
        return act(run_store(target))

    asked = {table: pool.submit(one, target) for table, target in where.items()}
    done, _ = wait(asked.values(), TIMEOUT)
    pool.shutdown(wait=False, cancel_futures=True)
    answers: dict[str, T] = {}
    failures: dict[str, str] = {}
    for table, future in asked.items():
        if future not in done:
            failures[table] = f"It did not answer within {TIMEOUT:.0f} s."
            continue
        try:
            answers[table] = future.result()
        except (RunbookError, BotoCoreError, ClientError) as error:
            failures[table] = str(error)
    return answers, failures
