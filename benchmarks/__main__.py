"""Run the benchmarks and print what they found: `make bench`, or `make bench ONLY=waits` for some of them."""

import importlib
import os
import sys

from rich.console import Console
from rich.table import Table

ALL = ("parse", "clients", "waits", "restart", "recovery", "copy", "fleet", "review_apps")


def chosen(only: str) -> list[str]:
    """Return the benchmarks that were asked for, all if none was. Raises: ValueError for one there is not."""
    names = only.replace(",", " ").split()
    for name in names:
        if name not in ALL:
            raise ValueError(f"There is no benchmark {name!r}; choose from {', '.join(ALL)}.")
    return names or list(ALL)


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        names = chosen(os.environ.get("ONLY") or "")
    except ValueError as error:
        console.print(str(error), style="red")
        return 2
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        rows = module.measure()
        store = Table(*module.COLUMNS, title=module.TITLE)
        for row in rows:
            store.add_row(row.what, row.measured, row.target, row.compared)
        console.print(store)
    return 0


if __name__ == "__main__":
    sys.exit(main())
