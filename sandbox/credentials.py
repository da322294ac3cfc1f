"""Users, passwords and keys of one sandbox: made once, kept in its folder, readable by its owner only."""

import base64
import json
import os
import secrets
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


@dataclass(frozen=True)
class Credentials:
    """`passwords` is by user; the keys sign and encrypt what Airflow keeps."""

    passwords: dict[str, str]
    postgres: str
    jwt_secret: str
    api_secret_key: str
    fernet_key: str

    @classmethod
    def of(cls, folder: Path) -> "Credentials":
        """Return the folder's credentials, making them the first time."""
        file = folder / "credentials.json"
        if file.exists():
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        made = cls(
            passwords={user: secrets.token_urlsafe(9) for user in ROLES},
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
