"""Refuse to go on without a Docker Compose that knows what docker-compose.yaml uses. It needs nothing but Python."""

import re
import subprocess
import sys

NEEDED = (2, 24)


def complaint(found: str) -> str:
    """Return why a version of Docker Compose will not do, or "". It is what `docker compose version --short` prints, "" without one."""
    numbers = tuple(int(each) for each in re.findall(r"\d+", found)[:2])
    if numbers >= NEEDED:
        return ""
    wanted = ".".join(map(str, NEEDED))
    return f"Docker with Compose {wanted} or newer is needed, and here is {found or 'no `docker compose`'}; install it, and start again."


def main() -> int:
    try:
        command = ["docker", "compose", "version", "--short"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # docker of the PATH
        found = asked.stdout.strip() if asked.returncode == 0 else ""
    except FileNotFoundError:
        found = ""
    said = complaint(found)
    sys.stderr.write(f"{said}\n" if said else "")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
