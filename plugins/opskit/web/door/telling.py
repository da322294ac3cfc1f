"""Messages to all Slack channels of the inventory, about what concerns every run."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime

from include.inventory import load
from include.notifications.outbox import SlackUnavailableError
from opskit.notifications.sender import slack_connection
from opskit.notifications.slack import SlackThread

TIMEOUT = 8.0  # seconds for all of them
SUBJECT = "emergency-stop"  # in the place of a run


def tell_channels(text: str, at: datetime) -> list[str]:
    """Post a message to each channel once. Return those that are not known to show it, and why. This never raises."""
    deadline = time.monotonic() + TIMEOUT
    threads = {}
    for target in load().with_samples:
        connection, channel = slack_connection(target), str(target.environment.slack_channel)
        if connection is not None and (str(connection.conn_id), channel) not in threads:
            threads[str(connection.conn_id), channel] = SlackThread(connection, channel, SUBJECT).until(deadline)
    if not threads:
        return []
    pool = ThreadPoolExecutor(len(threads), "channels")
    posted = {place: pool.submit(thread.post, text, at.isoformat(), None) for place, thread in threads.items()}
    wait(posted.values(), TIMEOUT)
    pool.shutdown(wait=False, cancel_futures=True)
    untold = []
    for (_, channel), future in posted.items():
        if not future.done():
            untold.append(f"{channel}: Slack did not answer in time.")
        elif (error := future.exception()) is not None:
            said = str(error) if isinstance(error, SlackUnavailableError) else f"{type(error).__name__}: {error}"
            untold.append(f"{channel}: {said}")
    return untold
