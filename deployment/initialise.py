"""Bring Airflow's database to this version and make the first users: python -m deployment.initialise.

It may be run again at any time. What is there already stays as it is.
"""

import os
import subprocess
import sys
from dataclasses import dataclass

from deployment import installation
from deployment.env_file import ROLES

VARIABLE = "RUNBOOK_USERS"  # name:Role:password, with commas between them


@dataclass(frozen=True)
class Account:
    name: str
    role: str
    password: str


def read_accounts(text: str) -> list[Account]:
    """Return the users of the variable. Raises: SystemExit with a sentence that shows no password."""
    found: dict[str, Account] = {}
    for number, entry in enumerate(filter(None, text.split(",")), 1):
        name, _, rest = entry.partition(":")
        role, _, password = rest.partition(":")
        if not name or not password:
            raise SystemExit(f"Entry {number} of {VARIABLE} is not name:Role:password; correct it in .env.")
        if role not in ROLES:
            raise SystemExit(f"{VARIABLE} gives {name} the role {role!r}; use one of {', '.join(ROLES)}.")
        if name in found:
            raise SystemExit(f"{VARIABLE} names {name} twice; remove one of the entries in .env.")
        found[name] = Account(name, role, password)
    if not any(account.role == "Admin" for account in found.values()):
        raise SystemExit(f"{VARIABLE} has no Admin, so nobody could manage users; run `make env`.")
    return list(found.values())


def make_users(accounts: list[Account]) -> list[str]:
    """Make the users that are not there, and return their names. The password of a user who is there is theirs."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    made = []
    with get_application_builder() as builder:
        security = builder.sm  # FAB's security manager
        security.sync_roles()
        for account in accounts:
            if security.find_user(username=account.name):
                continue
            role = security.find_role(account.role)
            mail = f"{account.name}@localhost"  # FAB wants one, and sends none
            if not security.add_user(account.name, account.name, "", mail, role, password=account.password):
                raise SystemExit(f"The user {account.name} could not be made; the line above says why.")
            made.append(account.name)
    return made


def main() -> int:
    accounts = read_accounts(os.environ.get(VARIABLE, ""))
    if code := subprocess.run(["airflow", "db", "migrate"], check=False).returncode:  # noqa: S607  # the image's own
        return code
    installation.record(os.environ)
    made = make_users(accounts)
    sys.stdout.write(f"The database is ready; users made: {', '.join(made) or 'none, all were there'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
