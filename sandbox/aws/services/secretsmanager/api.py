"""Secrets Manager where moto is too lenient: what is marked for deletion keeps its name and takes no write, in simulated time."""

from typing import Any

from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import FakeSecret
from moto.secretsmanager.responses import SecretsManagerResponse

from sandbox.aws.faults import terraform_faults
from sandbox.aws.sim.world import World

FORCED = 30.0  # simulated seconds: a secret that is deleted without recovery is not gone at once
DAY = 86400.0
WINDOW = 30  # days, unless the call says otherwise
SCHEDULED = "You can't create this secret because a secret with this name is already scheduled for deletion."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."


class WorldSecretsManagerResponse(SecretsManagerResponse):
    """`world` is set once, when the server is made."""

    world: World

    def create_secret(self) -> Any:
        self._follow()
        found = self._found(str(self._get_param("Name")))
        if found and found.is_deleted():
            raise InvalidRequestException(SCHEDULED)
        return super().create_secret()

    def put_secret_value(self) -> Any:
        self._refuse_marked()
        return super().put_secret_value()

    def update_secret(self) -> Any:
        self._refuse_marked()
        return super().update_secret()

    def get_secret_value(self) -> Any:
        self._refuse_marked()
        return super().get_secret_value()

    def tag_resource(self) -> Any:
        self._refuse_marked()
        return super().tag_resource()

    def describe_secret(self) -> Any:
        self._follow()
        return super().describe_secret()

    def list_secrets(self) -> Any:
        self._follow()
        return super().list_secrets()

    def restore_secret(self) -> Any:
        self._follow()
        if (found := self._found()) and getattr(found, "forced", False):
            raise InvalidRequestException(MARKED)
        return super().restore_secret()

    def delete_secret(self) -> Any:
        """Mark a secret for deletion. Without recovery that lasts for seconds, and cannot be taken back."""
        now = self._follow()
        found, force = self._found(), self._get_param("ForceDeleteWithoutRecovery") is True
        if found is None:
            return super().delete_secret()
        if found.is_deleted() and not force:
            raise InvalidRequestException(MARKED)
        was = found.deleted_date
        answer = super().delete_secret()  # checks the rest, and forgets what is forced
        found.deleted_date = now + (FORCED if force else DAY * (self._get_param("RecoveryWindowInDays") or WINDOW))
        if force:
            setattr(found, "forced", True)  # noqa: B010  # moto's secrets have no such state
            self.backend.secrets[found.name] = found
        elif was is not None:
            found.deleted_date = was
        return answer

    def _found(self, name: str = "") -> FakeSecret | None:
        found: Any = self.backend.secrets.get(name or str(self._get_param("SecretId")))
        return found if isinstance(found, FakeSecret) else None

    def _refuse_marked(self) -> None:
        self._follow()
        found = self._found()
        if found and found.is_deleted():
            raise InvalidRequestException(MARKED)

    def _follow(self) -> float:
        """Remove the secrets whose time has come."""
        now = self.world.catch_up()
        held: Any = self.backend.secrets
        for name, each in list(dict.items(held)):
            if isinstance(each, FakeSecret) and each.deleted_date is not None and each.deleted_date <= now:
                dict.pop(held, name)
                terraform_faults.make_again(self.world, self.current_account, self.region, name)
        return now
