"""Users, passwords and keys of one sandbox: made once, kept in its folder, readable by its owner only."""

import base64
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ROLES = {
    "viewer": "viewer",
    "operator": "user",
    "approver": "user",
    "second_approver": "user",
    "admin": "admin",
    "ci": "user",
}


def role_of(user: str) -> str:
    """Return the role of a user. Who is not listed above is an approver of the inventory."""
    return ROLES.get(user, "user")


@dataclass(frozen=True)
class Credentials:
    """`passwords` is by user; the keys sign and encrypt what Airflow keeps."""

    passwords: dict[str, str]
    postgres: str
    jwt_secret: str
    api_secret_key: str
    fernet_key: str

    @classmethod
    def of(cls, folder: Path, approvers: Iterable[str] = ()) -> "Credentials":
        """Return the folder's credentials, making what is missing. The inventory's approvers become users."""
        file = folder / "credentials.json"
        users = dict.fromkeys([*ROLES, *approvers])
        if file.exists():
            known = json.loads(file.read_text(encoding="utf-8"))
            kept = known["passwords"]
            known["passwords"] = {user: kept.get(user) or secrets.token_urlsafe(9) for user in users}
            if known["passwords"] != kept:
                write_private(file, json.dumps(known, indent=2))
            return cls(**known)
        made = cls(
            passwords={user: secrets.token_urlsafe(9) for user in users},
            postgres=secrets.token_urlsafe(24),
            jwt_secret=secrets.token_urlsafe(48),
            api_secret_key=secrets.token_urlsafe(32),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        )
        write_private(file, json.dumps(asdict(made), indent=2))
        return made


def write_private(file: Path, text: str) -> None:
    """Replace a file as a whole; nobody but its owner can read it at any moment."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    part.replace(file)
