"""Credentials for a process of its own that calls AWS, such as Terraform."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Credentials:
    """Credentials of a session. Those of an assumed role expire, usually after an hour."""

    access_key: str
    secret_key: str
    token: str
    expires_at: datetime | None

    def document(self) -> dict[str, Any]:
        """Return what a `credential_process` prints (AWS SDKs and Tools Reference Guide, Process credential provider)."""
        found = {"Version": 1, "AccessKeyId": self.access_key, "SecretAccessKey": self.secret_key}
        if self.token:
            found["SessionToken"] = self.token
        if self.expires_at:
            found["Expiration"] = self.expires_at.astimezone(UTC).isoformat()
        return found


@dataclass(frozen=True)
class ProcessAccess:
    """What a process needs to call AWS as a target's connection does. `credentials` are renewed by calling it again."""

    credentials: Callable[[], Credentials]
    region: str
    endpoint_url: str = ""  # of a pretend cloud, or a proxy

    def environment(self, folder: Path) -> dict[str, str]:
        """Write the credentials into a folder and return the variables that lead a process there. None of them is a secret.

        The process reads the file again when its credentials expire, so `renew` keeps it alive for longer than a role's session.
        """
        self.renew(folder)
        config = folder / "aws-config"
        config.write_text(f"[default]\nregion = {self.region}\ncredential_process = cat {folder / FILE}\n")
        found = {
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",  # the worker's own must never stand in for the target's
            "AWS_REGION": self.region,
        }
        return {**found, "AWS_ENDPOINT_URL": self.endpoint} if self.endpoint else found

    @property
    def endpoint(self) -> str:
        """Where the process calls AWS: "" for AWS itself. The name of a host is replaced by its address.

        Terraform calls a bucket as <bucket>.<host>, unless the host is an address, and DNS has no such names below that of a container
        with a pretend cloud. A certificate holds for the name alone, so HTTPS keeps it.
        """
        place = urlsplit(self.endpoint_url)
        name = place.hostname
        if place.scheme != "http" or not name or ":" in name:  # with a colon it is an address already
            return self.endpoint_url
        return place._replace(netloc=place.netloc.replace(name, socket.gethostbyname(name), 1)).geturl()

    def renew(self, folder: Path) -> datetime | None:
        """Write the current credentials where the process looks for them. Return when they expire, None if they never do."""
        found = self.credentials()
        whole = folder / f"{FILE}.new"
        whole.touch(mode=0o600)
        whole.write_text(json.dumps(found.document()))
        whole.rename(folder / FILE)
        return found.expires_at


FILE = "aws-credentials.json"
