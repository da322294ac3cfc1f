"""The STS operations: AssumeRole, for the roles of the inventory, and GetCallerIdentity."""

import secrets
from datetime import UTC, datetime, timedelta

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.sts.responses import TokenResponse

from sandbox.aws.services.sts.model import BASE, Caller, Identities
from sandbox.aws.sim.world import World


class AccessDenied(ServiceException):
    code = "AccessDenied"


class WorldStsResponse(TokenResponse):
    """`world` and `identities` are those of the server which answers."""

    world: World
    identities: Identities

    def assume_role(self) -> ActionResult:
        arn, session = str(self._get_param("RoleArn")), str(self._get_param("RoleSessionName"))
        # by the laptop's clock, not the world's: clients compare it with their own to know when to renew
        expires = datetime.now(UTC) + timedelta(seconds=self._lasting(arn))
        try:
            key, caller = self.identities.assume(arn, session, expires.timestamp())
        except KeyError as error:
            raise AccessDenied(
                f"User: {self._caller().arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
            ) from error
        credentials = {
            "AccessKeyId": key,
            "SecretAccessKey": secrets.token_hex(20),
            "SessionToken": secrets.token_hex(60),
            "Expiration": expires,
        }
        user = {"AssumedRoleId": caller.user_id, "Arn": caller.arn}
        return ActionResult({"Credentials": credentials, "AssumedRoleUser": user, "PackedPolicySize": 0})

    def _lasting(self, role: str) -> float:
        """Return for how many seconds the credentials of a role are valid."""
        asked = float(self._get_int_param("DurationSeconds", 3600))
        for fault in self.world.faults:
            if fault.kind == "sessions_shortened" and f":{fault.account}:" in role:
                fault.count()
                return min(asked, float(fault.fields["seconds"]))
        return asked

    def get_caller_identity(self) -> ActionResult:
        caller = self._caller()
        return ActionResult({"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn})

    def _caller(self) -> Caller:
        # the endpoint has refused unknown keys already, and moto does not see the base key as one
        return self.identities.find(self.get_access_key()) or BASE
