"""Write .env with the secrets of one installation: make env. It needs nothing but Python.

What is in the file stays as it is; only what is missing is added. Nobody but its owner may read it.
"""

import base64
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

FILE = Path(".env")
ROLES = ("Admin", "Op", "User", "Viewer")  # Airflow's own
# the people of the shipped inventory; `make env` for another installation: USERS="ann:Admin bob:User"
USERS = "admin:Admin operator:User approver:User second_approver:User viewer:Viewer ci:User"
MADE: dict[str, Callable[[], str]] = {
    "FERNET_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "API_SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "JWT_SECRET": lambda: secrets.token_urlsafe(64),
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(24),
    "REDIS_PASSWORD": lambda: secrets.token_hex(24),
    "RUNBOOK_USERS": lambda: accounts(os.environ.get("USERS") or USERS),
}


def accounts(users: str) -> str:
    """Return users as name:Role:password, each with a password of its own. Raises: SystemExit for a wrong role, or if nobody is Admin."""
    for user in users.split():
        if user.partition(":")[2] not in ROLES:
            raise SystemExit(
                f"USERS has {user!r}, which is not name:Role with one of {', '.join(ROLES)}; nothing was changed."
            )
    if not any(user.endswith(":Admin") for user in users.split()):
        raise SystemExit("USERS has no Admin, so nobody could manage users; nothing was changed.")
    return ",".join(f"{user}:{secrets.token_urlsafe(12)}" for user in users.split())


def completed(text: str) -> tuple[str, list[str]]:
    """Return the file with what was missing, and the names of that."""
    known = {line.partition("=")[0].strip() for line in text.splitlines() if not line.lstrip().startswith("#")}
    missing = [name for name in MADE if name not in known]
    lines = [f"{name}={MADE[name]()}\n" for name in missing]
    gap = "" if not text or text.endswith("\n") else "\n"
    return text + gap + "".join(lines), missing


def unused(text: str, users: str) -> str:
    """Return why the users that are asked for are not made, or "": those of the file stay."""
    found = next((line.partition("=")[2] for line in text.splitlines() if line.startswith("RUNBOOK_USERS=")), "")
    there = [":".join(entry.split(":")[:2]) for entry in found.split(",") if entry]
    if not users or not there or sorted(users.split()) == sorted(there):
        return ""
    return (
        f"{FILE} has users already ({' '.join(there)}), so USERS was not used and nothing was changed. Before the first `make up`, remove "
        "its line RUNBOOK_USERS and call `make env` again; later, add people in Airflow under Security."
    )


def main() -> int:
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    if said := unused(before, os.environ.get("USERS", "")):
        raise SystemExit(said)
    text, missing = completed(before)
    part = FILE.with_name(f"{FILE.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    part.replace(FILE)
    said = f"made {', '.join(missing)}" if missing else "nothing was missing"
    sys.stdout.write(f"{FILE}: {said}. The passwords of the users are in its line RUNBOOK_USERS.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
