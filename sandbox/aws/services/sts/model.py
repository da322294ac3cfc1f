"""Callers: the base user, and the roles of the inventory that it has assumed."""

import math
import secrets
from dataclasses import dataclass

from sandbox.aws.authorization.policy import Policies

BASE_KEY = "sandbox"
BASE_ACCOUNT = "000000000000"
READING = "-read"  # ends the name of the role that can only read a target's account
SOMEBODY = "somebody"  # a role of every account: whoever else is at work there


@dataclass(frozen=True)
class Caller:
    account: str
    role: str = "base"
    session: str = ""
    role_id: str = "AIDASANDBOXBASEUSER00"
    expires: float = math.inf  # in seconds since 1970, by the laptop's clock

    @property
    def arn(self) -> str:
        if self.role == "base":
            return f"arn:aws:iam::{self.account}:user/{BASE_KEY}"
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role}/{self.session}"

    @property
    def role_arn(self) -> str:
        return f"arn:aws:iam::{self.account}:role/{self.role}"

    @property
    def user_id(self) -> str:
        return f"{self.role_id}:{self.session}" if self.session else self.role_id


BASE = Caller(BASE_ACCOUNT)


class Identities:
    """The roles that may be assumed, and every access key handed out.

    Keys outlive a reset of the world, as real ones outlive what they are used on: a client that was made before goes on
    working.
    """

    def __init__(self) -> None:
        self.builder_key = (
            f"BUILDER{secrets.token_hex(8).upper()}"  # the world's own builder, whose calls are not logged
        )
        self.roles: dict[str, Policies | None] = {}  # None: of somebody else, who may do everything
        self._callers: dict[str, Caller] = {BASE_KEY: BASE}

    def find(self, key: str) -> Caller | None:
        return self._callers.get(key)

    def policies_of(self, caller: Caller) -> Policies | None:
        """Return what the caller's role may do, or None if it may do everything."""
        return self.roles.get(caller.role_arn)

    def assume(self, role_arn: str, session: str, expires: float) -> tuple[str, Caller]:
        """Return a new access key and its caller. Raises: KeyError for a role that nobody may assume."""
        if role_arn not in self.roles:
            raise KeyError(role_arn)
        key = f"ASIA{secrets.token_hex(8).upper()}"
        role_id = f"AROA{abs(hash(role_arn)) % 10**16:016d}"
        caller = Caller(role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1], session, role_id, expires)
        self._callers[key] = caller
        return key, caller
