"""Lines of a task's log that Airflow's log page shows whole beside the grid, on a screen of 1,280 pixels."""

import logging
import textwrap
from typing import Any

WIDTH = 85  # characters of a line; what is longer is cut off at the right


def tell(log: Any, text: str, level: int = logging.INFO) -> None:
    """Log a text in lines that are short enough."""
    for line in textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False):
        log.log(level, "%s", line)
