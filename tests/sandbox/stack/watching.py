"""Watch a process: tell whether it runs, and wait for what it does."""

import time

import psutil

DEADLINE = 20.0  # seconds


def wait_until(what, look):
    end = time.monotonic() + DEADLINE
    while not look():
        assert time.monotonic() < end, f"waited {DEADLINE:.0f} s for {what}"
        time.sleep(0.02)


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
