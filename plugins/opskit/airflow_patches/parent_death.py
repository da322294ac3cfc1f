"""End forked processes together with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def end_forks_with_parent() -> None:
    """Make the kernel kill every process forked from now on, and its own forks, when its parent ends. Linux only."""
    if _PRCTL:
        os.register_at_fork(after_in_child=lambda: _PRCTL(PR_SET_PDEATHSIG, int(signal.SIGKILL)))
