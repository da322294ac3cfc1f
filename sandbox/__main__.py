"""Run the sandbox in the foreground: `python -m sandbox`, or `make sandbox`."""

import asyncio
import sys

from sandbox.stack.console import Screen
from sandbox.stack.supervisor import run

if __name__ == "__main__":
    sys.exit(asyncio.run(run(Screen())))
